"""Registry files that were dropped: read in the order they build on one another, taken whole, or refused and kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from assets.installation import Installation
from assets.steps.importing import import_content
from assets.steps.landing import sftp_imports
from connectors.errors import ConnectorError
from connectors.folder import read_complete
from registry.errors import RegistryError
from registry.imports import ImportReport
from registry.models import RefusedImport
from registry.profiles import Profile, list_profiles
from registry.refusals import forget_refusal, note_refusal, refusals


@dataclass(frozen=True, slots=True)
class Dropped:
    """What became of a dropped file.

    Attributes:
        report: What its import did; ``None`` where there was none.
        refused: Why it was refused; ``None`` where it was taken.
        again: Whether it is to be tried again though nobody does anything about it.
    """

    report: ImportReport | None = None
    refused: str | None = None
    again: bool = False


_ORDER = ("meters", "customers", "exchanges", "readings", "temperatures")


def in_order(house: Installation, paths: Sequence[str]) -> list[str]:
    """Paths of dropped files in the order in which they build on one another, meters first and readings last."""
    kinds = {name: profile.kind for name, profile in list_profiles(house.settings.profiles_path).items()}
    return sorted(paths, key=lambda path: _ORDER.index(kinds.get(PurePosixPath(path).parent.name, "meters")))


def read_dropped(
    house: Installation, paths: Sequence[str], source: str
) -> Iterator[tuple[str, bytes | ConnectorError]]:
    """Reads dropped files of this machine, or of the SFTP drop over one connection.

    Args:
        house: The installation.
        paths: The files.
        source: ``folder`` or ``sftp``.

    Yields:
        Path and content of each, or why it cannot be had. A remote file that changed since it was asked for may be
        left out: the next look offers it again.
    """
    if source == "folder":
        yield from ((path, _read(Path(path))) for path in paths)
        return
    drop, missing = sftp_imports(house), dict.fromkeys(paths)
    try:
        for file, content in drop.fetch(paths) if drop else ():
            del missing[file.path]
            yield file.path, content
    except ConnectorError as exc:
        yield from ((path, exc) for path in missing)


def _read(file: Path) -> bytes | ConnectorError:
    try:
        return read_complete(file)
    except ConnectorError as exc:
        return exc


def import_dropped(
    house: Installation, path: str, content: bytes | ConnectorError, source: str, *, identity: str, now: datetime
) -> Dropped:
    """Imports a file that was dropped into a folder named as its profile: all of it, or nothing.

    Args:
        house: The installation.
        path: Its path.
        content: Its bytes, or why it cannot be had.
        source: ``folder`` or ``sftp``.
        identity: Who asks.
        now: Instant of the import, UTC.

    Returns:
        What became of it. A refusal is kept in the registry until the file is taken, changes or goes away.
    """
    registry, organisation = house.registry, house.organisation
    if isinstance(content, ConnectorError):
        gone = source == "folder" and not Path(path).exists()
        if gone:
            forget_refusal(registry, organisation, source, path)
        return Dropped(refused=str(content), again=not gone)
    file = PurePosixPath(path)
    report = None
    try:
        profile = _profile(house, file.parent.name)
        report = import_content(house, profile, content, file.name, identity=identity, now=now)
        refused = None if report.stored else f"{report.rejected.height} lines rejected; see the table rejected_rows."
    except RegistryError as exc:
        refused = str(exc)
    if refused is None:
        forget_refusal(registry, organisation, source, path)
        return Dropped(report)
    return Dropped(report, refused, note_refusal(registry, organisation, source, path, content, refused, now))


def _profile(house: Installation, name: str) -> Profile:
    profile = list_profiles(house.settings.profiles_path).get(name)
    if profile is None:
        raise RegistryError(f"There is no profile {name!r}: drop files into a folder that is named as one.")
    return profile


def refused_files(house: Installation) -> list[RefusedImport]:
    """Dropped files that were refused, but for those that are gone from this machine, which are forgotten."""
    found = []
    for refusal in refusals(house.registry, house.organisation):
        if refusal.source == "folder" and not Path(refusal.path).exists():
            forget_refusal(house.registry, house.organisation, refusal.source, refusal.path)
        else:
            found.append(refusal)
    return found
