"""Retention: certificates, and how many frames of a landed file are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds them; of no file anything is known to be gone."""
    op.create_table(
        "retention_certificates",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
    )
    op.create_index("ix_retention_certificates_organisation", "retention_certificates", ["organisation"])
    op.create_table(
        "retention_counts",
        sa.Column("certificate", sa.Integer(), sa.ForeignKey("retention_certificates.id"), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("rows_before", sa.BigInteger(), nullable=False),
        sa.Column("rows_removed", sa.BigInteger(), nullable=True),
        sa.Column("rows_after", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("certificate", "table_name"),
    )
    op.add_column("landed_files", sa.Column("gone", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Takes them back: nobody can tell any more why frames of a landed file are missing."""
    op.drop_column("landed_files", "gone")
    op.drop_table("retention_counts")
    op.drop_index("ix_retention_certificates_organisation", table_name="retention_certificates")
    op.drop_table("retention_certificates")
