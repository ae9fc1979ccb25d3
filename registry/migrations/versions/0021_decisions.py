"""Decisions about exceptions, readings entered by hand, and trials of policies."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds them."""
    op.create_table(
        "exception_decisions",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("meter_id", sa.String(64), nullable=False),
        sa.Column("register", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("value", sa.String(32), nullable=True),
        sa.Column("reason_code", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_forced", sa.Boolean(), nullable=False),
        sa.Column("takes_effect", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_exception_decisions_meter", "exception_decisions", ["organisation", "meter_id", "at"])
    op.create_table(
        "manual_readings",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("meter_id", sa.String(64), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.Column("reader", sa.String(128), nullable=False),
        sa.Column("photo", sa.String(512), nullable=True),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("entered_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_manual_readings_meter", "manual_readings", ["organisation", "meter_id", "read_at"])
    op.create_table(
        "policy_trials",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("run_at", sa.DateTime(), nullable=False),
    )
    op.create_index("ix_policy_trials_digest", "policy_trials", ["organisation", "kind", "digest"])


def downgrade() -> None:
    """Takes them back, with what was decided."""
    for table in ("policy_trials", "manual_readings", "exception_decisions"):
        op.drop_table(table)
