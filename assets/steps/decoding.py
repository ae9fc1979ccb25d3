"""Decoding: receptions become outcomes, telegrams, readings and records.

A pass takes the receptions of some arrival days that have no outcome yet, and those that waited for something that has
come since: a key, a registration, a compact frame's format, a decoder. It commits its outcomes last. A pass that dies
in the middle is therefore done again, and every write before the outcomes replaces what the dead pass left.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Self

import polars as pl
import polars.selectors as cs

from assets.installation import Installation
from assets.steps.erasing import erase_arrivals, note_arrivals
from assets.steps.history import keep_readings, superseded_readings
from assets.steps.publishing import publish_registry
from assets.steps.side_by_side import ahead, side_by_side
from assets.steps.sources import is_wired, passing
from assets.steps.touched import extent, touch
from decoders.batch import Decoded, decode_batch
from decoders.compact import KNOWN, FormatBook
from decoders.edition import edition
from decoders.outcomes import WAITING
from decoders.uplinks import framed
from registry.keys import device_euis, key_news, load_keys, record_results
from registry.tables import registered_meters
from warehouse.ordering import sort_rows
from warehouse.repeats import repeated
from warehouse.schemas import (
    FORMATS,
    LAYOUTS,
    OUTCOMES,
    READINGS,
    RECEPTIONS,
    RECORDS,
    TELEGRAMS,
    Table,
)
from warehouse.transforms import transmissions
from warehouse.transforms.calendar import month

CHUNK_ROWS = 400_000
"""Receptions decoded and committed at a time; bounds the memory."""

PASSES = 4
"""Passes over what is waiting, at most; each resolves what the one before has made possible."""

_FRAME = ("frame", "transport", "device_eui")

_STORED_BY = ("meter_id", "received_at")
"""Order of telegrams, and, by the time of the reading, of readings and records."""

_NO_KEYS = pl.DataFrame(schema={"telegram_key": pl.String})

_IN_TIME = (pl.col("received_at") >= pl.col("valid_from")).fill_null(value=True) & (
    pl.col("received_at") < pl.col("valid_to")
).fill_null(value=True)
"""Whether an uplink came while its device was the meter's."""

REACH = timedelta(days=8)
"""How far before and after a pass's receptions copies of the same transmissions are looked for (ALGORITHMS §1.3: W2 is
one day; a chain of windows would have to be longer than a week to reach further)."""


@dataclass(frozen=True, slots=True)
class DecodingReport:
    """What a pass did: rows per table, and receptions per outcome."""

    frames: int
    outcomes: Counter[str]
    telegrams: int
    readings: int
    records: int
    superseded: int
    keys: int
    """Keys that verified a frame, or failed, for the first time."""
    formats: int
    """Formats of compact frames that are new."""
    erased: int = 0
    """Receptions of erased periods that went again."""


def latest_outcomes(house: Installation, among: pl.Expr | None = None) -> pl.LazyFrame:
    """The latest attempt of each reception.

    Args:
        house: The installation.
        among: Which receptions, by what all their attempts share, such as ``landed_day``; ``None`` takes all.

    Returns:
        The columns of ``outcomes``, one row per ``frame_id``.
    """
    attempts = house.lake.scan(OUTCOMES).filter(pl.col("organisation") == house.organisation)
    if among is not None:
        attempts = attempts.filter(among)
    # Few are tried again: what is joined is small, where to sort or group the attempts would take them all in.
    again = attempts.filter(pl.col("attempt") > 1).group_by("frame_id").agg(newest=pl.col("attempt").max())
    latest = attempts.join(again, on="frame_id", how="left")
    return latest.filter(pl.col("attempt") == pl.col("newest").fill_null(1)).drop("newest")


def of_days(days: Sequence[date]) -> pl.Expr:
    """What came on some arrival days."""
    return pl.col("landed_day").is_in(list(days))


def resolvable(house: Installation, among: pl.Expr | None = None) -> pl.LazyFrame:
    """Latest outcomes of receptions whose obstacle may be gone (ALGORITHMS §1.2).

    A key is tried again when it came, or first verified a frame, at the last attempt or after it; a telegram that no
    decoder could read, when the decoders or a device file changed.

    Args:
        house: The installation.
        among: As in :func:`latest_outcomes`.

    Returns:
        The columns of ``outcomes``.
    """
    waiting = latest_outcomes(house, among).filter(pl.col("outcome").is_in(sorted(WAITING))).collect(engine="streaming")
    if waiting.is_empty():
        return waiting.lazy()
    keys = key_news(house.registry, house.organisation)
    registered = registered_meters(house.registry, house.organisation)
    formats = formats_known(house).signatures()
    uplinks = _named_uplinks(house)
    news = waiting.lazy().join(keys.lazy(), on="meter_id", how="left")
    outcome = pl.col("outcome")
    return news.filter(
        (outcome.is_in(["no_key", "wrong_key"]) & (pl.col("news_at") >= pl.col("decided_at")))
        | ((outcome == "foreign") & pl.col("meter_id").is_in(registered.implode()))
        | ((outcome == "foreign") & pl.col("meter_id").is_null() & pl.col("frame_id").is_in(uplinks.implode()))
        | ((outcome == "unknown_format") & pl.col("signature").is_in(formats))
        | (outcome.is_in(["unsupported", "manufacturer_data"]) & (pl.col("decoders") != edition()))
    ).drop("news_at")


def means(house: Installation) -> str:
    """Digest of what can resolve a waiting reception: while it stays, only new receptions can be resolvable."""
    registered = registered_meters(house.registry, house.organisation)
    parts = (
        key_news(house.registry, house.organisation),
        registered.to_frame(),
        device_euis(house.registry, house.organisation),
        pl.DataFrame({"signature": formats_known(house).signatures()}),
    )
    rows = [(part.height, part.hash_rows(seed=0).sum()) for part in parts]
    return hashlib.sha256(repr((rows, edition())).encode()).hexdigest()


def _named_uplinks(house: Installation) -> pl.Series:
    """Receptions of LoRaWAN devices whose meter is registered."""
    devices = device_euis(house.registry, house.organisation)
    if devices.is_empty():
        return pl.Series([], dtype=pl.String)
    registered = registered_meters(house.registry, house.organisation)
    named = devices.filter(pl.col("meter_id").is_in(registered.implode()))
    uplinks = house.lake.scan(RECEPTIONS).filter(
        (pl.col("organisation") == house.organisation) & (pl.col("transport") == "lorawan")
    )
    owned = uplinks.join(named.lazy(), on="device_eui").filter(_IN_TIME)
    return owned.select("frame_id").collect()["frame_id"]


def formats_known(house: Installation) -> FormatBook:
    """Formats of compact frames: the well-known ones and those learned here."""
    learned = house.lake.scan(FORMATS).filter(pl.col("organisation") == house.organisation).collect()
    return KNOWN.with_all_learned(learned.select("signature", "meter_id", "format_hex"))


def decode_days(house: Installation, days: Sequence[date], now: datetime) -> DecodingReport:
    """Decodes what is undecoded among the receptions of some arrival days.

    Args:
        house: The installation.
        days: Arrival days (UTC).
        now: Instant of the pass, UTC.

    Returns:
        Counts of the pass.
    """
    reports: list[DecodingReport] = []
    with house.alone("decoding"):
        now = house.stamp(now)
        # What a pass teaches (a format, a proven key) may resolve what it or an earlier one left waiting.
        for _ in range(PASSES):
            work = _work(house, days)
            if work.is_empty():
                break
            known = len(reports)
            decoded = ahead(partial(_decode, house, _Registered.in_(house), now), work.iter_slices(CHUNK_ROWS))
            before = _NO_KEYS
            for frames, chunk in decoded:
                reports.append(_commit(house, frames, chunk, before, now))
                before = chunk.keys
            if not any(report.keys or report.formats for report in reports[known:]):
                break
    erased = erase_arrivals(house, now)
    if any(report.keys for report in reports):
        publish_registry(house)  # with what became of them
    return replace(total(reports), erased=erased)


def _work(house: Installation, days: Sequence[date]) -> pl.DataFrame:
    """Receptions without an outcome, and those whose obstacle is gone, in order of reception."""
    again = resolvable(house, of_days(days)).select("frame_id", "attempt", old_key="telegram_key").collect()
    seen = latest_outcomes(house, of_days(days)).select("frame_id")
    receptions = house.lake.scan(RECEPTIONS).filter(pl.col("organisation") == house.organisation, of_days(days))
    fresh = receptions.join(seen, on="frame_id", how="anti")
    waiting = receptions.join(again.lazy(), on="frame_id", how="semi")
    return (
        pl.concat([fresh, waiting])
        .select("organisation", "frame_id", "received_at", "landed_at", "landed_day", *_FRAME)
        .collect()
        .join(again, on="frame_id", how="left")
        .sort("received_at", "frame_id")
    )


@dataclass(frozen=True, slots=True)
class _Registered:
    """What a pass needs of the registry.

    Attributes:
        keys: As :func:`registry.keys.load_keys` gives them.
        meters: ``meter_id`` of each meter.
        devices: As :func:`registry.keys.device_euis` gives them.
    """

    keys: pl.DataFrame = field(repr=False)
    meters: pl.Series
    devices: pl.DataFrame

    @classmethod
    def in_(cls, house: Installation) -> Self:
        """Reads it."""
        registry, organisation = house.registry, house.organisation
        return cls(
            load_keys(registry, house.vault, organisation),
            registered_meters(registry, organisation),
            device_euis(registry, organisation),
        )


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What some receptions say.

    Attributes:
        decoded: Their values; ``outcomes`` has the columns of the table.
        keys: ``telegram_key`` of the transmissions they are of, or were taken to be of.
        stored: Those of which the lake knew something when they were decoded.
    """

    decoded: Decoded
    keys: pl.DataFrame
    stored: pl.DataFrame


def _decode(house: Installation, registered: _Registered, now: datetime, frames: pl.DataFrame) -> _Chunk:
    is_uplink = (pl.col("transport") == "lorawan").fill_null(value=False)
    named = frames.filter(is_uplink).join(registered.devices, on="device_eui", how="left", maintain_order="left")
    uplinks = framed(named.with_columns(meter_id=pl.when(_IN_TIME).then("meter_id")))
    radio = pl.concat([frames.filter(~is_uplink).select("frame_id", "frame"), uplinks.frames])
    times = frames.select("frame_id", "received_at")
    radio = radio.join(times, on="frame_id", how="left", maintain_order="left")
    decoded = decode_batch(radio, registered.keys, formats_known(house), registered.meters)
    outcomes, readings, records = (
        table.with_columns(cs.categorical().cast(pl.String))
        for table in (
            decoded.outcomes,
            decoded.with_frames(decoded.readings, "telegram_key", "status"),
            decoded.with_frames(decoded.records, "frame_id"),
        )
    )
    outcomes = pl.concat([outcomes, uplinks.settled], how="diagonal")
    proven = registered.keys.filter("verified")
    verified = decoded.verified.join(proven, on=["meter_id", "key_no"], how="anti")  # most often none is news
    outcomes = (
        frames.drop(*_FRAME, "old_key")
        .join(outcomes, on="frame_id", how="left")
        .with_columns(attempt=pl.col("attempt").fill_null(0) + 1, decided_at=pl.lit(now), decoders=pl.lit(edition()))
    )
    keys = pl.concat([outcomes["telegram_key"], frames["old_key"]]).drop_nulls().unique().to_frame("telegram_key")
    return _Chunk(
        decoded=replace(decoded, outcomes=outcomes, readings=readings, records=records, verified=verified),
        keys=keys,
        stored=_stored(house, keys, *extent(outcomes["received_at"])),
    )


def _stored(house: Installation, keys: pl.DataFrame, first: datetime, last: datetime) -> pl.DataFrame:
    """Those of some keys (``telegram_key``) that stand in the lake, near receptions from the first to the last."""
    margin = transmissions.SAME_ACCESS_NUMBER
    near = (pl.col("organisation") == house.organisation) & pl.col("received_at").is_between(
        first - margin, last + margin
    )
    # Values without an outcome are those of a pass that died.
    rows = [house.lake.scan(table).filter(near).select("telegram_key") for table in (OUTCOMES, TELEGRAMS, READINGS)]
    return pl.concat([some.join(keys.lazy(), on="telegram_key", how="semi") for some in rows]).unique().collect()


def _commit(
    house: Installation, frames: pl.DataFrame, chunk: _Chunk, before: pl.DataFrame, now: datetime
) -> DecodingReport:
    """Writes what a chunk says: values first, outcomes last.

    Args:
        house: The installation.
        frames: Its receptions.
        chunk: What they say.
        before: Keys of the chunk before, which was not committed when this one was decoded.
        now: Instant of the pass.
    """
    decoded, outcomes = chunk.decoded, chunk.decoded.outcomes
    keys = pl.concat([chunk.stored, chunk.keys.join(before, on="telegram_key", how="semi")]).unique()
    copies, stretch = _copies(house, outcomes, keys)
    # In the order in which telegrams, readings and records are stored: they are wide, and so are not sorted themselves.
    clustered = sort_rows(transmissions.cluster(copies), _STORED_BY)
    telegrams = transmissions.telegrams(clustered)
    old_telegrams = _of_keys(house, TELEGRAMS, keys, stretch)
    old_readings = _of_keys(house, READINGS, keys, stretch)
    wired = frames.filter(is_wired()).join(outcomes, on="frame_id")["telegram_key"]
    wired = pl.concat([wired, old_readings.filter(pl.col("source") == "wired")["telegram_key"]]).drop_nulls()
    source = (
        pl.when(pl.col("telegram_key").is_in(wired.implode()))
        .then(pl.lit("wired"))
        .when(pl.col("frame_id").is_in(_drive_by(house, stretch).implode()))
        .then(pl.lit("drive_by"))
        .otherwise(pl.lit("radio"))
    )
    winners = sort_rows(transmissions.winners(clustered), _STORED_BY)
    readings = _readings(winners, decoded, old_readings, source)
    readings = readings.with_columns(known_from=pl.lit(now))
    records = _records(decoded, readings)

    note_arrivals(house, outcomes.select("meter_id", "received_at"), now)
    lake, organisation = house.lake, pl.lit(house.organisation).alias("organisation")
    lake.merge(LAYOUTS, decoded.layouts.with_columns(organisation), stale=LAYOUTS.empty().select("layout_id"))
    formats = _learn(house, decoded.formats, now)
    # First of all: once the readings stand, a repeated pass could not tell any more what they superseded.
    superseded = superseded_readings(house, readings, old_readings.select(READINGS.key))
    keep_readings(house, superseded, now)
    gone = superseded.select("meter_id", "measured_at")
    touch(house, gone, "readings")
    said = [
        partial(lake.merge, RECORDS, records, stale=superseded.select("organisation", "meter_id", "measured_at")),
        partial(lake.merge, TELEGRAMS, telegrams, stale=old_telegrams.select(TELEGRAMS.key)),
    ]
    read = [partial(lake.merge, READINGS, readings, stale=old_readings.select(READINGS.key))]
    for writes in ([*said, *read],) if superseded.is_empty() else (said, read):
        side_by_side(lambda write: write(), writes)
    heard = outcomes.select("meter_id", measured_at="received_at").drop_nulls("meter_id")
    touch(house, pl.concat([heard, gone]), "readings")
    keys_judged = record_results(house.registry, house.organisation, decoded.verified, decoded.failed, now)
    lake.append(OUTCOMES, outcomes)
    return DecodingReport(
        frames=outcomes.height,
        outcomes=Counter(dict(outcomes.group_by("outcome").len().rows())),
        telegrams=telegrams.height,
        readings=readings.height,
        records=records.height,
        superseded=superseded.height,
        keys=keys_judged,
        formats=formats,
    )


def _of_keys(house: Installation, table: Table, keys: pl.DataFrame, stretch: pl.Expr) -> pl.DataFrame:
    """Rows of a table, near the pass's receptions, whose transmission the pass touches: most often there are none."""
    if keys.is_empty():
        return table.empty()
    rows = house.lake.scan(table).filter((pl.col("organisation") == house.organisation) & stretch)
    return rows.join(keys.lazy(), on="telegram_key", how="semi").collect()


def _copies(house: Installation, outcomes: pl.DataFrame, keys: pl.DataFrame) -> tuple[pl.DataFrame, pl.Expr]:
    """Every reception of the touched transmissions, the pass's own and those decided before, and where they lie.

    Of a key that is found in the margin of the stretch that was searched, there may be others beyond it.
    """
    columns = [
        "organisation",
        "frame_id",
        "telegram_key",
        "meter_id",
        "access_no",
        "received_at",
        "landed_at",
        "outcome",
    ]
    at, key, margin = pl.col("received_at"), ["telegram_key"], transmissions.SAME_ACCESS_NUMBER
    first, last = extent(outcomes["received_at"])
    copies, asked, low, high = [outcomes.select(columns)], keys, first, last
    while asked.height:
        low, high = low - margin, high + margin
        near = latest_outcomes(house, at.is_between(low, high)).join(asked.lazy(), on=key, how="semi")
        before = near.select(columns).collect()
        in_margin = (at < low + margin) | (at > high - margin)
        asked = before.filter(in_margin & (first - low < REACH)).select(key).unique()
        copies.append(before.join(asked, on=key, how="anti").join(outcomes, on="frame_id", how="anti"))
    whole = pl.concat(copies, how="vertical_relaxed")
    return whole.filter((pl.col("outcome") != "corrupt") & pl.col("telegram_key").is_not_null()), at.is_between(
        low, high
    )


def _drive_by(house: Installation, stretch: pl.Expr) -> pl.Series:
    """Receptions of collectors that pass by without a schedule."""
    collectors = passing(house)
    if not collectors:
        return pl.Series("frame_id", [], pl.String)
    heard = house.lake.scan(RECEPTIONS).filter(
        (pl.col("organisation") == house.organisation) & stretch & pl.col("collector").is_in(collectors)
    )
    return heard.select("frame_id").collect()["frame_id"]


def _readings(winners: pl.DataFrame, decoded: Decoded, old_readings: pl.DataFrame, source: pl.Expr) -> pl.DataFrame:
    """One reading per readable transmission, at its earliest reception.

    Copies of a transmission say the same, so the values may come from any of them: from this pass or from the reading
    that stands already.
    """
    values = pl.concat([decoded.readings, old_readings.select(decoded.readings.columns)], how="vertical_relaxed")
    if repeated(values.lazy(), ["telegram_key"]):
        values = values.unique("telegram_key", keep="first", maintain_order=True)
    readable = winners.select(
        "organisation",
        "meter_id",
        "telegram_key",
        "received_at",
        "landed_at",
        "frame_id",
        measured_at="received_at",
        quality=pl.lit("M"),
        source=source,
    )
    readings = transmissions.merge_readings(
        readable.join(values, on="telegram_key", how="inner", maintain_order="left")
    )
    return readings.with_columns(month=month(pl.col("measured_at")))


def _records(decoded: Decoded, readings: pl.DataFrame) -> pl.DataFrame:
    """The records of the telegrams that gave a reading time."""
    times = readings.select("organisation", "meter_id", "measured_at", "frame_id", month=month(pl.col("measured_at")))
    return times.join(decoded.records, on="frame_id", how="inner", maintain_order="left_right")


def _learn(house: Installation, formats: pl.DataFrame, now: datetime) -> int:
    """Keeps the compact frame formats that are new, and says how many there are."""
    learned = formats.with_columns(organisation=pl.lit(house.organisation), learned_at=pl.lit(now))
    known = house.lake.scan(FORMATS).select(FORMATS.key).collect()
    new = learned.join(known, on=FORMATS.key, how="anti")
    house.lake.append(FORMATS, new)
    return new.height


def total(reports: Sequence[DecodingReport]) -> DecodingReport:
    """Adds up the reports of several passes."""
    return DecodingReport(
        frames=sum(report.frames for report in reports),
        outcomes=sum((report.outcomes for report in reports), Counter()),
        telegrams=sum(report.telegrams for report in reports),
        readings=sum(report.readings for report in reports),
        records=sum(report.records for report in reports),
        superseded=sum(report.superseded for report in reports),
        keys=sum(report.keys for report in reports),
        formats=sum(report.formats for report in reports),
    )
