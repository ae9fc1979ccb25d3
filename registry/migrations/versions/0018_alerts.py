"""Consumption alerts: limits on what metering points use."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TABLE = "consumption_alerts"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        _TABLE,
        sa.Column("alert_no", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("metering_point", sa.String(64), nullable=False),
        sa.Column("register", sa.String(32), nullable=False),
        sa.Column("limit_value", sa.String(32), nullable=False),
        sa.Column("period", sa.String(8), nullable=False),
        sa.Column("include_estimates", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.Column("last_reset", sa.DateTime(), nullable=True),
        sa.Column("resets", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
    )
    op.create_index(f"ix_{_TABLE}_point", _TABLE, ["organisation", "metering_point"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table(_TABLE)
