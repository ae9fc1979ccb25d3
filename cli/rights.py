"""Which right each command needs; :mod:`cli.acting` asks for it once the installation is open."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any

from registry.people.rights import (
    ACCESS_CONTROL,
    DATA_ACCESS,
    DEVICE_AND_CUSTOMER_MANAGEMENT,
    GROUP_MANAGEMENT,
    KEYS,
    READING_MANAGEMENT,
    SYSTEM_CONFIGURATION,
    Right,
)

_DEVICES = Right(DEVICE_AND_CUSTOMER_MANAGEMENT)
_SEE, _SYSTEM, _ACCESS = Right(DATA_ACCESS), Right(SYSTEM_CONFIGURATION), Right(ACCESS_CONTROL)
_SEE_KEYS, _CHANGE_KEYS = Right(DATA_ACCESS, KEYS), Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS)

RIGHTS: Mapping[str, Right | None] = {
    "init": None,
    "demo": None,
    "simulate": None,
    "decode": None,
    "dictionary": None,
    "import": _DEVICES,
    "import readings": Right(READING_MANAGEMENT),
    "import temperatures": Right(READING_MANAGEMENT),
    "imports": _DEVICES,
    "imports list": _SEE,
    "customer": _DEVICES,
    "customer show": _SEE,
    "address": _DEVICES,
    "address list": _SEE,
    "key": _CHANGE_KEYS,
    "key list": _SEE_KEYS,
    "key status": _SEE_KEYS,
    "key download": _SEE_KEYS,
    "key bundle": _SEE_KEYS,
    "key bundles": _SEE_KEYS,
    "key open": None,
    "key verify": None,
    "key rotate": Right(SYSTEM_CONFIGURATION, KEYS),
    "key batch": Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, "otc_admin"),
    "group": Right(GROUP_MANAGEMENT),
    "group list": _SEE,
    "group show": _SEE,
    "group preview": _SEE,
    "group route": _SEE,
    "group readers": _SEE,
    "meter": _DEVICES,
    "meter list": _SEE,
    "meter show": _SEE,
    "meter exchange show": _SEE,
    "meter field": _SYSTEM,
    "meter field list": _SEE,
    "meter capacity set": _SYSTEM,
    "meter capacity show": _SEE,
    "collector": _DEVICES,
    "collector list": _SEE,
    "org": _ACCESS,
    "user": _ACCESS,
    "user accept": None,
    "ingest": Right(READING_MANAGEMENT),
    "materialize": Right(READING_MANAGEMENT),
    "sql": _SEE,
    "explain": _SEE,
    "catalogue": _SEE,
    "alert": Right(READING_MANAGEMENT),
    "alert list": _SEE,
    "alert show": _SEE,
    "report": _SEE,
    "export": _SEE,
    "export run": Right(READING_MANAGEMENT),
    "export formats": _SYSTEM,
    "export formats list": _SEE,
    "export formats show": _SEE,
    "export destinations": _SYSTEM,
    "job": _SYSTEM,
    "job list": _SEE,
    "job show": _SEE,
    "job runs": _SEE,
    "job failed": _SEE,
    "job run": Right(READING_MANAGEMENT),
    "job retry": Right(READING_MANAGEMENT),
    "job release": Right(READING_MANAGEMENT),
    "job cancel": Right(READING_MANAGEMENT),
    "heat-fault": Right(READING_MANAGEMENT),
    "report comment": Right(READING_MANAGEMENT),
    "policy": _SYSTEM,
    "policy check": _SEE,
    "policy history": _SEE,
    "policy list": _SEE,
    "policy show": _SEE,
    "validation": _SYSTEM,
    "validation rules": _SEE,
    "exception": Right(READING_MANAGEMENT),
    "exception list": _SEE,
    "exception show": _SEE,
    "reading": Right(READING_MANAGEMENT),
    "lake": Right(READING_MANAGEMENT),
    "retention": _SYSTEM,
    "retention certificates": _SEE,
    "retention presets": _SEE,
    "audit": _SYSTEM,
    "erase": _SYSTEM,
    "backup": _SYSTEM,
    "backup restore": None,
    "registry": _SYSTEM,
    "timezone": _SYSTEM,
    "serve": _SYSTEM,
    "mail": _SYSTEM,
    "notification": Right(READING_MANAGEMENT),
    "notification log": _SEE,
    "notification subscribe": _DEVICES,
    "notification subscriptions": _DEVICES,
    "notification unsubscribe": _DEVICES,
}
"""Right by command, and by the kind of file; the longest name that a command begins with counts.

``None``: it needs none of an installation.
"""

needed: ContextVar[Right | None] = ContextVar("right needed", default=None)
"""The right that the running command needs."""


def right_of(path: str) -> Right | None:
    """The right that a command needs, such as ``meter exchange show``.

    Raises:
        KeyError: Nobody has said.
    """
    words = path.split()
    named = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return RIGHTS[next((name for name in named if name in RIGHTS), path)]


def guard(command: Any, path: str) -> None:
    """Lets a command, and all below it, know the right it needs when it runs."""
    for name, below in getattr(command, "commands", {}).items():
        guard(below, f"{path} {name}")
    if not hasattr(command, "commands"):
        right_of(path)  # a command that nobody has thought of does not even start
        command.callback = _needing(path, command.callback)


def _needing(path: str, callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*arguments: Any, **options: Any) -> Any:
        def work() -> Any:
            needed.set(right_of(f"{path} {options.get('kind', '')}"))
            return callback(*arguments, **options)

        return copy_context().run(work)  # who acts, and with which right, ends with the command

    return run
