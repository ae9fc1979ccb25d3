"""Customers' former versions, for files that were sent: what was known of them at an instant."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table."""
    op.add_column("customers", sa.Column("known_from", sa.DateTime(), nullable=True))
    op.create_table(
        "customer_versions",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("occupancy", sa.String(16), primary_key=True),
        sa.Column("known_to", sa.DateTime(), primary_key=True),
        sa.Column("known_from", sa.DateTime(), nullable=True),
        sa.Column("metering_point", sa.String(64), nullable=False),
        sa.Column("customer_number", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=True),
        sa.Column("address", sa.String(200), nullable=True),
        sa.Column("address2", sa.String(200), nullable=True),
        sa.Column("postal_code", sa.String(16), nullable=True),
        sa.Column("city", sa.String(100), nullable=True),
        sa.Column("occupied_from", sa.DateTime(), nullable=True),
        sa.Column("occupied_to", sa.DateTime(), nullable=True),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("customer_versions")
    op.drop_column("customers", "known_from")
