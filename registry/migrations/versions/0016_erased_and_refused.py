"""Erased customers are known by a keyed digest, so that no file brings them back; refused files are remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TABLE = "erased_customers"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        _TABLE,
        sa.Column("erasure", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
    )
    op.create_index(f"ix_{_TABLE}_organisation", _TABLE, ["organisation"])
    op.create_table(
        "refused_imports",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("refused_imports")
    op.drop_table(_TABLE)
