"""Mail: templates of an organisation's own, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = ("organisation", "kind", "language", "name")


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "mail_templates",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("language", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("plain_text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "active_mail_templates",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("language", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(_KEY, [f"mail_templates.{name}" for name in _KEY], name="fk_active_mail_templates"),
    )
    op.create_table(
        "mail_outbox",
        sa.Column("mail_id", sa.String(32), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("variables", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued_at", sa.DateTime(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
    )
    with op.batch_alter_table("mail_outbox", schema=None) as batch_op:
        batch_op.create_index("ix_mail_outbox_due", ["state", "next_at"], unique=False)
        for column in ("organisation", "subject"):
            batch_op.create_index(batch_op.f(f"ix_mail_outbox_{column}"), [column], unique=False)


def downgrade() -> None:
    """Takes them away."""
    op.drop_table("mail_outbox")
    op.drop_table("active_mail_templates")
    op.drop_table("mail_templates")
