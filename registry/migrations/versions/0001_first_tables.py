"""First tables: inventory, customers, groups, keys, ledger, audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the change."""
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=128), nullable=False),
        sa.Column("computer", sa.String(length=128), nullable=True),
        sa.Column("object", sa.String(length=200), nullable=True),
        sa.Column("details", sa.String(length=4000), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "collectors",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("collector", sa.String(length=128), nullable=False),
        sa.Column("comment", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "collector"),
    )
    op.create_table(
        "cursors",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=4000), nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "name"),
    )
    op.create_table(
        "customers",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("metering_point", sa.String(length=64), nullable=False),
        sa.Column("customer_number", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("postal_code", sa.String(length=16), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("latitude", sa.String(length=16), nullable=True),
        sa.Column("longitude", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "metering_point"),
    )
    op.create_table(
        "exchanges",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("metering_point", sa.String(length=64), nullable=False),
        sa.Column("exchanged_at", sa.DateTime(), nullable=False),
        sa.Column("register", sa.String(length=32), nullable=False),
        sa.Column("old_meter_id", sa.String(length=32), nullable=False),
        sa.Column("new_meter_id", sa.String(length=32), nullable=False),
        sa.Column("old_final", sa.String(length=32), nullable=True),
        sa.Column("new_initial", sa.String(length=32), nullable=False),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "metering_point", "exchanged_at", "register"),
    )
    op.create_table(
        "group_members",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("group_name", sa.String(length=100), nullable=False),
        sa.Column("metering_point", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.DateTime(), nullable=False),
        sa.Column("valid_to", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "group_name", "metering_point", "valid_from"),
    )
    op.create_table(
        "groups",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("group_name", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "group_name"),
    )
    op.create_table(
        "installations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("metering_point", sa.String(length=64), nullable=False),
        sa.Column("meter_id", sa.String(length=32), nullable=False),
        sa.Column("installed_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.Column("known_from", sa.DateTime(), nullable=False),
        sa.Column("known_to", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("installations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_installations_meter_id"), ["meter_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_installations_metering_point"), ["metering_point"], unique=False)

    op.create_table(
        "landed_files",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("landed_at", sa.DateTime(), nullable=False),
        sa.Column("landed_day", sa.Date(), nullable=False),
        sa.Column("collector", sa.String(length=128), nullable=True),
        sa.Column("received_at", sa.DateTime(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("batch_no", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("rejected", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "sha256"),
    )
    with op.batch_alter_table("landed_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_landed_files_batch_no"), ["batch_no"], unique=False)
        batch_op.create_index(batch_op.f("ix_landed_files_landed_day"), ["landed_day"], unique=False)
        batch_op.create_index(batch_op.f("ix_landed_files_state"), ["state"], unique=False)

    op.create_table(
        "meter_keys",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("meter_id", sa.String(length=32), nullable=False),
        sa.Column("key_no", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("verified_at", sa.DateTime(), nullable=True),
        sa.Column("failed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("organisation", "meter_id", "key_no"),
    )
    op.create_table(
        "metering_points",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("metering_point", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "metering_point"),
    )
    op.create_table(
        "meters",
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("meter_id", sa.String(length=32), nullable=False),
        sa.Column("manufacturer", sa.String(length=3), nullable=False),
        sa.Column("serial", sa.String(length=8), nullable=False),
        sa.Column("version", sa.String(length=2), nullable=False),
        sa.Column("device_type", sa.String(length=2), nullable=False),
        sa.Column("medium", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("organisation", "meter_id"),
    )
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meters_serial"), ["serial"], unique=False)


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_meters_serial"))

    op.drop_table("meters")
    op.drop_table("metering_points")
    op.drop_table("meter_keys")
    with op.batch_alter_table("landed_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_landed_files_state"))
        batch_op.drop_index(batch_op.f("ix_landed_files_landed_day"))
        batch_op.drop_index(batch_op.f("ix_landed_files_batch_no"))

    op.drop_table("landed_files")
    with op.batch_alter_table("installations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_installations_metering_point"))
        batch_op.drop_index(batch_op.f("ix_installations_meter_id"))

    op.drop_table("installations")
    op.drop_table("groups")
    op.drop_table("group_members")
    op.drop_table("exchanges")
    op.drop_table("customers")
    op.drop_table("cursors")
    op.drop_table("collectors")
    op.drop_table("audit_log")
