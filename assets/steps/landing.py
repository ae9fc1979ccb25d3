"""Landing: files enter the archive once, unchanged; their lines become receptions or rejected rows."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from assets.installation import Installation
from assets.steps.agreeing import SERIES, agreed
from connectors.errors import ConnectorError
from connectors.folder import read_complete
from connectors.landing import land, read_landed
from connectors.sftp import SftpDrop
from decoders.framefiles import FRAMES, REJECTED, FrameFileError, read_frames
from registry import ledger
from registry.ledger import LandedFile
from registry.people.rights import ORCHESTRATOR
from settings.model import Sftp
from warehouse.schemas import RECEPTIONS, REJECTED_ROWS

FILES_AT_ONCE = 200
"""Files committed together: many files per commit keep the lake's log short, a bound keeps the memory flat."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file as it was delivered.

    Attributes:
        name: Its name at the source.
        content: Its bytes, unchanged.
        collector: Collector to assume where the file names none.
        received_at: Reception time to assume where the file has none.
    """

    name: str
    content: bytes
    collector: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Landed:
    """Files that came, by whether their content was known before, and why others could not be taken."""

    new: int = 0
    known: int = 0
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What landed files held; per refused file the reason."""

    files: int
    frames: int
    rejected: int
    refused: dict[str, str]


def frame_files(paths: Iterable[Path]) -> list[Path]:
    """Files named directly or lying in named folders, hidden ones left out, in order of their names."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file for file in inside if file.is_file() and not file.name.startswith(".")]
    return found


def land_paths(
    house: Installation,
    paths: Sequence[Path],
    day: date,
    now: datetime,
    *,
    collector: str | None = None,
    received_at: datetime | None = None,
) -> Landed:
    """Lands files of this machine.

    Args:
        house: The installation.
        paths: The files.
        day: Arrival day (UTC) they count for.
        now: Instant of their arrival.
        collector: Collector to assume where a file names none.
        received_at: Reception time to assume where a file has none.

    Returns:
        How many were new; files that vanished or grew while they were read are missed, the rest lands.

    Raises:
        ConnectorError: The archive cannot be written.
    """
    missed: list[str] = []

    def deliveries() -> Iterator[Delivery]:
        for path in paths:
            try:
                content = read_complete(path)
            except ConnectorError as exc:
                missed.append(str(exc))
            else:
                yield Delivery(path.name, content, collector, received_at)

    landed = _land(house, deliveries(), day, now)
    return replace(landed, missed=tuple(missed))


def land_remote(house: Installation, names: Sequence[str], day: date, now: datetime) -> Landed:
    """Fetches files of the SFTP drop and lands them.

    Args:
        house: The installation.
        names: Paths on the drop.
        day: Arrival day (UTC) they count for.
        now: Instant of their arrival.

    Returns:
        How many were new.

    Raises:
        ConnectorError: The drop cannot be reached, or a file cannot be fetched whole.
    """
    drop = sftp_drop(house)
    if drop is None:
        return Landed()
    fetched = (Delivery(Path(file.path).name, content) for file, content in drop.fetch(names))
    return _land(house, fetched, day, now)


def sftp_drop(house: Installation) -> SftpDrop | None:
    """The SFTP drop of the settings, with frame files; ``None`` where they name none."""
    known = house.settings.sftp
    return _drop(known, known.folder, (known.imports_folder,)) if known.host else None


def sftp_imports(house: Installation) -> SftpDrop | None:
    """The folder of registry files on the SFTP drop; ``None`` where the settings name none."""
    known = house.settings.sftp
    if not (known.host and known.imports_folder):
        return None
    keys = posixpath.join(known.imports_folder, house.settings.keys_path.name)
    return _drop(known, known.imports_folder, (known.folder, keys))


def sftp_keys(house: Installation) -> SftpDrop | None:
    """The folder of key files on the SFTP drop; ``None`` where the settings name none."""
    known = house.settings.sftp
    if not (known.host and known.imports_folder):
        return None
    return _drop(known, posixpath.join(known.imports_folder, house.settings.keys_path.name), ())


def _drop(known: Sftp, folder: str, left_out: Sequence[str]) -> SftpDrop:
    return SftpDrop(
        host=known.host,
        port=known.port,
        username=known.username,
        folder=folder,
        private_key_file=known.private_key_file,
        password_file=known.password_file,
        known_hosts_file=known.known_hosts_file,
        left_out=tuple(name for name in left_out if name),
    )


def _land(house: Installation, deliveries: Iterable[Delivery], day: date, now: datetime) -> Landed:
    new = known = 0
    for delivery in deliveries:
        file = land(house.settings.landing_path, delivery.content, delivery.name, now)
        entry = LandedFile(
            sha256=file.sha256,
            name=file.name,
            size=file.size,
            landed_at=now,
            landed_day=day,
            collector=delivery.collector,
            received_at=delivery.received_at,
        )
        if ledger.register(house.registry, house.organisation, entry):
            new += 1
        else:
            known += 1
    return Landed(new, known)


def read_landed_files(house: Installation, days: Sequence[date]) -> FilesRead:
    """Reads the landed files of some arrival days that nobody has read.

    A batch of files is numbered in the ledger before its rows are written, and the lake takes each number once: a run
    that dies between the two writes is repeated with the same files and leaves each row once. Where one of the two was
    put back from a back-up, they are made to agree first.

    Args:
        house: The installation.
        days: Arrival days (UTC).

    Returns:
        What the files held.
    """
    total = FilesRead(0, 0, 0, {})
    with house.alone("landing"):
        for batch_no, files in _batches(house, days):
            read = [_read(house, file) for file in files]
            frames = pl.concat([file.frames for file in read])
            rejected = pl.concat([file.rejected for file in read])
            house.lake.append(RECEPTIONS, frames, batch=SERIES, batch_no=batch_no)
            house.lake.append(REJECTED_ROWS, rejected, batch=SERIES, batch_no=batch_no)
            ledger.note_collectors(house.registry, house.organisation, frames["collector"].drop_nulls().unique())
            ledger.finish(house.registry, house.organisation, [file.result for file in read])
            refused = {file.result.file.name: file.result.reason for file in read if file.result.reason}
            total = FilesRead(
                total.files + len(files),
                total.frames + frames.height,
                total.rejected + rejected.height,
                total.refused | refused,
            )
    return total


def _batches(house: Installation, days: Sequence[date]) -> Iterator[tuple[int, list[LandedFile]]]:
    taken = agreed(house, ORCHESTRATOR, datetime.now(UTC))
    while batch := ledger.next_batch(house.registry, house.organisation, days, FILES_AT_ONCE, above=taken):
        yield batch


@dataclass(frozen=True, slots=True)
class _FileRows:
    frames: pl.DataFrame
    rejected: pl.DataFrame
    result: ledger.FileResult


def _read(house: Installation, file: LandedFile) -> _FileRows:
    """Reads one landed file; a refused one gives no rows and the reason."""
    content = read_landed(house.settings.landing_path, file.sha256)
    try:
        held = read_frames(content, file.name, zone=house.settings.zone, received_at=file.received_at)
    except FrameFileError as exc:
        frames = _placed(house, file, FRAMES.to_frame()).with_columns(frame_id=pl.lit(None, pl.String))
        rejected = _placed(house, file, REJECTED.to_frame())
        return _FileRows(frames, rejected, ledger.FileResult(file, reason=str(exc)))
    frames = _placed(house, file, held.frames).with_columns(
        frame_id=pl.lit(f"{file.sha256[:16]}-") + pl.col("position"),
        collector=pl.col("collector").fill_null(pl.lit(file.collector, pl.String)),
    )
    rejected = _placed(house, file, held.rejected)
    return _FileRows(frames, rejected, ledger.FileResult(file, frames=frames.height, rejected=rejected.height))


def _placed(house: Installation, file: LandedFile, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        organisation=pl.lit(house.organisation),
        landed_at=pl.lit(file.landed_at),
        landed_day=pl.lit(file.landed_day),
        source_sha256=pl.lit(file.sha256),
    )
