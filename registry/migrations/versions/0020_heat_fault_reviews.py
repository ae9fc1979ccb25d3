"""What people found of faults of substations."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds it."""
    op.create_table(
        "heat_fault_reviews",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False, index=True),
        sa.Column("metering_point", sa.String(64), nullable=False, index=True),
        sa.Column("period_start", sa.DateTime(), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.Column("known_to", sa.DateTime(), nullable=True),
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_table("heat_fault_reviews")
