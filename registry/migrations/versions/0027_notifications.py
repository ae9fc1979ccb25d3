"""Notifications: rules, recipients, messages and what they told; the outbox carries text messages, too."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables; what lies in the outbox goes by mail."""
    with op.batch_alter_table("mail_outbox") as outbox:
        outbox.add_column(sa.Column("channel", sa.String(8), nullable=False, server_default="mail"))
        outbox.alter_column("state", existing_type=sa.String(8), type_=sa.String(16), existing_nullable=False)
    op.create_table(
        "notification_rules",
        sa.Column("rule_id", sa.String(16), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("occupancy", sa.String(16), nullable=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("active_since", sa.DateTime(), nullable=True),
        sa.Column("handled_until", sa.DateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
    )
    op.create_index("ix_notification_rules_organisation", "notification_rules", ["organisation", "name"])
    op.create_index("ix_notification_rules_occupancy", "notification_rules", ["occupancy"])
    op.create_table(
        "notification_recipients",
        sa.Column("rule_id", sa.String(16), primary_key=True),
        sa.Column("recipient_no", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
    )
    op.create_table(
        "notification_messages",
        sa.Column("message_id", sa.String(32), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("rule_id", sa.String(16), nullable=False),
        sa.Column("recipient_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.UniqueConstraint("rule_id", "recipient_no", "due_at", name="uq_notification_messages_due"),
    )
    op.create_index("ix_notification_messages_made", "notification_messages", ["organisation", "made_at"])
    op.create_table(
        "notification_tellings",
        sa.Column("rule_id", sa.String(16), primary_key=True),
        sa.Column("recipient_no", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("event_key", sa.String(200), primary_key=True),
        sa.Column("episode", sa.DateTime(), primary_key=True),
        sa.Column("turn", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("metering_point", sa.String(64), nullable=True),
        sa.Column("message_id", sa.String(32), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_notification_tellings_point", "notification_tellings", ["organisation", "metering_point"])


def downgrade() -> None:
    """Takes them away."""
    for table in ("notification_tellings", "notification_messages", "notification_recipients", "notification_rules"):
        op.drop_table(table)
    op.execute("delete from mail_outbox where channel <> 'mail'")
    op.execute("update mail_outbox set state = 'sent' where state = 'delivered'")
    with op.batch_alter_table("mail_outbox") as outbox:
        outbox.alter_column("state", existing_type=sa.String(16), type_=sa.String(8), existing_nullable=False)
        outbox.drop_column("channel")
