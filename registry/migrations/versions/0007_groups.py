"""Groups: versions of names, rules and memberships; which collector reads which group; when a meter was imported."""

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EVER = datetime(1970, 1, 1)  # noqa: DTZ001  naive in the database, as all instants
_PERIOD = ("valid_from", "valid_to", "known_from", "known_to")


def upgrade() -> None:
    """Gives each group an id of its own, under which what is there already is kept."""
    connection = op.get_bind()
    groups = sa.table("groups", *map(sa.column, ("organisation", "group_name")))
    instant = sa.column("valid_from", sa.DateTime()), sa.column("valid_to", sa.DateTime())
    members = sa.table("group_members", *map(sa.column, ("organisation", "group_name", "metering_point")), *instant)
    ids = {tuple(row): uuid4().hex for row in connection.execute(sa.select(groups)).all()}
    memberships = connection.execute(sa.select(members)).all()
    op.drop_table("groups")
    op.drop_table("group_members")
    new_groups, new_members = _create()
    versions = [
        {"organisation": owner, "group_id": group_id, "group_name": name, "known_from": _EVER}
        for (owner, name), group_id in ids.items()
    ]
    kept = [
        {
            "organisation": row.organisation,
            "group_id": ids[row.organisation, row.group_name],
            "metering_point": row.metering_point,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "known_from": row.valid_from,
        }
        for row in memberships
        if (row.organisation, row.group_name) in ids
    ]
    if versions:
        op.bulk_insert(new_groups, versions)
    if kept:
        op.bulk_insert(new_members, kept)
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.add_column(sa.Column("imported_at", sa.DateTime(), nullable=True))


def _create() -> tuple[sa.Table, sa.Table]:
    groups = op.create_table(
        "groups",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("group_id", sa.String(32), nullable=False),
        sa.Column("group_name", sa.String(100), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.Column("known_to", sa.DateTime(), nullable=True),
    )
    members = op.create_table(
        "group_members",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("group_id", sa.String(32), nullable=False),
        sa.Column("metering_point", sa.String(64), nullable=False),
        *_period(),
    )
    op.create_table(
        "group_readers",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("collector", sa.String(128), nullable=False),
        sa.Column("group_id", sa.String(32), nullable=False),
        *_period(),
    )
    for table, column in (
        ("groups", "organisation"),
        ("groups", "group_id"),
        ("group_members", "group_id"),
        ("group_members", "metering_point"),
        ("group_readers", "collector"),
        ("group_readers", "group_id"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    return groups, members


def _period() -> list[sa.Column[datetime]]:
    return [sa.Column(name, sa.DateTime(), nullable=name.endswith("_to")) for name in _PERIOD]


def downgrade() -> None:
    """Takes it back: groups and memberships as they are now, without rules and history."""
    connection = op.get_bind()
    groups = sa.table("groups", *map(sa.column, ("organisation", "group_id", "group_name", "known_to")))
    names = ("organisation", "group_id", "metering_point", "known_to")
    members = sa.table(
        "group_members",
        *map(sa.column, names),
        sa.column("valid_from", sa.DateTime()),
        sa.column("valid_to", sa.DateTime()),
    )
    current = connection.execute(sa.select(groups).where(groups.c.known_to.is_(None))).all()
    memberships = connection.execute(sa.select(members).where(members.c.known_to.is_(None))).all()
    for table in ("group_readers", "group_members", "groups"):
        op.drop_table(table)
    old_members = op.create_table(
        "group_members",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("group_name", sa.String(100), primary_key=True),
        sa.Column("metering_point", sa.String(64), primary_key=True),
        sa.Column("valid_from", sa.DateTime(), primary_key=True),
        sa.Column("valid_to", sa.DateTime(), nullable=True),
    )
    old_groups = op.create_table(
        "groups",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("group_name", sa.String(100), primary_key=True),
    )
    named = {row.group_id: row.group_name for row in current}
    rows = [{"organisation": row.organisation, "group_name": row.group_name} for row in current]
    kept = [
        {
            "organisation": row.organisation,
            "group_name": named[row.group_id],
            "metering_point": row.metering_point,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
        }
        for row in memberships
        if row.group_id in named
    ]
    if rows:
        op.bulk_insert(old_groups, rows)
    if kept:
        op.bulk_insert(old_members, kept)
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.drop_column("imported_at")
