"""How meters are set: tariffs, interval, pulse inputs and content of the package."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "meter_configurations",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("meter_id", sa.String(32), nullable=False),
        sa.Column("valid_from", sa.DateTime(), nullable=False),
        sa.Column("valid_to", sa.DateTime(), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=True),
        sa.Column("tariffs", sa.String(200), nullable=True),
        sa.Column("pulse_inputs", sa.String(200), nullable=True),
        sa.Column("package", sa.String(200), nullable=True),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.Column("known_to", sa.DateTime(), nullable=True),
    )
    op.create_index("ix_meter_configurations_meter", "meter_configurations", ["organisation", "meter_id", "valid_from"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("meter_configurations")
