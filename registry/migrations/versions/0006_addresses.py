"""Customers: one row per occupancy, with telephone, e-mail and what the address check found."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 10_000


def _kept() -> list[sa.Column]:  # type: ignore[type-arg]
    """Columns that both shapes have beside their keys."""
    return [
        sa.Column("customer_number", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("address", sa.String(200)),
        sa.Column("postal_code", sa.String(16)),
        sa.Column("city", sa.String(100)),
        sa.Column("latitude", sa.String(16)),
        sa.Column("longitude", sa.String(16)),
    ]


def upgrade() -> None:
    """Who is known at a point is there since ever; coordinates that stand were given, not searched."""
    rows = _rows("organisation", "metering_point", *(column.name for column in _kept()))
    op.drop_table("customers")
    table = op.create_table(
        "customers",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("occupancy", sa.String(16), primary_key=True),
        sa.Column("metering_point", sa.String(64), nullable=False),
        *_kept(),
        sa.Column("address2", sa.String(200)),
        sa.Column("telephone", sa.String(64)),
        sa.Column("email", sa.String(200)),
        sa.Column("coordinate_status", sa.String(16)),
        sa.Column("alternatives", sa.Text()),
        sa.Column("occupied_from", sa.DateTime()),
        sa.Column("occupied_to", sa.DateTime()),
    )
    for column in ("metering_point", "coordinate_status"):
        op.create_index(op.f(f"ix_customers_{column}"), "customers", [column])
    for row in rows:
        row["occupancy"] = secrets.token_hex(8)
        row["coordinate_status"] = "manual" if row["latitude"] and row["longitude"] else None
    _insert(table, rows)


def downgrade() -> None:
    """Keeps who lives at each point now."""
    names = ("organisation", "metering_point", *(column.name for column in _kept()))
    rows = [row for row in _rows(*names, "occupied_to") if row.pop("occupied_to") is None]
    op.drop_table("customers")
    table = op.create_table(
        "customers",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("metering_point", sa.String(64), primary_key=True),
        *_kept(),
    )
    _insert(table, rows)


def _rows(*names: str) -> list[dict[str, object]]:
    table = sa.table("customers", *(sa.column(name) for name in names))
    return [dict(row) for row in op.get_bind().execute(sa.select(table)).mappings()]


def _insert(table: sa.Table, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        op.bulk_insert(table, rows[start : start + _AT_ONCE])
