"""The registry's tables: who and what.

Instants are UTC. ``organisation`` is on every table. Personal data stands in ``customers`` and ``users`` and nowhere
else; keys stand wrapped in ``meter_keys``.
"""

from registry.models.base import Base, Exact, Instant
from registry.models.customers import Customer
from registry.models.events import AuditEvent, SubjectKey
from registry.models.groups import Group, GroupMember
from registry.models.inventory import Collector, Exchange, Installation, Meter, MeteringPoint
from registry.models.keys import MeterKey
from registry.models.landing import Cursor, File
from registry.models.people import (
    AllowedDomain,
    Invitation,
    MeterGrant,
    RolePermission,
    ServiceIdentity,
    ServicePermission,
    SignInThrottle,
    User,
    UserCapability,
    UserRole,
    UserSession,
    UserToken,
)

__all__ = [
    "AllowedDomain",
    "AuditEvent",
    "Base",
    "Collector",
    "Cursor",
    "Customer",
    "Exact",
    "Exchange",
    "File",
    "Group",
    "GroupMember",
    "Installation",
    "Instant",
    "Invitation",
    "Meter",
    "MeterGrant",
    "MeterKey",
    "MeteringPoint",
    "RolePermission",
    "ServiceIdentity",
    "ServicePermission",
    "SignInThrottle",
    "SubjectKey",
    "User",
    "UserCapability",
    "UserRole",
    "UserSession",
    "UserToken",
]
