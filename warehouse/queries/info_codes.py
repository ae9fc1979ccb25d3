"""Info codes as a list: which meters show what, since when, how often of late, and whether that still holds."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.info_texts import BY_METER, BY_READINGS, CLASS_SPANS, FEW, shipped_texts
from warehouse.phrases import phrase
from warehouse.policies.info_codes import InfoCodePolicy, Language
from warehouse.queries.readings import among
from warehouse.schemas import INFO_CODE_EVENTS, INSTALLATIONS, METERS, READING_PERFORMANCE_DAILY
from warehouse.transforms.calendar import local_day, local_days

DAYS = 30
"""Complete local days before the day of asking over which activity is counted."""

Order = Literal["newest", "important"]

LOGGED = "_(THIS|PREV)_MONTH$"
"""Codes of a meter's monthly log: they say that something was active, never that it is."""

_SERIES = ("meter_id", "code")
_RANKS = {"high": 0, "normal": 1, "ignore": 2}
SYMBOLS = {"high": "▲", "normal": "●"}
"""Signs of priorities in lists; never a colour alone."""

_STATES = {"active": 0, "stale": 1, "was_active": 2, "cleared": 3}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a list of info codes is asked for.

    Attributes:
        as_of: Instant of asking, UTC: what is active then.
        zone: The utility's zone.
        expected_interval: Time between two readings of sources that the policy does not name.
        language: Language of names and sentences.
        order: Newest first, or most important first.
        only_high: Only codes of high priority; ignored ones are never listed.
        only_active: Only codes that are active.
        first: First local day that episodes reach into.
        last: Last such day.
    """

    as_of: datetime
    zone: ZoneInfo
    expected_interval: timedelta
    language: Language = "en"
    order: Order = "newest"
    only_high: bool = False
    only_active: bool = False
    first: date | None = None
    last: date | None = None


def report(
    lake: Readable, organisation: str, policy: InfoCodePolicy, asked: Asked, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Lists episodes of info codes.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        policy: What is decided about codes.
        asked: Filters, order and language.
        points: ``metering_point`` of the points listed; ``None`` lists all meters.

    Returns:
        ``reading_time`` (of the last reading with the code), ``metering_point`` (where the meter was then; null where
        it was nowhere), ``meter_id``, ``serial``, ``medium``, ``code``, ``icon``, ``name``, ``priority``, ``state``
        (``active``; ``stale``: active in a reading that is too old to rest on; ``was_active``: told by the meter's
        log; ``cleared``), ``first_seen``, ``cleared_at``, ``volume_m3``, ``days_active`` and ``days_observed`` of the
        last 30 complete local days, ``is_over`` (more days active than the policy's), ``max_class``, ``by_readings``
        and ``by_meter`` (sentences; null where the meter sends no class).
    """
    theirs = pl.col("organisation") == organisation
    rows = (
        lake.scan(INFO_CODE_EVENTS)
        .filter(theirs, pl.col("priority") != "ignore")
        .join(lake.scan(METERS).filter(theirs).select("meter_id", "serial", "medium"), on="meter_id", how="left")
        .with_columns(state=_state(policy, asked))
    )
    if asked.only_high:
        rows = rows.filter(pl.col("priority") == "high")
    if asked.only_active:
        rows = rows.filter(pl.col("state") == "active")
    if asked.first is not None:
        rows = rows.filter(local_day(pl.coalesce("cleared_at", pl.lit(asked.as_of)), asked.zone) >= asked.first)
    if asked.last is not None:
        rows = rows.filter(local_day(pl.col("first_seen"), asked.zone) <= asked.last)
    listed = _placed(lake, organisation, rows.collect())
    if points is not None:
        listed = listed.join(points.select("metering_point").unique(), on="metering_point", how="semi")
    counted = listed.join(_days(lake, organisation, listed, asked), on=_SERIES, how="left").with_columns(
        pl.col("days_active", "days_observed").fill_null(0)
    )
    return _worded(counted, policy, asked.language).pipe(_ordered, asked.order)


def open_of(
    lake: Readable, organisation: str, policy: InfoCodePolicy, language: Language, meters: pl.DataFrame
) -> pl.DataFrame:
    """Open info codes of some meters in one short text each, for a column of lists.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        policy: What is decided about codes.
        language: Language of names.
        meters: ``meter_id`` and ``medium``; a page of them rather than a fleet.

    Returns:
        ``meter_id`` and ``info_codes``: a symbol (▲ high priority, ● normal) and name per code, high ones first; one
        row per meter that has any.
    """
    rows = (
        lake.scan(INFO_CODE_EVENTS)
        .filter(organisation=organisation)
        .filter(pl.col("cleared_at").is_null(), pl.col("priority").is_in(list(SYMBOLS)))
        .filter(among("meter_id", meters["meter_id"]), ~pl.col("code").str.contains(LOGGED))
        .select("meter_id", "code", "priority")
        .collect()
        .join(meters.select("meter_id", "medium"), on="meter_id")
    )
    places = rows.select("medium", "code").unique()
    named = pl.DataFrame(
        [(medium, code, meaning(policy, medium, code, language)[1]) for medium, code in places.rows()],
        schema=dict.fromkeys(("medium", "code", "name"), pl.String),
        orient="row",
    )
    symbol = pl.col("priority").replace_strict(SYMBOLS, return_dtype=pl.String)
    return (
        rows.join(named, on=["medium", "code"], how="left", nulls_equal=True)
        .sort(pl.col("priority").replace_strict(_RANKS, return_dtype=pl.Int32), "code")
        .group_by("meter_id", maintain_order=True)
        .agg(info_codes=pl.concat_str(symbol, pl.lit(" "), "name").str.join(", "))
        .sort("meter_id")
    )


def of_meter(
    lake: Readable, organisation: str, policy: InfoCodePolicy, language: Language, meter_id: str, medium: str
) -> pl.DataFrame:
    """Every episode of info codes of one meter.

    Args:
        lake: Where the tables are.
        organisation: Whose meter.
        policy: What is decided about codes.
        language: Language of names.
        meter_id: The meter.
        medium: Its medium.

    Returns:
        ``info_code`` (its name), ``code``, ``priority``, ``first_seen``, ``last_seen``, ``cleared_at`` (UTC; null while
        open) and ``days_active_30``, the latest first.
    """
    found = lake.scan(INFO_CODE_EVENTS).filter(organisation=organisation, meter_id=meter_id).collect()
    named = {code: meaning(policy, medium, code, language)[1] for code in found["code"].unique()}
    return (
        found.with_columns(info_code=pl.col("code").replace(named))
        .select("info_code", "code", "priority", "first_seen", "last_seen", "cleared_at", "days_active_30")
        .sort("first_seen", "code", descending=[True, False])
    )


def extent(lake: Readable, organisation: str, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day on which any listed code was seen; ``None`` where none ever was."""
    events = lake.scan(INFO_CODE_EVENTS).filter(pl.col("organisation") == organisation, pl.col("priority") != "ignore")
    ends = (local_day(pl.col("first_seen").min(), zone), local_day(pl.col("last_seen").max(), zone))
    first, last = events.select(first=ends[0], last=ends[1]).collect().row(0)
    return None if first is None else (first, last)


def _state(policy: InfoCodePolicy, asked: Asked) -> pl.Expr:
    """Whether the newest reading has the code, and whether it can still be rested on."""
    usual = policy.max_age_intervals * asked.expected_interval / timedelta(hours=1)
    age_h = (pl.lit(asked.as_of) - pl.col("last_seen")).dt.total_seconds() / 3600
    limit = pl.col("source").replace_strict(dict(policy.max_age_h), default=usual, return_dtype=pl.Float64)
    return (
        pl.when(pl.col("code").str.contains(LOGGED))
        .then(pl.lit("was_active"))
        .when(pl.col("cleared_at").is_not_null())
        .then(pl.lit("cleared"))
        .when(age_h > limit)
        .then(pl.lit("stale"))
        .otherwise(pl.lit("active"))
    )


def _placed(lake: Readable, organisation: str, events: pl.DataFrame) -> pl.DataFrame:
    """The metering point where the meter was when it last showed the code."""
    installations = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .select("meter_id", "metering_point", "installed_at", "removed_at")
        .collect()
    )
    at = pl.col("last_seen")
    there = (
        events.select(*_SERIES, "first_seen", "last_seen")
        .join(installations, on="meter_id")
        .filter(at >= pl.col("installed_at"), (at < pl.col("removed_at")).fill_null(value=True))
        .sort("installed_at")
        .unique([*_SERIES, "first_seen"], keep="last")
    )
    return events.join(there.select(*_SERIES, "first_seen", "metering_point"), on=[*_SERIES, "first_seen"], how="left")


def _days(lake: Readable, organisation: str, listed: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """Active and observed days per listed meter and code.

    Between the first and the last reading of an episode every reading has the code: each observed day is active.
    """
    today = pl.select(local_day(pl.lit(asked.as_of), asked.zone)).item()
    days = local_days(today - timedelta(days=DAYS), today - timedelta(days=1), asked.zone)
    window = days["day"]
    meters = listed.select("meter_id").unique()
    episodes = (
        lake.scan(INFO_CODE_EVENTS)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("last_seen") >= days["start"].min(),
            pl.col("first_seen") < days["end"].max(),
        )
        .join(meters.lazy(), on="meter_id", how="semi")
        .select(
            *_SERIES,
            first=pl.max_horizontal(local_day(pl.col("first_seen"), asked.zone), pl.lit(window.min())),
            last=pl.min_horizontal(local_day(pl.col("last_seen"), asked.zone), pl.lit(window.max())),
        )
        .collect()
    )
    active = episodes.select(*_SERIES, "first", "last", day=pl.date_ranges("first", "last")).explode("day")
    observed = (
        lake.scan(READING_PERFORMANCE_DAILY)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("month").is_in([f"{day:%Y-%m}" for day in window.dt.truncate("1mo").unique()]),
            pl.col("day").is_in(window.implode()),
            pl.col("criterion") == "daily",
            pl.col("received") > 0,
        )
        .join(meters.lazy(), on="meter_id", how="semi")
        .select("meter_id", "day")
        .collect()
    )
    # The first and the last day of an episode were observed, wherever the meter was.
    ends = pl.concat([active.select("meter_id", day=end) for end in ("first", "last")])
    seen = pl.concat([observed, ends]).unique()
    counts = seen.group_by("meter_id").agg(days_observed=pl.len())
    of_codes = active.select(*_SERIES, "day").unique().join(seen, on=["meter_id", "day"], how="semi").group_by(_SERIES)
    return (
        listed.select(_SERIES)
        .unique()
        .join(of_codes.agg(days_active=pl.len()), on=_SERIES, how="left")
        .join(counts, on="meter_id", how="left")
    )


def _worded(rows: pl.DataFrame, policy: InfoCodePolicy, language: Language) -> pl.DataFrame:
    """Names, icons and sentences."""
    places = rows.select("medium", "code").unique()
    named = pl.DataFrame(
        [(medium, code, *meaning(policy, medium, code, language)) for medium, code in places.rows()],
        schema=dict.fromkeys(("medium", "code", "icon", "name"), pl.String),
        orient="row",
    )
    spans = dict(enumerate(CLASS_SPANS[language], start=1))
    span = pl.col("max_class").replace_strict(spans, default=None, return_dtype=pl.String)
    count = phrase(BY_READINGS[language], "days_active", "days_observed")
    few = pl.col("days_observed") < policy.few_observations_days
    over = pl.lit(value=False) if policy.alert_days is None else pl.col("days_active") > policy.alert_days
    return rows.join(named, on=["medium", "code"], how="left", nulls_equal=True).select(
        "metering_point",
        "meter_id",
        "serial",
        "medium",
        "code",
        "icon",
        "name",
        "priority",
        "state",
        "first_seen",
        "cleared_at",
        "volume_m3",
        "days_active",
        "days_observed",
        "max_class",
        reading_time="last_seen",
        is_over=over,
        by_readings=pl.when(few).then(phrase("{} ({})", count, pl.lit(FEW[language]))).otherwise(count),
        by_meter=phrase(BY_METER[language], "name", span),
    )


def meaning(policy: InfoCodePolicy, medium: str | None, code: str, language: Language) -> tuple[str, str]:
    """Icon and name: as decided, as shipped, else the code itself; English where the language has no word."""
    decided, shipped = policy.decided(medium or "", code), shipped_texts().get(code)
    words = (dict(shipped.names) if shipped else {}) | decided.text
    return decided.icon or (shipped.icon if shipped else "bit"), words.get(language) or words.get("en") or code


def _ordered(rows: pl.DataFrame, order: Order) -> pl.DataFrame:
    columns = ["reading_time", *(name for name in rows.columns if name != "reading_time")]
    newest = -pl.col("reading_time").dt.timestamp()
    important = (
        pl.col("priority").replace_strict(_RANKS, return_dtype=pl.Int32),
        pl.col("state").replace_strict(_STATES, return_dtype=pl.Int32),
        -pl.col("days_active").cast(pl.Int64),
    )
    first = (newest,) if order == "newest" else (*important, newest)
    return rows.sort(*first, "meter_id", "code").select(columns)
