"""Erased customers are known by a keyed digest, so that no file brings them back."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = "erased_customers"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        _TABLE,
        sa.Column("erasure", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
    )
    op.create_index(f"ix_{_TABLE}_organisation", _TABLE, ["organisation"])


def downgrade() -> None:
    """Takes it away."""
    op.drop_table(_TABLE)
