"""Every knob, read once per process.

Values come from the environment (prefix ``METERHOUSE_``), then from ``meterhouse.toml`` in the installation's
directory. Nothing below the entry points reads either again: they are handed a frozen :class:`Settings`.
"""

from settings.installation import (
    CONFIG_NAME,
    InstallationError,
    create,
    locate,
    named,
    write_zone,
    written_zone,
    zone_of,
)
from settings.model import Settings, load

__all__ = [
    "CONFIG_NAME",
    "InstallationError",
    "Settings",
    "create",
    "load",
    "locate",
    "named",
    "write_zone",
    "written_zone",
    "zone_of",
]
