"""Where collectors stand."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_COLUMNS = ("latitude", "longitude")


def upgrade() -> None:
    """Adds their coordinates."""
    for name in _COLUMNS:
        op.add_column("collectors", sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    """Takes them away."""
    for name in _COLUMNS:
        op.drop_column("collectors", name)
