"""Customers are found by organisation and metering point at once; by one of them alone, a list reads all of them."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE, _BOTH, _POINT = "customers", "ix_customers_point", "ix_customers_metering_point"


def upgrade() -> None:
    """Puts the index of both in the place of that of points."""
    op.create_index(_BOTH, _TABLE, ["organisation", "metering_point"])
    op.drop_index(_POINT, _TABLE)


def downgrade() -> None:
    """Puts the index of points back."""
    op.create_index(_POINT, _TABLE, ["metering_point"])
    op.drop_index(_BOTH, _TABLE)
