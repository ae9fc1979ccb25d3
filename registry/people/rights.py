"""What can be granted: services, roles, areas, and the permission matrix Meterhouse comes with."""

from typing import NamedTuple

PORTAL = "portal"
KEYS = "keys"
MANAGER = "manager"
ANALYTICS = "analytics"

USER = "user"
SUPERUSER = "superuser"
ADMINISTRATOR = "administrator"

ROLES = (USER, SUPERUSER, ADMINISTRATOR)
"""From the lowest to the highest."""

SERVICES = {
    PORTAL: (USER, SUPERUSER),
    KEYS: (USER, SUPERUSER),
    MANAGER: ROLES,
    ANALYTICS: ROLES,
}
"""Roles each service has. Who has none in a service has no access to it; in the portal everybody is at least a user."""

DATA_ACCESS = "data_access"
READING_MANAGEMENT = "reading_management"
DEVICE_AND_CUSTOMER_MANAGEMENT = "device_and_customer_management"
GROUP_MANAGEMENT = "group_management"
SYSTEM_CONFIGURATION = "system_configuration"
ACCESS_CONTROL = "access_control"

AREAS = (
    DATA_ACCESS,
    READING_MANAGEMENT,
    DEVICE_AND_CUSTOMER_MANAGEMENT,
    GROUP_MANAGEMENT,
    SYSTEM_CONFIGURATION,
    ACCESS_CONTROL,
)

MATRIX = {
    ADMINISTRATOR: frozenset(AREAS),
    SUPERUSER: frozenset(AREAS) - {ACCESS_CONTROL},
    USER: frozenset({DATA_ACCESS}),
}
"""Areas by role. A user views and exports; importing, configuring, creating, editing and deleting are other areas."""

EDITABLE = (SUPERUSER, USER)
"""Roles whose permissions administrators may change."""

CAPABILITIES = {"otc_admin": "batch references and order codes of the key service"}
"""Advanced functions of the key service, granted one by one to people with a role in it."""

UNATTENDED = frozenset({
    (KEYS, DATA_ACCESS),
    (KEYS, DEVICE_AND_CUSTOMER_MANAGEMENT),
    (MANAGER, DATA_ACCESS),
    (MANAGER, READING_MANAGEMENT),
    (MANAGER, DEVICE_AND_CUSTOMER_MANAGEMENT),
})  # fmt: skip
"""What unattended work needs: import of meters, addresses and coordinates, readings, the keys they take, key files."""

PRESETS = {"unattended": UNATTENDED}

ORCHESTRATOR = "service:orchestrator"
"""Whom work is ascribed to that nobody asked for by name: sensors, schedules, and what they import."""

BUILT_IN = {ORCHESTRATOR.removeprefix("service:"): UNATTENDED}
"""Services that every organisation has from the start."""


class Right(NamedTuple):
    """What an actor must hold to do something.

    Attributes:
        area: Area of the permission matrix.
        service: Service it is held in.
        capability: Advanced function of the key service, or empty.
    """

    area: str
    service: str = MANAGER
    capability: str = ""
