"""Messages may have files with them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds what they are kept in."""
    op.add_column("mail_outbox", sa.Column("attachments", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("mail_outbox", "attachments")
