"""What retention is about to remove: every row of every table is judged by the policy (ALGORITHMS §4).

A judgement adds three columns to a table's rows: ``medium``, ``keep`` (the stage they are in) and ``stays``. It is made
partition by partition, and comes out the same when part of it was carried out already.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from assets.installation import Installation
from assets.steps.decoding import latest_outcomes, of_days
from assets.steps.erasing import meter_shares
from assets.steps.export_holds import export_holds
from assets.steps.frozen import days_of
from assets.steps.sources import with_sources
from assets.steps.zones import OUTLIVE, ZONES
from decoders.outcomes import WAITING
from registry import erasures
from registry.groups.builtin import PRIORITY
from registry.imports.meters import MEDIA
from warehouse.policies import RetentionPolicy
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    FINAL_READINGS,
    GROUP_MEMBERS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    METER_CONFIGURATIONS,
    METERING_POINTS,
    METERS,
    OUTCOMES,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
    RECORDS,
    REGISTER_EVENTS,
    REJECTED_ROWS,
    TELEGRAMS,
    Table,
)
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms import retention
from warehouse.transforms.calendar import local_day
from warehouse.transforms.resolutions import stretches, with_resolutions
from warehouse.transforms.retention import Zone

ROWS_AT_ONCE = 3_000_000
"""Readings judged together; bounds the memory."""

_TELEGRAM = ["organisation", "meter_id", "measured_at"]
_TIMES = {READINGS: "measured_at", READINGS_HISTORY: "measured_at", RECORDS: "measured_at", TELEGRAMS: "received_at"}
_NO_MEDIUM = pl.lit(None, pl.String)
_EVER = (date(1970, 1, 1), date(2200, 1, 1))


def referenced(house: Installation) -> pl.DataFrame:
    """Telegrams that a settlement rests on: ``organisation``, ``meter_id``, ``measured_at``."""
    finals = house.lake.scan(FINAL_READINGS).filter(pl.col("organisation") == house.organisation)
    return finals.select("organisation", "meter_id", measured_at="read_at").unique().collect()


@dataclass
class Plan:
    """The policy applied to the lake as it is.

    Attributes:
        house: The installation; nobody else writes to its lake while the plan is made and carried out.
        policy: The policy.
        as_of: Instant at which ages are reckoned.
    """

    house: Installation
    policy: RetentionPolicy
    as_of: datetime
    _chosen: dict[tuple[Zone, str], pl.DataFrame] = field(default_factory=dict)
    _judged: dict[date, pl.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads what is small."""
        owned = pl.col("organisation") == self.house.organisation
        lake = self.house.lake
        self.rules = self.policy.stages()
        self.zone: ZoneInfo = self.house.settings.zone
        self.today = self.as_of.astimezone(self.zone).date()
        self.installations = lake.scan(INSTALLATIONS).filter(owned).collect()
        self._media = {
            key: lake.scan(table).filter(owned).select(key, "medium").collect()
            for key, table in (("meter_id", METERS), ("metering_point", METERING_POINTS))
        }
        self._holds = _holds(self.house)
        self._exports = export_holds(self.house, self.policy.hold_exported_months, self.today)
        self._spans = meter_shares(self.house, self._holds)
        self._has_sources = any(rule.sources for rule in self.rules)
        self._resolutions = self._noted() if any(rule.resolutions for rule in self.rules) else {}
        thinned = any(retention.latest_cut(self.rules, zone, self.today) for zone in ("raw", "reading"))
        kept = self._always_kept() if thinned else READINGS.empty().lazy().select(_TELEGRAM)
        self._always = kept.collect(engine="streaming")

    def partitions(self, table: Table) -> list[str | date | None]:
        """Partitions of a table that may hold something to remove, in order; ``None`` stands for the whole table."""
        cut = retention.latest_cut(self.rules, ZONES[table], self.today)
        if cut is None or self.house.lake.version(table) is None:
            return []
        if not table.partition_by:
            return [None]
        name = table.partition_by[0]
        # A month of UTC begins up to a day after the local one, and a frame may be stamped later than it arrived.
        limit = cut + timedelta(days=1)
        old = pl.lit(True) if name == "landed_day" else pl.col(name) <= f"{limit:%Y-%m}"
        values = self.house.lake.scan(table).select(name).filter(old).unique().collect(engine="streaming")
        return values[name].sort().to_list()

    def marked(self, table: Table, partition: str | date | None) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
        """Judges rows of one partition.

        Args:
            table: A table of :data:`ZONES`.
            partition: Value of its partition column.

        Returns:
            A function that adds ``medium``, ``keep`` and ``stays`` to the partition's rows.
        """
        if table in (RECEPTIONS, OUTCOMES):
            assert isinstance(partition, date)  # noqa: S101  as these tables are partitioned
            judged = self._frames(partition).lazy()
            return lambda rows: self._settled(rows.join(judged, on="frame_id", how="left"))
        if table in _TIMES:
            return lambda rows: self._settled(self._telegrams(table, str(partition), rows))
        return lambda rows: self._settled(self._figures(table, rows))

    def stays(self, table: Table, partition: str | date | None) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
        """Gives those rows of a partition that stay."""
        judge = self.marked(table, partition)
        return lambda rows: judge(rows).filter("stays").select(table.schema.names())

    def judged(self, table: Table, partition: str | date | None) -> pl.LazyFrame:
        """The rows of a partition, judged."""
        rows = self.house.lake.scan(table)
        if partition is not None:
            rows = rows.filter(pl.col(table.partition_by[0]) == pl.lit(partition))
        return self.marked(table, partition)(rows)

    def doomed(self, table: Table, partition: str | date | None) -> pl.LazyFrame:
        """The rows of a partition that are to go, judged."""
        return self.judged(table, partition).filter(~pl.col("stays"))

    def exported(self, table: Table, partition: str | date | None) -> pl.LazyFrame:
        """The rows of a partition that a stage has reached and files hold, judged."""
        return self.judged(table, partition).filter("exported")

    def holds(self, table: Table) -> bool:
        """Whether files hold anything of a table."""
        return table in self._exports

    def day_of(self, table: Table) -> pl.Expr:
        """Local day of a row that its age counts from; of a period the last one."""
        if table in _TIMES:
            return local_day(pl.col(_TIMES[table]), self.zone)
        if table is REJECTED_ROWS:
            return pl.col("landed_day")
        if table in (INFO_CODE_EVENTS, INFO_CODE_EVENTS.history):
            return local_day(pl.coalesce("cleared_at", "last_seen"), self.zone)
        return days_of(table, self.zone.key)[1]

    def meter_ranges(self, rows: pl.LazyFrame) -> Iterator[pl.Expr]:
        """Conditions that cut rows of ``readings`` into parts of whole meters, of a bounded size."""
        counts = rows.group_by("meter_id").len().collect(engine="streaming").sort("meter_id")
        share = pl.col("len").cum_sum().shift(fill_value=0) // ROWS_AT_ONCE
        ranges = counts.group_by(share.alias("range"), maintain_order=True).agg(
            low=pl.col("meter_id").first(), high=pl.col("meter_id").last()
        )
        for low, high in ranges.select("low", "high").iter_rows():
            yield pl.col("meter_id").is_between(pl.lit(low), pl.lit(high))

    def readings_around(self, month: str) -> pl.LazyFrame:
        """Rows of ``readings`` of a month and its neighbours: whole local days and months of it."""
        first = date.fromisoformat(f"{month}-01")
        months = [f"{first + timedelta(days=days):%Y-%m}" for days in (-1, 0, 31 + 1)]
        return self.house.lake.scan(READINGS).filter(
            (pl.col("organisation") == self.house.organisation) & pl.col("month").is_in(months)
        )

    def _settled(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """What belongs to others, is not judged or in no stage stays."""
        foreign = pl.col("organisation") != self.house.organisation
        keep = pl.when(foreign).then(pl.lit("all")).otherwise(pl.col("keep").fill_null("all"))
        return rows.with_columns(keep=keep, stays=(keep == "all") | pl.col("stays").fill_null(value=False))

    def _always_kept(self) -> pl.LazyFrame:
        owned = pl.col("organisation") == self.house.organisation
        readings = self.house.lake.scan(READINGS).filter(owned).select(*_TELEGRAM, *CUMULATIVE)
        events = self.house.lake.scan(REGISTER_EVENTS).filter(owned & pl.col("kind").is_in(retention.SIDED))
        staying = self._settled(self._figures(REGISTER_EVENTS, events)).filter("stays")
        columns = ["organisation", "meter_id", "register", "at"]
        finals = self.house.lake.scan(FINAL_READINGS).filter(owned).rename({"read_at": "at"})
        sided = pl.concat([staying.select(columns), finals.select(columns)]).collect()
        return retention.always_kept(readings, self.installations, sided, referenced(self.house), self._spans)

    def _noted(self) -> dict[str, pl.DataFrame]:
        """Resolution classes that something is noted of, by meter and by point."""
        lake, owned = self.house.lake, pl.col("organisation") == self.house.organisation
        configurations = lake.scan(METER_CONFIGURATIONS).filter(owned).collect()
        members = lake.scan(GROUP_MEMBERS).filter(owned, pl.col("group") == PRIORITY).collect()
        return {key: stretches(configurations, members, self.installations, key, self.zone) for key in self._media}

    def _keep(
        self, rows: pl.LazyFrame, zone: Zone, day: pl.Expr, table: Table | None = None, first: pl.Expr | None = None
    ) -> pl.LazyFrame:
        """Adds ``medium`` and ``keep``; what has no source that anybody asked for is of the source ``radio``.

        Rows of a table that a file was made of are in no stage, and ``exported`` where they would be.
        """
        names = rows.collect_schema().names()
        key = next((name for name in self._media if name in names), None)
        known = rows.join(self._media[key].lazy(), on=key, how="left") if key else rows.with_columns(medium=_NO_MEDIUM)
        if key == "meter_id":  # meters of others are known by their type alone
            kind = pl.col("meter_id").str.split("-").list.last().replace_strict(MEDIA, default=None)
            known = known.with_columns(pl.coalesce("medium", kind).alias("medium"))
        if has_sources := zone in ("raw", "reading"):
            known = known.with_columns(source=pl.col("source") if "source" in names else pl.lit("radio"))
        known = known.with_columns(aged_on=day)
        if self._resolutions:
            usual = timedelta(seconds=self.house.settings.expected_interval_s)
            known = (
                with_resolutions(known, self._resolutions[key], key, usual)
                if key
                else known.with_columns(resolution=pl.lit(None, pl.String))
            )
        staged = known.with_columns(retention.keep_of(self.rules, zone, self.today, sources=has_sources))
        if table not in self._exports:
            return staged.with_columns(exported=pl.lit(value=False))
        aged_on = pl.col("aged_on")
        named = self._exports[table].over(staged, key, aged_on if first is None else first, aged_on)
        held = pl.col("exported") & (pl.col("keep") != "all")
        return named.with_columns(exported=held, keep=pl.when(held).then(pl.lit("all")).otherwise("keep"))

    def _telegrams(self, table: Table, month: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Judges what has the time of a telegram."""
        known = self._keep(self._with_source(table, month, rows), ZONES[table], self.day_of(table), table)
        if table is READINGS_HISTORY:
            return self._with_mark(known, retention.held(rows, self._spans), _TELEGRAM)
        chosen = self.chosen(ZONES[table], month).lazy()
        if table is not TELEGRAMS:
            return self._with_mark(known, chosen.select(_TELEGRAM), _TELEGRAM)
        marked = self._with_mark(known, chosen.select(telegram_id="frame_id").drop_nulls(), ["telegram_id"])
        waits = pl.col("outcome").is_in(sorted(WAITING)) & (pl.col("keep") != "none")
        timed = rows.with_columns(measured_at="received_at")
        held = retention.held(timed, self._spans).rename({"measured_at": "received_at"})
        kept = marked.with_columns(pl.col("stays") | waits)
        return self._with_mark(kept, held, ["organisation", "meter_id", "received_at"])

    def _with_source(self, table: Table, month: str, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Adds the source of telegrams and records, where a rule asks for it."""
        if not self._has_sources or table not in (RECORDS, TELEGRAMS):
            return rows
        if table is RECORDS:
            told = self.readings_around(month).select(*_TELEGRAM, "source")
            return rows.join(told, on=_TELEGRAM, how="left")
        received = pl.col("received_at").dt.strftime("%Y-%m") == month
        return with_sources(self.house, rows, received, "telegram_id")

    def _figures(self, table: Table, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Judges figures, events and rejected lines."""
        known = self._keep(rows, ZONES[table], self.day_of(table), table, self._begun(table))
        known = known.with_columns(stays=pl.col("keep").is_in(list(OUTLIVE[table])))
        if table is ALERT_EVENTS:  # one whose window goes on would only be told again
            going_on = self._settled(self._figures(ALERT_USAGE, self.house.lake.scan(ALERT_USAGE))).filter("stays")
            known = self._with_mark(known, going_on.select(ALERT_EVENTS.key), list(ALERT_EVENTS.key))
        if table is REJECTED_ROWS or self._holds.is_empty():
            return known
        key, periods = "metering_point", self._holds
        if key not in table.schema:
            key = "meter_id"
            periods = periods.join(self.installations.select("metering_point", key), on="metering_point")
        held = (
            rows.with_columns(_first=self._begun(table), _last=self.day_of(table))
            .join(periods.lazy().select(key, "first_day", "last_day"), on=key)
            .filter((pl.col("_first") <= pl.col("last_day")) & (pl.col("_last") >= pl.col("first_day")))
            .select(table.key)
            .unique()
        )
        return self._with_mark(known, held, list(table.key))

    def _begun(self, table: Table) -> pl.Expr:
        """First local day that a row of figures or events is about."""
        if table is REJECTED_ROWS:
            return pl.col("landed_day")
        if table in (INFO_CODE_EVENTS, INFO_CODE_EVENTS.history):
            return local_day(pl.col("first_seen"), self.zone)
        return days_of(table, self.zone.key)[0]

    def _frames(self, landed_day: date) -> pl.DataFrame:
        """Receptions of an arrival day that a stage has reached: the judgement, their meter and their day."""
        if landed_day not in self._judged:
            latest = latest_outcomes(self.house, of_days([landed_day])).select(
                "organisation", "frame_id", "meter_id", "outcome", "received_at", "telegram_key"
            )
            rows, gone = latest.collect().lazy(), pl.lit(value=False)
            day = local_day(pl.col("received_at"), self.zone)
            if self._has_sources:
                rows = with_sources(self.house, rows, pl.col("landed_day") == landed_day, "frame_id")
                gone = pl.col("source").is_null()  # by this run, before it died or came to the outcomes
            kept_as = pl.when(gone).then(pl.lit("none")).otherwise("keep")
            judged = self._keep(rows, "raw", day).with_columns(keep=kept_as)
            old = judged.filter(pl.col("keep") != "all").collect()
            months = old["received_at"].dt.strftime("%Y-%m").unique().sort()
            chosen = [self.chosen("raw", month).select("frame_id") for month in months]
            known = pl.concat([READINGS.empty().select("frame_id"), *chosen]).drop_nulls()
            timed = old.lazy().with_columns(measured_at="received_at")
            held = timed.join(retention.held(timed, self._spans), on=_TELEGRAM, how="semi").select("frame_id")
            kept = pl.concat([known, held.collect()])["frame_id"]
            waits = pl.col("outcome").is_in(sorted(WAITING)) & (pl.col("keep") != "none")
            stays = pl.col("frame_id").is_in(kept.implode()) | waits
            self._judged.clear()
            self._judged[landed_day] = old.select(
                "frame_id", "medium", "keep", "aged_on", judged_meter="meter_id", stays=stays
            )
        return self._judged[landed_day]

    def chosen(self, zone: Zone, month: str) -> pl.DataFrame:
        """Telegrams of a month that stay in any stage: ``organisation``, ``meter_id``, ``measured_at``, ``frame_id``.

        Frames outlive no reading: of a frame that stays the reading stays, too.
        """
        if (zone, month) not in self._chosen:
            if len(self._chosen) > 3:
                self._chosen.pop(next(iter(self._chosen)))
            self._chosen[zone, month] = self._choose(zone, month)
        return self._chosen[zone, month]

    def _choose(self, zone: Zone, month: str) -> pl.DataFrame:
        rows = self.readings_around(month).select(*_TELEGRAM, "frame_id", "source", "month")
        parts = [READINGS.empty().select(*_TELEGRAM, "frame_id")]
        for some in self.meter_ranges(rows):
            part = rows.filter(some).collect()
            always = self._always.filter(some).lazy()
            left = part.lazy()
            for each in dict.fromkeys((zone, "reading")):
                units = self._units(left, each)
                chosen = retention.chosen(units, always, self.policy.survivor, self.zone)
                stays = (pl.col("keep") == "all") if each != zone else pl.lit(value=False)
                marked = self._with_mark(units.with_columns(stays=stays), chosen, _TELEGRAM).filter("stays")
                left = marked.select(part.columns)
            parts.append(left.filter(pl.col("month") == month).select(*_TELEGRAM, "frame_id").collect())
        return pl.concat(parts)

    def _units(self, rows: pl.LazyFrame, zone: Zone) -> pl.LazyFrame:
        asked = rows.filter(pl.col("frame_id").is_not_null()) if zone == "raw" else rows
        table = READINGS if zone == "reading" else None
        return self._keep(retention.with_buckets(asked, self.installations), zone, self.day_of(READINGS), table)

    @staticmethod
    def _with_mark(rows: pl.LazyFrame, those: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
        """Lets those rows stay, too."""
        mark = those.unique(key).with_columns(_hit=pl.lit(value=True))
        joined = rows.join(mark, on=key, how="left", nulls_equal=True)
        before = pl.col("stays") if "stays" in rows.collect_schema() else pl.lit(value=False)
        return joined.with_columns(stays=before | pl.col("_hit").fill_null(value=False)).drop("_hit")


def _holds(house: Installation) -> pl.DataFrame:
    """Legal holds in force: ``erasure`` (null), ``metering_point``, ``first_day``, ``last_day``."""
    first, last = _EVER
    rows = [
        (None, hold.metering_point, hold.first_day or first, hold.last_day or last)
        for hold in erasures.holds(house.registry, house.organisation)
    ]
    return pl.DataFrame(rows, schema=erasures.ERASED, orient="row")
