"""Audit: before and after, why, and persons under keys of their own; the chain as in ALGORITHMS §18."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEW = ("before", "after", "reason", "subject", "personal")
_HASHED = ("organisation", "event", "identity", "computer", "object", "details", *_NEW)


def upgrade() -> None:
    """Adds the columns and chains the events anew: the hash now covers all of them."""
    op.create_table(
        "subject_keys",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(128), primary_key=True),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        for column in ("before", "after", "reason", "personal"):
            batch_op.add_column(sa.Column(column, sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("subject", sa.String(128), nullable=True))
        batch_op.alter_column("details", existing_type=sa.String(4000), type_=sa.Text(), existing_nullable=True)
        for column in ("organisation", "at", "subject"):
            batch_op.create_index(batch_op.f(f"ix_audit_log_{column}"), [column], unique=False)
    _chain_anew()


def _chain_anew() -> None:
    names = ("number", "at", *_HASHED)
    table = sa.table("audit_log", *(sa.column(name) for name in (*names, "digest")))
    connection = op.get_bind()
    previous = "0" * 64
    for row in connection.execute(sa.select(*(table.c[name] for name in names)).order_by(table.c.number)).all():
        values = dict(zip(names, row, strict=True))
        at = values["at"] if isinstance(values["at"], datetime) else datetime.fromisoformat(values["at"])
        fields = {name: values[name] for name in _HASHED} | {"at": at.replace(tzinfo=UTC).isoformat()}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = sha256(bytes.fromhex(previous) + canonical.encode()).hexdigest()
        connection.execute(sa.update(table).where(table.c.number == values["number"]).values(digest=previous))


def downgrade() -> None:
    """Takes the columns away; the older chain is not restored."""
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        for column in ("organisation", "at", "subject"):
            batch_op.drop_index(batch_op.f(f"ix_audit_log_{column}"))
        for column in _NEW:
            batch_op.drop_column(column)
    op.drop_table("subject_keys")
