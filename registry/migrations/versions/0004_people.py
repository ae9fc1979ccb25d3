"""People and access: users, roles, the permission matrix, grants, services, invitations, sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXED = (
    ("users", "organisation"),
    ("user_roles", "user_id"),
    ("meter_grants", "user_id"),
    ("user_tokens", "user_id"),
    ("invitations", "user_id"),
    ("user_sessions", "user_id"),
    ("sign_in_throttles", "last_failure_at"),
)


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("email", sa.String(254), nullable=True),
        sa.UniqueConstraint("email"),
        sa.Column("name", sa.String(200), nullable=True),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("csv_delimiter", sa.String(1), nullable=False),
        sa.Column("thousands_separator", sa.String(1), nullable=False),
        sa.Column("decimal_separator", sa.String(1), nullable=False),
        sa.Column("is_external", sa.Boolean(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("password_policy", sa.String(16), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("activated_at", sa.DateTime(), nullable=True),
        sa.Column("latest_login_at", sa.DateTime(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(), nullable=True),
    )
    op.create_table(
        "user_roles",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.Column("granted_by", sa.String(128), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_by", sa.String(128), nullable=True),
    )
    op.create_table(
        "user_capabilities",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("capability", sa.String(32), primary_key=True),
    )
    op.create_table(
        "role_permissions",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), primary_key=True),
        sa.Column("area", sa.String(32), primary_key=True),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "meter_grants",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("meter_id", sa.String(32), nullable=False),
        sa.Column("valid_from", sa.DateTime(), nullable=False),
        sa.Column("valid_to", sa.DateTime(), nullable=True),
        sa.Column("granted_by", sa.String(128), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
    )
    op.create_table(
        "service_identities",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("description", sa.String(200), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("secret_digest", sa.String(64), nullable=True),
        sa.UniqueConstraint("secret_digest"),
        sa.Column("created_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "service_permissions",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("service", sa.String(16), primary_key=True),
        sa.Column("area", sa.String(32), primary_key=True),
    )
    op.create_table(
        "user_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("confirmed_by", sa.String(128), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
    )
    op.create_table(
        "allowed_domains",
        sa.Column("organisation", sa.String(64), primary_key=True),
        sa.Column("domain", sa.String(253), primary_key=True),
    )
    op.create_table(
        "user_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "sign_in_throttles",
        sa.Column("throttle_key", sa.String(128), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", sa.DateTime(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
    )
    for table, column in _INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Drops them."""
    for table, column in _INDEXED:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_table("sign_in_throttles")
    op.drop_table("user_sessions")
    op.drop_table("allowed_domains")
    op.drop_table("invitations")
    op.drop_table("user_tokens")
    op.drop_table("service_permissions")
    op.drop_table("service_identities")
    op.drop_table("meter_grants")
    op.drop_table("role_permissions")
    op.drop_table("user_capabilities")
    op.drop_table("user_roles")
    op.drop_table("users")
