"""The status of meters' keys is read from an index."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLE, _INDEX = "meter_keys", "ix_meter_keys_status"


def upgrade() -> None:
    """Makes the index."""
    columns = ["organisation", "key_class", "meter_id", "valid_from", "valid_to", "verified_at", "failed_at"]
    op.create_index(_INDEX, _TABLE, columns)


def downgrade() -> None:
    """Takes it away."""
    op.drop_index(_INDEX, _TABLE)
