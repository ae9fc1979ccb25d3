"""Key classes: which class, algorithm and usage a key has, and the EUIs of LoRaWAN sets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the change; keys that are there already decrypt telegrams."""
    with op.batch_alter_table("meter_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key_class", sa.String(length=8), nullable=False, server_default="oms"))
        batch_op.add_column(sa.Column("algorithm", sa.String(length=8), nullable=False, server_default="AES-128"))
        batch_op.add_column(sa.Column("usage", sa.String(length=16), nullable=False, server_default="any"))
        batch_op.add_column(sa.Column("device_eui", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("join_eui", sa.String(length=16), nullable=True))
        batch_op.create_index(batch_op.f("ix_meter_keys_device_eui"), ["device_eui"], unique=False)


def downgrade() -> None:
    """Takes it back; keys of LoRaWAN sets decrypt no telegram and go."""
    op.execute("DELETE FROM meter_keys WHERE key_class <> 'oms'")
    with op.batch_alter_table("meter_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_meter_keys_device_eui"))
        for column in ("join_eui", "device_eui", "usage", "algorithm", "key_class"):
            batch_op.drop_column(column)
