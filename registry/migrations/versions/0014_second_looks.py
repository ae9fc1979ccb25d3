"""Secrets of services end, and a mail domain that one administrator asks for waits for another one."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Secrets that are there get no end; a new one has one."""
    with op.batch_alter_table("service_identities") as table:
        table.add_column(sa.Column("secret_expires_at", sa.DateTime(), nullable=True))
    op.create_table(
        "domain_requests",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("domain", sa.String(253), primary_key=True),
        sa.Column("asked_by", sa.String(128), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    """Takes both away."""
    op.drop_table("domain_requests")
    with op.batch_alter_table("service_identities") as table:
        table.drop_column("secret_expires_at")
