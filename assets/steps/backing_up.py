"""Back-ups of an installation while it works: registry, landing archive, lake, settings. Never the master key.

Registry and lake are those of one instant between two steps of the graph: writers wait while their versions are noted,
not while files are copied. The landing archive is younger by what arrived meanwhile; a restored installation reads it.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import select

from assets.installation import Installation
from assets.steps.publishing import publish_events
from connectors import backups
from connectors.backups import Manifest
from connectors.errors import Permanent
from registry import audit
from registry.copying import copy
from registry.models import Cursor
from registry.store import Registry
from settings import CONFIG_NAME
from warehouse.snapshots import Snapshot, snapshots

REGISTRY = "registry.sqlite"
"""Place of the registry's copy in a back-up, whatever database it lies in."""

TRIES = 3
"""How often a back-up is begun that an erasure or a redaction comes in between."""


@dataclass(frozen=True, slots=True)
class Made:
    """A back-up that was made.

    Attributes:
        name: Its name.
        files: Files it has.
        size: Bytes of them.
        added: Bytes that no back-up before it had.
        deleted: Older back-ups that went.
    """

    name: str
    files: int
    size: int
    added: int
    deleted: tuple[str, ...]


def back_up(house: Installation, folder: Path, *, keep: int | None, identity: str, now: datetime) -> Made:
    """Makes a back-up.

    Args:
        house: The installation; runs may go on.
        folder: Folder of its back-ups, made if missing; no other installation's.
        keep: Back-ups that stay; ``None`` for all.
        identity: Who makes it.
        now: When.

    Returns:
        What was made.

    Raises:
        ConnectorError: The folder cannot be written, or belongs to another installation.
        RegistryError: The registry cannot be read, or its chain of events does not hold.
    """
    folder = folder.resolve()
    if folder.is_relative_to(house.settings.home):
        raise Permanent(f"{folder} lies in the installation itself: name a folder elsewhere, best on another disk.")
    with house.alone("backup"):
        before = backups.read(folder) if backups.names(folder) else None
        if before and before.about["installation_id"] != house.settings.installation_id:
            raise Permanent(f"{folder} holds back-ups of another installation: name another folder.")
        for left in reversed(range(TRIES)):
            try:
                manifest = _manifest(house, folder, before, now)
                break
            except FileNotFoundError as exc:
                if not left:
                    raise Permanent(f"{exc.filename} went while it was backed up: try again.") from exc
        backups.write(folder, manifest)
        deleted = backups.prune(folder, keep) if keep else []
    known = {entry.sha256 for entry in before.files} if before else set()
    contents = {entry.sha256: entry.size for entry in manifest.files}
    made = Made(
        manifest.name,
        len(manifest.files),
        sum(entry.size for entry in manifest.files),
        sum(size for sha256, size in contents.items() if sha256 not in known),
        tuple(deleted),
    )
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="backup.create",
            identity=identity,
            now=now,
            target=made.name,
            details={"files": made.files, "bytes": made.size, "deleted": list(made.deleted)},
        )
    publish_events(house)
    return made


def _manifest(house: Installation, folder: Path, before: Manifest | None, now: datetime) -> Manifest:
    """Keeps the content of every file, and names them."""
    home, known = house.settings.home, {entry.path: entry for entry in before.files} if before else {}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".work-") as work:
        place = Path(work) / REGISTRY
        tables = _one_instant(house, place)
        files = [backups.keep(folder, place, REGISTRY, {})]
        paths = (*_settings(home), *_archive(house), *_lake(house, tables))
        files.extend(backups.keep(folder, path, str(path.relative_to(home)), known) for path in paths)
    about = {
        "made_at": now.astimezone(UTC).isoformat(),
        "meterhouse": version("meterhouse"),
        "installation_id": house.settings.installation_id,
        "tables": {name: {"version": one.version, "rows": one.rows} for name, one in tables.items()},
    }
    return Manifest(_free(folder, f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"), about, tuple(files))


def _one_instant(house: Installation, place: Path) -> dict[str, Snapshot]:
    """Copies the registry to a file, and names the lake's versions of the same instant."""
    with ExitStack() as stack:
        with house.undisturbed():
            session = stack.enter_context(house.registry.begin(readonly=True))
            session.execute(select(Cursor.name).limit(1))  # a snapshot begins with the first thing read
            tables = snapshots(house.settings.lake_path)
        saved = Registry.open(f"sqlite:///{place}")
        try:
            with saved.begin() as target:
                copy(session, target, "The back-up's registry")
        finally:
            saved.engine.dispose()  # the last connection that closes folds the log into the file
    return tables


def _settings(home: Path) -> Iterator[Path]:
    """What people wrote; named one by one, so that nothing secret that lies beside it comes along."""
    yield home / CONFIG_NAME
    yield from (path for path in [home / "addresses.csv"] if path.is_file())
    yield from sorted(path for path in (home / "profiles").rglob("*") if path.is_file())


def _archive(house: Installation) -> Iterator[Path]:
    """Landed files, then the index: it lets what is left of a redacted file pass, so it must not be the older one."""
    root = house.settings.landing_path
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".part")
    index = root / "index"
    yield from (path for path in files if not path.is_relative_to(index))
    yield from (path for path in files if path.is_relative_to(index))


def _lake(house: Installation, tables: dict[str, Snapshot]) -> Iterator[Path]:
    for table in tables.values():
        yield from (house.settings.lake_path / file for file in table.files)


def _free(folder: Path, stamp: str) -> str:
    """A name that no back-up has."""
    known, name, number = set(backups.names(folder)), stamp, 1
    while name in known:
        number += 1
        name = f"{stamp}-{number}"
    return name


def told(made: Made) -> str:
    """A back-up in one line."""
    parts = asdict(made)
    older = f"; {len(made.deleted)} older deleted" if made.deleted else ""
    return "{name}: {files} files, {size} bytes, {added} of them new{older}".format(**parts, older=older)
