"""How well collectors hear meters (§12).

Texts become numbers once, then everything is grouped by numbers: a day of 100,000 hourly meters is 2.4 million rows.
"""

from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import LINK_DAILY, METER_LINKS
from warehouse.transforms.calendar import HOUR, local_day, local_days
from warehouse.transforms.figures import shape
from warehouse.transforms.numbers import numbered
from warehouse.transforms.transmissions import cluster

ENOUGH_STEPS = 3
"""Consecutive access numbers of a day from which a transmit interval is learned. Of transmissions that a collector
picked by the hour one in 256 follows its predecessor by chance."""

REDUNDANT_SHARE = 0.1
"""Share of a meter's transmissions from which on a collector counts as hearing it."""

_ACCESS_NUMBERS = 256
_SPREAD = 0x9E37_79B9_7F4A_7C15
"""Odd, so that multiples of small numbers are far apart among 64 bits (Fibonacci hashing)."""
_HOUR_MICROS = HOUR // timedelta(microseconds=1)
_LINK = ("meter", "collector", "day_no")
_SENDER = ("meter", "day_no")


class Radio(NamedTuple):
    """Rows of ``link_daily`` and of ``meter_links``, both without ``known_from``."""

    links: pl.DataFrame
    meters: pl.DataFrame


def radio(receptions: pl.DataFrame, organisation: str, zone: ZoneInfo) -> Radio:
    """Sums up receptions per meter, collector and local day of reception.

    Args:
        receptions: ``meter_id``, ``collector`` (null where the source names none), ``received_at``, ``rssi_dbm`` and
            ``lqi`` (null where not delivered), ``telegram_key`` (null where the frame was not read that far),
            ``access_no`` (null where there is none), ``readable`` (whether the frame gave values).
        organisation: Whose.
        zone: The utility's zone.

    Returns:
        The figures. A receiver with two antennas that hears a transmission twice counts two receptions and one
        telegram.
    """
    if receptions.is_empty():
        return Radio(shape(LINK_DAILY, LINK_DAILY.empty()), shape(METER_LINKS, METER_LINKS.empty()))
    rows, meters, collectors, days = _numbered(receptions, zone)
    heard = _in_order(rows)
    is_first = heard["transmission"].is_first_distinct() & heard["transmission"].is_not_null()
    senders = _senders(heard, heard.filter(is_first))
    again = heard["transmission"].filter(~is_first).drop_nulls().unique()
    copies = heard.filter(pl.col("transmission").is_in(again.implode()))
    links = _links(heard, senders).join(_clocks(copies), on=_LINK, how="left")
    redundancy = (
        links.join(senders.select(*_SENDER, own="telegrams"), on=_SENDER)
        .filter(pl.col("telegrams") >= REDUNDANT_SHARE * pl.col("own"), pl.col("telegrams") > 0)
        .group_by(_SENDER)
        .agg(redundancy=pl.len())
    )
    senders = senders.join(redundancy, on=_SENDER, how="left").with_columns(pl.col("redundancy").fill_null(0))
    day = pl.lit(days["day"]).gather(pl.col("day_no")).alias("day")
    owner = pl.lit(organisation).alias("organisation")
    meter = pl.lit(meters).gather(pl.col("meter")).alias("meter_id")
    collector = pl.lit(collectors).gather(pl.col("collector")).alias("collector")
    return Radio(
        shape(LINK_DAILY, links.with_columns(owner, day, meter, collector)),
        shape(METER_LINKS, senders.with_columns(owner, day, meter)),
    )


def _numbered(receptions: pl.DataFrame, zone: ZoneInfo) -> tuple[pl.DataFrame, pl.Series, pl.Series, pl.DataFrame]:
    """Receptions with numbers for meter, collector, local day, hour of the day and transmission."""
    ends = pl.DataFrame({"at": [receptions["received_at"].min(), receptions["received_at"].max()]})
    first, last = ends.select(local_day(pl.col("at"), zone)).to_series()
    days = local_days(first, last, zone)
    starts = days["start"].dt.timestamp("us")
    at = receptions["received_at"].dt.timestamp("us")
    day_no = starts.search_sorted(at, side="right").cast(pl.Int32) - 1
    meter, meters = numbered(receptions["meter_id"])
    collector, collectors = numbered(receptions["collector"].fill_null(""))
    rows = pl.DataFrame(
        {
            "meter": meter,
            "collector": collector,
            "day_no": day_no,
            "hour": ((at - starts.gather(day_no)) // _HOUR_MICROS).cast(pl.Int32),
            "at": at,
            "transmission": _transmission(receptions, day_no),
            "access_no": receptions["access_no"],
            "readable": receptions["readable"],
            "rssi_dbm": receptions["rssi_dbm"],
            "lqi": receptions["lqi"],
        }
    )
    return rows, meters, collectors, days


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows by meter and time."""
    since = pl.col("at") - pl.col("at").min()
    # One number to sort by is far cheaper than two columns; two meters are further apart than any reception.
    place = rows.select(pl.col("meter").cast(pl.Int64) * (since.max() + 1) + since).to_series()
    return rows[place.arg_sort()]


def _transmission(receptions: pl.DataFrame, day_no: pl.Series) -> pl.Series:
    """A number for each transmission of a day; null without a telegram key.

    With an access number equal keys of a day are copies. Without one a meter that measured nothing new sends the same
    bytes again: then time tells (ALGORITHMS §1.3).
    """
    key = receptions["telegram_key"]
    alike = key.is_not_null() & receptions["access_no"].is_null()
    by_day = key.hash() + day_no.cast(pl.UInt64) * _SPREAD
    number = pl.select(pl.when(key.is_not_null()).then(by_day)).to_series()
    if not alike.any():
        return number
    by_time = pl.DataFrame(
        {
            "organisation": day_no.filter(alike),
            "frame_id": pl.int_range(int(alike.sum()), eager=True),
            "telegram_key": key.filter(alike),
            "access_no": receptions["access_no"].filter(alike),
            "received_at": receptions["received_at"].filter(alike),
        }
    )
    first = cluster(by_time)["telegram_id"].cast(pl.UInt64)
    return number.scatter(alike.arg_true(), number.filter(alike) + (first + 1) * _SPREAD)


def _senders(heard: pl.DataFrame, firsts: pl.DataFrame) -> pl.DataFrame:
    """What was heard of each meter and day, and its transmit interval."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _SENDER)
    next_number = (pl.col("access_no") - pl.col("access_no").shift(1)) % _ACCESS_NUMBERS == 1
    step = pl.when(same & next_number).then(pl.col("at").diff())
    learned = (
        firsts.select(*_SENDER, step=step)
        .group_by(_SENDER)
        .agg(telegrams=pl.len(), steps=pl.col("step").count(), interval=pl.col("step").median())
    )
    gap = pl.when(same).then(pl.col("at").diff())
    return (
        heard.select(*_SENDER, "at", "hour", gap=gap)
        .group_by(_SENDER)
        .agg(first=pl.col("at").first(), last=pl.col("at").last(), gap=pl.col("gap").max(), hours=_span_hours())
        .join(learned, on=_SENDER, how="left")
        .with_columns(
            pl.col("telegrams").fill_null(0),
            transmit_interval_s=pl.when(pl.col("steps") >= ENOUGH_STEPS).then(pl.col("interval") / 1e6),
            first_heard=_instant("first"),
            last_heard=_instant("last"),
            longest_gap_s=pl.col("gap") / 1e6,
        )
    )


def _span_hours() -> pl.Expr:
    """Hours from the first to the last reception, both included."""
    return pl.col("hour").last() - pl.col("hour").first() + 1


def _links(heard: pl.DataFrame, senders: pl.DataFrame) -> pl.DataFrame:
    """Receptions, signal and losses per meter, collector and day.

    What is expected is the meter's span of the day by its interval; where collectors pass one telegram an hour on,
    hours.
    """
    summed = (
        heard.with_columns(bit=pl.when("readable").then(_bit()))
        .group_by(_LINK)
        .agg(
            receptions=pl.len(),
            telegrams=pl.col("transmission").drop_nulls().n_unique(),
            rssi_p10_dbm=pl.col("rssi_dbm").quantile(0.1, "linear"),
            rssi_p50_dbm=pl.col("rssi_dbm").quantile(0.5, "linear"),
            rssi_p90_dbm=pl.col("rssi_dbm").quantile(0.9, "linear"),
            lqi_p50=pl.col("lqi").median(),
            read_hours=pl.col("bit").bitwise_or().fill_null(0),
            hours=pl.col("hour").n_unique(),
        )
        .join(senders.select(*_SENDER, "first", "last", "transmit_interval_s", span_hours="hours"), on=_SENDER)
    )
    sent = ((pl.col("last") - pl.col("first")) / 1e6 / pl.col("transmit_interval_s")).round() + 1
    got = pl.when(pl.col("transmit_interval_s").is_not_null()).then("telegrams").otherwise("hours")
    share = 100 * (1 - got / sent.fill_null(pl.col("span_hours")))
    return summed.with_columns(error_rate=share.clip(0, 100).round(2))


def _clocks(copies: pl.DataFrame) -> pl.DataFrame:
    """How far each link's collector's clock is from the others': the same transmission is heard by all at once.

    Args:
        copies: All receptions of the transmissions that were received more than once.
    """
    earliest = copies.group_by("transmission", "collector").agg(pl.col("at").min(), pl.col("meter", "day_no").first())
    offset = (pl.col("at") - pl.col("at").mean().over("transmission")) / 1e6
    return (
        earliest.filter(pl.len().over("transmission") > 1)
        .with_columns(offset=offset)
        .group_by(_LINK)
        .agg(clock_offset_s=pl.col("offset").median())
    )


def _bit() -> pl.Expr:
    """The hour's bit in a day of up to 25 hours."""
    return pl.lit(1, pl.Int32) * 2 ** pl.col("hour")


def _instant(name: str) -> pl.Expr:
    return pl.from_epoch(pl.col(name), time_unit="us").dt.replace_time_zone("UTC")
