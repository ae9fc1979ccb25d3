"""The manifest of a file: what it was made of, so that it can be made again and compared (ALGORITHMS §18)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import BaseModel, ConfigDict

from exports.base import Content
from exports.variables import SCHEMA
from warehouse.transforms.calendar import local_day

_LINE_END = "\n"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(_Part):
    """A period.

    Attributes:
        start: Begin, UTC.
        end: End, exclusive, UTC.
    """

    start: datetime
    end: datetime


class Members(_Part):
    """Who belonged to the job's group.

    Attributes:
        group: Its name.
        count: Members.
        sha256: Hash of their names (:func:`members_hash`).
    """

    group: str
    count: int
    sha256: str


class Contents(_Part):
    """What a file's rows add up to.

    Attributes:
        rows: Rows.
        meters: Meters at metering points that have a value.
        sums: Sum of the values that are known, by register, as decimals.
        qualities: Rows by quality letter.
        rows_hash: Hash over the rows (:class:`Tally`).
        days: First and last of the local days that the rows are about, stretch by stretch.
    """

    rows: int
    meters: int = 0
    sums: dict[str, str]
    qualities: dict[str, int]
    rows_hash: str
    days: tuple[tuple[date, date], ...]


class Manifest(_Part):
    """What a file was made of. It names no customer.

    Attributes:
        manifest_version: Version of this layout.
        installation_id: Installation that made it.
        organisation: Whose data it holds.
        run_id: Run that made it.
        job_id: Job of the run.
        job: The job's document.
        format_name: Name of the format.
        format: The format's document.
        content: What a row is.
        period: What the file is about.
        as_of: Instant at which its rows were known, UTC.
        known_after: Start of the window of a job that sends what became known since its last file.
        policies: Version of every policy that was in force then, by kind; 0 is the shipped one.
        code_version: Version of the program.
        members: Members of the job's group; null where it names none.
        expected_meters: Meters that were installed in the period where the job asks for readings, of which a silent one
            leaves no row; null of rows that show what is missing, and where not every meter has to be there.
        contents: What its rows add up to.
        file_name: Name of the file.
        size_bytes: Its size.
        file_sha256: Hash of its bytes.
        seq: Number of the job's file.
        revision: Number of the delivery of this period.
    """

    manifest_version: Literal[1] = 1
    installation_id: str
    organisation: str
    run_id: str
    job_id: str
    job: str
    format_name: str
    format: str
    content: Content
    period: Period
    as_of: datetime
    known_after: datetime | None
    policies: dict[str, int]
    code_version: str
    members: Members | None
    expected_meters: int | None = None
    contents: Contents
    file_name: str
    size_bytes: int
    file_sha256: str
    seq: int
    revision: int

    def written(self) -> str:
        """The manifest as JSON, in lines, always the same for the same facts."""
        return self.model_dump_json(indent=2) + _LINE_END

    @classmethod
    def read(cls, document: str) -> Self:
        """Reads what :meth:`written` wrote."""
        return cls.model_validate_json(document)


class _Sums:
    """Sums over a column: marks, lengths and values."""

    def __init__(self) -> None:
        self._marks, self._lengths, self._values = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()

    def add(self, column: pl.Series) -> None:
        """Takes the column's next rows."""
        self._marks.update(column.is_not_null().cast(pl.UInt8).to_numpy().tobytes())
        known = column.drop_nulls()
        if known.is_empty():
            return
        if known.dtype == pl.String:
            self._lengths.update(known.str.len_bytes().to_numpy().astype("<u4").tobytes())
            self._values.update(known.str.join("").item().encode())
        else:
            self._values.update(known.to_physical().cast(pl.Int64).to_numpy().astype("<i8").tobytes())

    def __str__(self) -> str:
        return " ".join(each.hexdigest() for each in (self._marks, self._lengths, self._values))


@dataclass
class Tally:
    """Counts rows as they pass.

    The hash is one over columns, each of them over its rows in the order in which they come, which is that of
    :data:`exports.variables.ORDER` with null last; how they are cut into pieces does not matter. Columns are those of
    :data:`exports.variables.SCHEMA` in their order, then the utility's own fields by name. Of each the SHA-256 of three
    runs of bytes is taken: marks, one byte per row, 1 where there is a value and 0 where it is null; of texts lengths,
    the bytes that each value has in UTF-8, as unsigned integers of four bytes; and the values one after another, texts
    in UTF-8, instants as microseconds since 1970 and decimals as millionths in signed integers of eight bytes. All
    integers have their lowest byte first. The hash is the SHA-256 of one line per column, ended by a line feed, of name
    and the three sums in hex, separated by blanks; a column that has no lengths has the sum of nothing there.
    """

    zone: ZoneInfo
    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    qualities: Counter[str] = field(default_factory=Counter)
    meters: set[str] = field(default_factory=set, repr=False)
    _days: set[date] = field(default_factory=set, repr=False)
    _columns: dict[str, "_Sums"] = field(default_factory=dict, repr=False)

    def of(self, pieces: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Passes pieces on, and counts them."""
        for piece in pieces:
            self.add(piece)
            yield piece

    def add(self, piece: pl.DataFrame) -> None:
        """Counts the rows of a piece."""
        self.rows += piece.height
        known = piece.group_by("register").agg(pl.col("value").cast(pl.Decimal(38, 6)).sum())
        for register, value in known.rows():
            self.sums[register] = self.sums.get(register, Decimal(0)) + value
        self.qualities.update(dict(piece.group_by("quality").len().rows()))
        there = piece.filter(pl.col("metering_point").is_not_null(), pl.col("value").is_not_null())
        self.meters.update(there["meter_id"].unique().to_list())
        self._days.update(self._local_days(piece))
        for name in (*SCHEMA, *sorted(set(piece.columns) - set(SCHEMA))):
            self._columns.setdefault(name, _Sums()).add(piece[name])

    def contents(self) -> Contents:
        """What the rows add up to."""
        return Contents(
            rows=self.rows,
            meters=len(self.meters),
            sums={register: f"{value:f}" for register, value in sorted(self.sums.items())},
            qualities=dict(sorted(self.qualities.items())),
            rows_hash=self._rows_hash(),
            days=stretches(self._days),
        )

    def _rows_hash(self) -> str:
        lines = (f"{name} {sums}{_LINE_END}" for name, sums in self._columns.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _local_days(self, piece: pl.DataFrame) -> list[date]:
        """Local days that rows are about; of a period all."""
        last = pl.col("period_end") - pl.duration(microseconds=1)
        ends = (pl.coalesce("measured_at", "period_start"), pl.coalesce("measured_at", last))
        # No zone begins its days within a quarter of an hour, and there are few of them.
        quarters = piece.select(first=ends[0].dt.truncate("15m"), last=ends[1].dt.truncate("15m")).unique()
        spans = quarters.select(local_day(pl.col("first", "last"), self.zone)).unique()
        days = spans.select(pl.date_ranges("first", "last")).to_series()
        return days.explode(empty_as_null=False).unique().to_list()


def stretches(days: Iterable[date]) -> tuple[tuple[date, date], ...]:
    """First and last of days that follow one another without a gap, in order."""
    listed = pl.Series("day", sorted(set(days)), pl.Date)
    begun = (listed.diff() != timedelta(days=1)).fill_null(value=True).cum_sum()
    parts = listed.to_frame().group_by(begun.alias("part"), maintain_order=True)
    return tuple(parts.agg(first=pl.col("day").first(), last=pl.col("day").last()).select("first", "last").rows())


def members_hash(members: pl.DataFrame) -> str:
    """Hash of a group's members.

    Args:
        members: ``metering_point`` and ``meter_id``.

    Returns:
        SHA-256 (hex) of one line ``point,meter`` per member, sorted; of a point the meter is empty.
    """
    lines = members.select(pl.concat_str(pl.all().fill_null(""), separator=",")).to_series().sort()
    return hashlib.sha256("".join(f"{line}{_LINE_END}" for line in lines).encode()).hexdigest()
