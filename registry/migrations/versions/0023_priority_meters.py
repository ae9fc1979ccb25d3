"""Priority meters, and how many there may be."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """No meter has priority yet; a plan that says nothing of them allows the usual number."""
    with op.batch_alter_table("meters") as table:
        table.add_column(sa.Column("priority_since", sa.DateTime(), nullable=True))
    with op.batch_alter_table("capacity_plans") as table:
        table.add_column(sa.Column("max_priority", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Takes both away."""
    with op.batch_alter_table("capacity_plans") as table:
        table.drop_column("max_priority")
    with op.batch_alter_table("meters") as table:
        table.drop_column("priority_since")
