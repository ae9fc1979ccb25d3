"""Rows of files for billing: what a job asks for, as it was known at an instant.

They come in pieces that hold whole metering points, in order, so that memory stays flat: readings lie in the lake by
meter and go out by metering point, so that they are sorted on disk on the way.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

import polars as pl

from assets.installation import Installation
from exports.base import BaseFormat
from exports.errors import ExportError
from exports.jobs import Job
from exports.variables import CONSUMPTION_TYPES, MEMBERS_SEPARATOR, SCHEMA
from registry.customer_versions import occupants
from warehouse.errors import WarehouseError
from warehouse.policies import ReplacementPolicy
from warehouse.queries.exported import Asked, Places, in_order, ranges
from warehouse.queries.exported_figures import Filling, figures
from warehouse.queries.exported_readings import final_readings, last_of, readings
from warehouse.schemas import INFO_CODE_EVENTS
from warehouse.schemas.registers import REGISTERS
from warehouse.versions import Past

ROWS_AT_ONCE = 200_000
"""Rows of a piece, but for a single metering point that has more."""

_GROUP_ROWS = 20_000
"""Rows of a sorted file that are read or skipped together."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_OBIS = pl.DataFrame(
    [(register.name, medium, code) for register in REGISTERS for medium, code in register.obis],
    schema={"register": pl.String, "medium": pl.String, "obis": pl.String},
    orient="row",
)


class Span(Protocol):
    """A period."""

    @property
    def start(self) -> datetime:
        """Begin, UTC."""

    @property
    def end(self) -> datetime:
        """End, exclusive, UTC."""


def pieces(
    house: Installation,
    job: Job,
    form: BaseFormat,
    period: Span,
    *,
    as_of: datetime,
    known_after: datetime | None = None,
    work: Path | None = None,
) -> Iterator[pl.DataFrame]:
    """Rows of a file.

    Args:
        house: The installation.
        job: What is asked for.
        form: The format; its content and registers count.
        period: Period of the rows. Of a job that sends what became known since its last file it only names the file.
        as_of: Instant at which the rows were known, UTC.
        known_after: Start of that window; by default everything that is known is new.
        work: Folder for what is sorted on disk, which goes again; by default the system's for temporary files.

    Yields:
        :data:`exports.variables.SCHEMA` and the utility's own fields as strings, in order of
        :data:`exports.variables.ORDER`, null last; at least one piece, which may be without rows.

    Raises:
        ExportError: The job's group was not known then, or it wants final settlements of a format of periods.
    """
    asked = Asked(
        organisation=house.organisation,
        zone=house.settings.zone,
        start=period.start,
        end=period.end,
        as_of=as_of,
        known_after=(known_after or _EVER) if job.readings == "since_last" else None,
        registers=form.registers,
    )
    try:
        places = Places.known(house.lake, asked, job.group, job.media)
    except WarehouseError as exc:
        raise ExportError(str(exc)) from exc
    told = _Telling.of(house, asked, places)
    is_empty = True
    with tempfile.TemporaryDirectory(prefix="meterhouse-export-", dir=work) as folder:
        for rows in _rows(house, job, form, asked, places, Path(folder)):
            is_empty = False
            yield told.finished(rows)
    if is_empty:
        yield told.empty()


def _rows(
    house: Installation, job: Job, form: BaseFormat, asked: Asked, places: Places, folder: Path
) -> Iterator[pl.DataFrame]:
    """Rows by whole points, in their order, before anything is told of places and people."""
    if form.content == "readings":
        if job.readings == "final":
            return by_points([final_readings(house.lake, asked, places)], folder)
        found = (part.filter(form.takes()) for part in readings(house.lake, asked, places))
        return by_points((last_of(part) for part in found) if job.readings == "last" else found, folder)
    if job.readings == "final":
        raise ExportError(
            f"The job {job.name} sends final settlements, which are readings: give it a format of content readings."
        )
    filling: Filling = "none" if not job.interpolate else "all" if job.interpolate_drive_by else "scheduled"
    replacement = house.policy(ReplacementPolicy, asked.as_of)
    periods = figures(house.lake, asked, places, form.content, filling=filling, replacement=replacement)
    if job.readings == "last":
        of_register = ["metering_point", "meter_id", "register"]
        return (part.sort("period_start").unique(of_register, keep="last") for part in periods)
    return periods


def by_points(parts: Iterable[pl.DataFrame], folder: Path) -> Iterator[pl.DataFrame]:
    """Puts rows together that come in parts of whole meters.

    Args:
        parts: Rows, in any order.
        folder: An empty folder for what is sorted.

    Yields:
        Pieces of whole metering points, in their order; then of meters that are installed nowhere. The rows of a piece
        are in no certain order.
    """
    for number, part in enumerate(parts):
        ordered = part.sort("metering_point", nulls_last=True)  # so that reading skips what a piece does not hold
        ordered.write_parquet(folder / f"{number}.parquet", row_group_size=_GROUP_ROWS)
    if not any(folder.iterdir()):
        return
    rows = pl.scan_parquet(folder / "*.parquet")
    nowhere = pl.col("metering_point").is_null()
    for column, some in (("metering_point", ~nowhere), ("meter_id", nowhere)):
        counts = rows.filter(some).group_by(column).len().collect(engine="streaming")
        for low, high in ranges(counts, column, ROWS_AT_ONCE):
            between = pl.col(column).is_between(pl.lit(low), pl.lit(high))
            yield rows.filter(between, some).collect()


@dataclass(frozen=True, slots=True)
class _Telling:
    """What is told of rows: their places, meters and people.

    Attributes:
        places: Points and meters.
        episodes: ``meter_id``, ``code``, ``first_seen`` and ``cleared_at`` of info codes.
        people: As :func:`registry.customer_versions.occupants` gives them, by moving in.
    """

    places: Places
    episodes: pl.DataFrame
    people: pl.DataFrame

    @classmethod
    def of(cls, house: Installation, asked: Asked, places: Places) -> Self:
        """Reads it as it was known."""
        episodes = Past(house.lake, asked.as_of).scan(INFO_CODE_EVENTS).filter(organisation=asked.organisation)
        if asked.known_after is None:
            lasting = (pl.col("cleared_at") > asked.start).fill_null(value=True)
            episodes = episodes.filter(pl.col("first_seen") < asked.end, lasting)
        with house.registry.begin(readonly=True) as session:
            people = occupants(session, asked.organisation, asked.as_of)
        return cls(
            places,
            episodes.select("meter_id", "code", "first_seen", "cleared_at").collect(),
            people.with_columns(pl.col("occupied_from").fill_null(_EVER)).sort("occupied_from", "occupancy"),
        )

    def empty(self) -> pl.DataFrame:
        """No rows."""
        return pl.DataFrame(schema={**SCHEMA, **dict.fromkeys(self.places.fields, pl.String)})

    def finished(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows in all columns, in their order."""
        named = self.places.described(rows).join(_OBIS, on=["register", "medium"], how="left")
        kind = pl.col("register").replace(CONSUMPTION_TYPES)
        full = self._inhabited(self._coded(named)).with_columns(consumption_type=kind)
        return in_order(
            full.select(
                *(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()),
                *(pl.col(name).cast(pl.String) for name in self.places.fields),
            )
        )

    def _coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds the info codes that were active at a reading."""
        times = rows.select("meter_id", "measured_at").drop_nulls().unique()
        active = (
            times.join(self.episodes, on="meter_id")
            .filter(
                pl.col("first_seen") <= pl.col("measured_at"),
                (pl.col("cleared_at") > pl.col("measured_at")).fill_null(value=True),
            )
            .group_by("meter_id", "measured_at")
            .agg(info_codes=pl.col("code").unique().sort().str.join(MEMBERS_SEPARATOR))
        )
        return rows.join(active, on=["meter_id", "measured_at"], how="left")

    def _inhabited(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds who lived at the point at the row's instant."""
        at = pl.coalesce("measured_at", "period_start")
        near = self.people.join(rows, on="metering_point", how="semi", maintain_order="left")
        told = ["customer_number", "customer_name", "address", "address2", "postal_code", "city"]
        found = (
            rows.with_columns(occupied_from=at)
            .sort("occupied_from")
            .join_asof(
                near.select("metering_point", "occupied_from", "occupied_to", *told),
                on="occupied_from",
                by="metering_point",
                strategy="backward",
                check_sortedness=False,
            )
        )
        lasting = (at < pl.col("occupied_to")).fill_null(value=True)
        return found.with_columns(pl.when(lasting).then(name).alias(name) for name in told)
