"""The ledger: every file that ever landed, by the hash of its content, and how far consumers have come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from registry.limits import fits, limit_of
from registry.models import Collector, Cursor, File
from registry.store import Registry

FILES: dict[str, pl.DataType | type[pl.DataType]] = {
    "sha256": pl.String,
    "name": pl.String,
    "landed_at": pl.Datetime("us", "UTC"),
    "landed_day": pl.Date,
    "state": pl.String,
    "frames": pl.Int64,
    "rejected": pl.Int64,
    "reason": pl.String,
}


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file in the landing archive.

    Attributes:
        sha256: Hash of its content.
        name: Its name at the source.
        size: Bytes.
        landed_at: When it came.
        landed_day: Arrival day (UTC) it counts for.
        collector: Collector to assume where the file names none.
        received_at: Reception time to assume where the file has none.
    """

    sha256: str
    name: str
    size: int
    landed_at: datetime
    landed_day: date
    collector: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a landed file: its rows, or why it was refused."""

    file: LandedFile
    frames: int = 0
    rejected: int = 0
    reason: str | None = None


def register(registry: Registry, organisation: str, file: LandedFile) -> bool:
    """Enters a landed file.

    Args:
        registry: The registry.
        organisation: Owner.
        file: The file.

    Returns:
        Whether its content is new. A refused file that comes again is taken again: it may be read with other options.
    """
    with registry.begin() as session:
        row = session.get(File, (organisation, file.sha256))
        if row is not None and row.state != "refused":
            return False
        if row is None:
            row = File(organisation=organisation, sha256=file.sha256)
            session.add(row)
        row.name = file.name[: limit_of(File.name)]
        row.size, row.landed_at, row.landed_day = file.size, file.landed_at, file.landed_day
        row.collector, row.received_at = file.collector, file.received_at
        # The old batch number stays until a new one is given: no number is ever given twice, or the lake would take the
        # new batch for one it has.
        row.state, row.reason = "landed", None
    return True


def next_batch(
    registry: Registry, organisation: str, days: Sequence[date], limit: int, *, above: int = 0
) -> tuple[int, list[LandedFile]] | None:
    """Numbers the next files to be read.

    A batch that was numbered before and not finished comes first, with the same files.

    Args:
        registry: The registry.
        organisation: Owner.
        days: Arrival days.
        limit: Most files of a new batch.
        above: Highest number that the lake has taken; a new batch gets a higher one, also where the registry is older
            than the lake.

    Returns:
        Batch number and files; ``None`` where nothing is left.
    """
    mine = File.organisation == organisation
    with registry.begin() as session:
        number = session.scalar(select(func.min(File.batch_no)).where(mine, File.state == "numbered"))
        if number is None:
            fresh = session.scalars(
                select(File)
                .where(mine, File.state == "landed", File.landed_day.in_(days))
                .order_by(File.landed_at, File.sha256)
                .limit(limit)
            ).all()
            if not fresh:
                return None
            number = max(above, _highest(session)) + 1
            for row in fresh:
                row.state, row.batch_no = "numbered", number
            session.flush()
        batch = select(File).where(mine, File.state == "numbered", File.batch_no == number).order_by(File.sha256)
        rows = session.scalars(batch).all()
        return number, [_file(row) for row in rows]


def agrees(registry: Registry, organisation: str, taken: int, frames_taken: int) -> bool:
    """Whether the ledger and the lake are of one age.

    Args:
        registry: The registry.
        organisation: Owner.
        taken: Highest number that the lake has taken.
        frames_taken: Highest number of a batch with frames that it has taken.
    """
    with registry.begin(readonly=True) as session:
        lost = session.scalar(select(File.sha256).where(*_beyond(organisation, frames_taken)).limit(1))
        return lost is None and _highest(session) >= taken


def known(session: Session, organisation: str) -> dict[str, str]:
    """Every landed file's state by its hash."""
    rows = select(File.sha256, File.state).where(File.organisation == organisation)
    return {row.sha256: row.state for row in session.execute(rows)}


def read_again(session: Session, organisation: str, frames_taken: int) -> int:
    """Has files read again whose frames are not in the lake, though the ledger says so: the lake is the older one.

    Returns:
        How many.
    """
    lost = update(File).where(*_beyond(organisation, frames_taken))
    return session.execute(lost.values(state="landed", batch_no=None, frames=None, rejected=None, gone=0)).rowcount  # type: ignore[attr-defined,no-any-return]


def learn(session: Session, organisation: str, file: LandedFile, *, result: FileResult | None, batch_no: int) -> None:
    """Enters a file that the ledger does not know, or not to be read.

    Args:
        session: A writing transaction.
        organisation: Owner.
        file: The file.
        result: What the lake holds of it; ``None`` where nothing, so that it is still to be read.
        batch_no: Number that the rows in the lake count for; at least theirs.
    """
    row = session.get(File, (organisation, file.sha256))
    if row is None:
        row = File(organisation=organisation, sha256=file.sha256, name=file.name[: limit_of(File.name)], size=file.size)
        row.landed_at, row.landed_day = file.landed_at, file.landed_day
        row.collector, row.received_at = file.collector, file.received_at
        session.add(row)
    row.state, row.batch_no = "landed", None
    if result is not None:
        row.state, row.batch_no, row.frames, row.rejected = "read", batch_no, result.frames, result.rejected


def _highest(session: Session) -> int:
    return session.scalar(select(func.max(File.batch_no))) or 0


def _beyond(organisation: str, frames_taken: int) -> tuple[ColumnElement[bool], ...]:
    """Files that were read in a batch that the lake never took."""
    return (File.organisation == organisation, File.state == "read", File.frames > 0, File.batch_no > frames_taken)


def finish(registry: Registry, organisation: str, results: Iterable[FileResult]) -> None:
    """Notes what became of the files of a batch, after their rows are in the lake."""
    with registry.begin() as session:
        for result in results:
            session.execute(
                update(File)
                .where(File.organisation == organisation, File.sha256 == result.file.sha256)
                .values(
                    state="refused" if result.reason else "read",
                    frames=result.frames,
                    rejected=result.rejected,
                    reason=result.reason[: limit_of(File.reason)] if result.reason else None,
                )
            )


def pending_days(registry: Registry, organisation: str) -> list[date]:
    """Arrival days with files that nobody has read."""
    with registry.begin(readonly=True) as session:
        unread = (File.organisation == organisation, File.state.in_(("landed", "numbered")))
        return list(session.scalars(select(File.landed_day).where(*unread).distinct()))


def landed_since(registry: Registry, organisation: str, since: datetime) -> pl.DataFrame:
    """Files that landed since an instant, in order of their names."""
    columns = [getattr(File, name) for name in list(FILES)]
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(*columns).where(File.organisation == organisation, File.landed_at >= since).order_by(File.name)
        ).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=FILES, orient="row")


def latest(session: Session, organisation: str, limit: int = 200) -> list[File]:
    """The files that landed last, the youngest first."""
    statement = select(File).where(File.organisation == organisation)
    return list(session.scalars(statement.order_by(File.landed_at.desc(), File.sha256).limit(limit)))


def frames_by_day(registry: Registry, organisation: str) -> pl.DataFrame:
    """``landed_day`` and ``frames``: frames of landed files that should be there: without those known to be gone."""
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(File.landed_day, func.sum(File.frames - File.gone))
            .where(File.organisation == organisation, File.state == "read")
            .group_by(File.landed_day)
        ).all()
    schema = {"landed_day": pl.Date, "frames": pl.Int64}
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def settle(session: Session, organisation: str, days: Sequence[date], left: Mapping[str, int]) -> int:
    """Notes how many frames of each landed file are gone; the file's hash and the count of its frames stay.

    Args:
        session: A writing transaction.
        organisation: Owner.
        days: Arrival days of the files.
        left: Frames that are left per content hash; of files it does not name, none are.

    Returns:
        Frames that are newly known to be gone.
    """
    statement = select(File).where(File.organisation == organisation, File.state == "read", File.landed_day.in_(days))
    news = 0
    for file in session.scalars(statement):
        gone = (file.frames or 0) - left.get(file.sha256, 0)
        news += gone - file.gone
        file.gone = gone
    return news


def note_collectors(registry: Registry, organisation: str, names: pl.Series) -> None:
    """Enters collectors that were heard from for the first time.

    A name that the registry does not take is left out: a frame with such a name is received all the same.
    """
    with registry.begin() as session:
        known = set(session.scalars(select(Collector.collector).where(Collector.organisation == organisation)))
        new = sorted(set(names) - known)
        session.add_all(
            Collector(organisation=organisation, collector=name) for name in new if fits(Collector.collector, name)
        )


def read_cursor(registry: Registry, organisation: str, name: str) -> str | None:
    """How far a consumer has come; ``None`` before its first step."""
    with registry.begin(readonly=True) as session:
        row = session.get(Cursor, (organisation, name))
        return row.value if row else None


def write_cursor(registry: Registry, organisation: str, name: str, value: str, now: datetime) -> None:
    """Notes how far a consumer has come."""
    with registry.begin() as session:
        session.merge(Cursor(organisation=organisation, name=name, value=value, written_at=now))


def _file(row: File) -> LandedFile:
    return LandedFile(
        sha256=row.sha256,
        name=row.name,
        size=row.size,
        landed_at=row.landed_at,
        landed_day=row.landed_day,
        collector=row.collector,
        received_at=row.received_at,
    )
