"""Key management: data keys, validity of keys, organisations, claims, batches, labels, key bundles."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_VALIDITY = ("valid_from", "valid_to", "changed_at")


def upgrade() -> None:
    """Applies the change; keys that are there already are valid at all times."""
    op.create_table(
        "data_keys",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master_id", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    with op.batch_alter_table("meter_keys", schema=None) as batch_op:
        for column in _VALIDITY:
            batch_op.add_column(sa.Column(column, sa.DateTime(), nullable=True))
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state_reason", sa.String(64), nullable=True))
    op.create_table(
        "organisations",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("public_id", sa.String(36), nullable=False, unique=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("own_reference", sa.String(100), nullable=True),
        sa.Column("parent", sa.String(64), sa.ForeignKey("organisations.organisation"), nullable=True),
        sa.Column("may_create_children", sa.Boolean(), nullable=False),
        sa.Column("accepts_partners", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_index(op.f("ix_organisations_parent"), "organisations", ["parent"])
    op.create_table(
        "partners",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("partner", sa.String(64), primary_key=True),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_by", sa.String(64), nullable=True),
    )
    op.create_table(
        "claims",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("meter_id", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claimant", sa.String(64), nullable=False),
        sa.Column("batch_owner", sa.String(64), nullable=True),
        sa.Column("batch", sa.String(100), nullable=True),
        sa.Column("requested_at", sa.DateTime(), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
    )
    op.create_index(op.f("ix_claims_state"), "claims", ["state"])
    op.create_index(op.f("ix_claims_claimant"), "claims", ["claimant"])
    op.create_table(
        "batches",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("batch", sa.String(100), primary_key=True),
        sa.Column("target", sa.String(64), nullable=True),
        sa.Column("label", sa.String(100), nullable=True),
        sa.Column("needs_confirmation", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "batch_devices",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("batch", sa.String(100), primary_key=True),
        sa.Column("meter_id", sa.String(32), primary_key=True),
    )
    op.create_index(op.f("ix_batch_devices_meter_id"), "batch_devices", ["meter_id"])
    op.create_table(
        "labels",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("meter_id", sa.String(32), primary_key=True),
        sa.Column("label", sa.String(100), primary_key=True),
    )
    op.create_table(
        "key_bundles",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("bundle", sa.String(36), primary_key=True),
        sa.Column("device", sa.String(100), nullable=False),
        sa.Column("meters", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
    )


def downgrade() -> None:
    """Takes it back, where nothing was wrapped under a data key that would be lost.

    Raises:
        RuntimeError: There are data keys.
    """
    if op.get_bind().execute(sa.text("SELECT number FROM data_keys")).first():
        raise RuntimeError("The keys are wrapped under data keys that an older version does not know.")
    for table in (
        "key_bundles",
        "labels",
        "batch_devices",
        "batches",
        "claims",
        "partners",
        "organisations",
        "data_keys",
    ):
        op.drop_table(table)
    with op.batch_alter_table("meters", schema=None) as batch_op:
        batch_op.drop_column("state_reason")
    with op.batch_alter_table("meter_keys", schema=None) as batch_op:
        for column in _VALIDITY:
            batch_op.drop_column(column)
