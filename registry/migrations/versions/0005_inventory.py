"""Inventory: what meters went through, versions of exchanges, final readings, custom fields, capacity plans."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EXCHANGE = (
    "organisation",
    "metering_point",
    "exchanged_at",
    "register",
    "old_meter_id",
    "new_meter_id",
    "old_final",
    "new_initial",
    "known_from",
)


def upgrade() -> None:
    """Applies the change; exchanges get a number of their own, since one may have several versions."""
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meter_number", sa.String(64), nullable=True))
        batch_op.add_column(sa.Column("state_since", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("deleted_from", sa.String(16), nullable=True))
        batch_op.create_index("ix_meters_state", ["organisation", "state"], unique=False)
        batch_op.create_index("ix_meters_sorted", ["organisation", "serial", "meter_id"], unique=False)
    op.rename_table("exchanges", "exchanges_before")
    op.create_table(
        "exchanges",
        sa.Column("id", sa.Integer(), primary_key=True),
        *_exchange_columns(),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("identity", sa.String(128), nullable=True),
        sa.Column("known_to", sa.DateTime(), nullable=True),
    )
    _copy("exchanges_before", "exchanges")
    op.drop_table("exchanges_before")
    op.create_index("ix_exchanges_point", "exchanges", ["organisation", "metering_point", "exchanged_at"])
    op.create_table(
        "final_readings",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("metering_point", sa.String(64), nullable=False),
        sa.Column("meter_id", sa.String(32), nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.Column("register", sa.String(32), nullable=False),
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.Column("known_to", sa.DateTime(), nullable=True),
    )
    op.create_index("ix_final_readings_point", "final_readings", ["organisation", "metering_point", "read_at"])
    op.create_table(
        "custom_fields",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("entity", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("choices", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "custom_values",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("entity", sa.String(16), primary_key=True),
        sa.Column("entity_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(48), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("number", sa.Float(53), nullable=True),
    )
    op.create_index("ix_custom_values_value", "custom_values", ["organisation", "entity", "name", "value"])
    op.create_table(
        "capacity_plans",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("max_in_use", sa.Integer(), nullable=True),
        sa.Column("finest_interval_s", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(), nullable=False),
    )


def downgrade() -> None:
    """Takes it back; of each exchange the version that holds stays."""
    for table in ("capacity_plans", "custom_values", "custom_fields", "final_readings"):
        op.drop_table(table)
    op.drop_index("ix_exchanges_point", "exchanges")
    op.rename_table("exchanges", "exchanges_after")
    key = ("organisation", "metering_point", "exchanged_at", "register")
    op.create_table("exchanges", *_exchange_columns(), sa.PrimaryKeyConstraint(*key))
    _copy("exchanges_after", "exchanges", "WHERE known_to IS NULL")
    op.drop_table("exchanges_after")
    with op.batch_alter_table("meters", schema=None) as batch_op:
        for index in ("ix_meters_sorted", "ix_meters_state"):
            batch_op.drop_index(index)
        for column in ("deleted_from", "deleted_at", "state_since", "meter_number"):
            batch_op.drop_column(column)


def _exchange_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("metering_point", sa.String(64), nullable=False),
        sa.Column("exchanged_at", sa.DateTime(), nullable=False),
        sa.Column("register", sa.String(32), nullable=False),
        sa.Column("old_meter_id", sa.String(32), nullable=False),
        sa.Column("new_meter_id", sa.String(32), nullable=False),
        sa.Column("old_final", sa.String(32), nullable=True),
        sa.Column("new_initial", sa.String(32), nullable=False),
        sa.Column("known_from", sa.DateTime(), nullable=False),
    ]


def _copy(source: str, target: str, which: str = "") -> None:
    columns = ", ".join(_EXCHANGE)
    op.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {source} {which}")
