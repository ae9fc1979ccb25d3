"""Registers of an exchange that were erased are null."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lets the new meter's register be null."""
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.alter_column("new_initial", existing_type=sa.String(32), nullable=True)


def downgrade() -> None:
    """Takes it back; exchanges whose registers were erased go."""
    op.execute("DELETE FROM exchanges WHERE new_initial IS NULL")
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.alter_column("new_initial", existing_type=sa.String(32), nullable=False)
