"""How many priority meters there may be."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A plan that says nothing of them allows the usual number."""
    with op.batch_alter_table("capacity_plans") as table:
        table.add_column(sa.Column("max_priority", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    with op.batch_alter_table("capacity_plans") as table:
        table.drop_column("max_priority")
