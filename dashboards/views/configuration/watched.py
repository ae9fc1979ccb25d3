"""Places that are watched for files, as jobs that import."""

from datetime import datetime

import polars as pl

from dashboards.components.rows import TEXT, WHEN, YES
from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.views.configuration.imports import EVENTS, KEY_FILE
from dashboards.words import Words
from registry import ledger
from registry.people.rights import ORCHESTRATOR
from registry.refusals import refusals
from registry.trail import Filter, events

COLUMNS = {
    "job": TEXT,
    "job_type": TEXT,
    "export_format": TEXT,
    "group": TEXT,
    "job_interval": TEXT,
    "job_active": YES,
    "last_run": WHEN,
    "run_state": TEXT,
    "next_run": WHEN,
    "destination": TEXT,
    "reason": TEXT,
}
"""Columns of the list of jobs."""

_FILE_STATES = {"landed": "queued", "numbered": "building", "read": "imported", "refused": "failed"}
_KEYS = (f"{KEY_FILE}.import",)
_REGISTRY = tuple(event for event in EVENTS if event not in _KEYS)


def watched(say: Words) -> pl.DataFrame:
    """A row per folder and SFTP drop that is watched.

    Args:
        say: Who reads it.

    Returns:
        The columns of the list of jobs. ``last_run`` and ``run_state`` are those of the newest file that came by a
        folder or drop of this kind; the registry does not tell the two apart.
    """
    known = installation().settings
    frames = _newest_file()
    imported, keys = _newest_import(), _taken(_KEYS)
    places = [
        (say("watched.folder", folder=known.inbox_path.name), "frames", frames),
        (say("watched.folder", folder=known.imports_path.name), "registry", imported),
        (say("watched.folder", folder=f"{known.imports_path.name}/{known.keys_path.name}"), "keys", keys),
    ]
    if known.sftp.host:
        places.append((say("watched.sftp", folder=known.sftp.folder), "frames", frames))
        if known.sftp.imports_folder:
            places.append((say("watched.sftp", folder=known.sftp.imports_folder), "registry", imported))
    rows = [
        (name, "import", say(f"watched.{kind}"), None, say("watched.interval"), True, at, state, None, None, reason)
        for name, kind, (at, state, reason) in places
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


_Outcome = tuple[datetime | None, str | None, str | None]
_NOTHING: _Outcome = (None, None, None)


def _newest_file() -> _Outcome:
    with installation().registry.begin(readonly=True) as session:
        file = next(iter(ledger.latest(session, organisation(), 1)), None)
        return (file.landed_at, _FILE_STATES.get(file.state), file.reason) if file else _NOTHING


def _taken(kinds: tuple[str, ...]) -> _Outcome:
    """The newest import that nobody asked for by name."""
    asked = Filter(organisation(), kinds=kinds, identity=ORCHESTRATOR)
    found = next(iter(events(installation().registry, asked, 1)), None)
    return (found.at, "imported", None) if found else _NOTHING


def _newest_import() -> _Outcome:
    """The newest of registry files that were taken and files that were refused."""
    taken = _taken(_REGISTRY)
    refused = max(refusals(installation().registry, organisation()), key=lambda row: row.last_at, default=None)
    if refused and (taken[0] is None or refused.last_at > taken[0]):
        return refused.last_at, "failed", refused.reason
    return taken
