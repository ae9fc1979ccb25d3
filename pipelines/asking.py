"""Who asks the orchestrator for a run."""

from collections.abc import Mapping

from registry.people.rights import ORCHESTRATOR

HEADER = "x-meterhouse-identity"
"""Header by which the door tells the Dagster webserver who asks; it lets nobody else send it."""

ASKED_BY_TAG = "meterhouse/asked_by"
"""Tag of a run that names who asked for it, such as ``user:7``."""

UI = "service:dagster-ui"
"""Whom a run is ascribed to that was asked for past the door, which alone knows who asks."""

_UNATTENDED = frozenset(("dagster/sensor_name", "dagster/schedule_name", "dagster/backfill"))


def unnamed(tags: Mapping[str, str]) -> str:
    """Whom a run is ascribed to that no person was named for: by what the orchestrator itself notes on it."""
    return ORCHESTRATOR if _UNATTENDED & tags.keys() else UI
