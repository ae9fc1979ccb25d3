"""People and services: who may do what. Names and e-mail addresses stand in ``users`` and nowhere else."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base


class User(Base):
    """A person with an account. A deleted one keeps its number, and nothing that tells who it was."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64), index=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2))
    csv_delimiter: Mapped[str] = mapped_column(String(1))
    thousands_separator: Mapped[str] = mapped_column(String(1))
    decimal_separator: Mapped[str] = mapped_column(String(1))
    is_external: Mapped[bool]
    is_enabled: Mapped[bool]
    must_change_password: Mapped[bool]
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_policy: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    latest_login_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class UserRole(Base):
    """A person's role in a service; a past one has an end."""

    __tablename__ = "user_roles"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(index=True)
    service: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    granted_at: Mapped[datetime]
    granted_by: Mapped[str] = mapped_column(String(128))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(128))


class UserCapability(Base):
    """An advanced function of the key service that a person may use."""

    __tablename__ = "user_capabilities"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    capability: Mapped[str] = mapped_column(String(32), primary_key=True)


class RolePermission(Base):
    """A cell of the permission matrix that differs from the one Meterhouse comes with."""

    __tablename__ = "role_permissions"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    area: Mapped[str] = mapped_column(String(32), primary_key=True)
    is_allowed: Mapped[bool]


class MeterGrant(Base):
    """Right of a person to read one meter, from one instant to another."""

    __tablename__ = "meter_grants"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(index=True)
    meter_id: Mapped[str] = mapped_column(String(32))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(String(128))
    revoked_at: Mapped[datetime | None]


class ServiceIdentity(Base):
    """Who unattended work runs as."""

    __tablename__ = "service_identities"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    description: Mapped[str | None] = mapped_column(String(200))
    is_enabled: Mapped[bool]
    secret_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    secret_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ServicePermission(Base):
    """An area of a service that a service identity may work in."""

    __tablename__ = "service_permissions"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    service: Mapped[str] = mapped_column(String(16), primary_key=True)
    area: Mapped[str] = mapped_column(String(32), primary_key=True)


class UserToken(Base):
    """A link sent to a person: to activate an account, take an invitation or set a new password."""

    __tablename__ = "user_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Invitation(Base):
    """An invitation of a person, whose data stand in ``users``."""

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(128))
    is_held: Mapped[bool]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(String(128))
    sent_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AllowedDomain(Base):
    """A mail domain whose people belong to the organisation."""

    __tablename__ = "allowed_domains"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    domain: Mapped[str] = mapped_column(String(253), primary_key=True)


class DomainRequest(Base):
    """A mail domain that an administrator asks for, and that waits for another one."""

    __tablename__ = "domain_requests"

    organisation: Mapped[str] = mapped_column(String(64), primary_key=True)
    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[datetime]


class UserSession(Base):
    """A person signed in with one browser."""

    __tablename__ = "user_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[int] = mapped_column(index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class SignInThrottle(Base):
    """Failed sign-ins of an account or from an address; an address belongs to no organisation."""

    __tablename__ = "sign_in_throttles"

    key: Mapped[str] = mapped_column("throttle_key", String(128), primary_key=True)
    failures: Mapped[int]
    last_failure_at: Mapped[datetime] = mapped_column(index=True)
    locked_until: Mapped[datetime | None]
