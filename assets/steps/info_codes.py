"""Info codes: what the touched readings say about episodes, and what the policy in force says about their priority."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.frozen import joined_episodes
from assets.steps.touched import done, extent, pending
from decoders.info_codes import BITS, CLASSES, PRIORITIES
from warehouse.policies import InfoCodePolicy
from warehouse.schemas import INFO_CODE_EVENTS, METERS, READINGS
from warehouse.transforms.info_codes import Meanings, info_code_events, naming, prioritised

STATUS = pl.lit("transport_status")
"""Kind under which the status byte of the transport layer is read as an info code."""

LOOK_BACK = timedelta(days=31)
"""Activity this long before an episode's end is counted (ALGORITHMS §8.2)."""

_OBSERVED = ("organisation", "meter_id", "measured_at", "info_code", "info_code_kind", "volume_m3", "source")


def reckon_info_codes(house: Installation, now: datetime) -> int:
    """Brings the episodes of info codes of the touched meters up to date.

    An episode that was open or ended after the first touched reading is reckoned again from its own beginning.

    Returns:
        Episodes inserted or replaced.
    """
    with house.alone("info_codes"):
        now = house.stamp(now)
        reprioritise(house, now)
        spans, newest = pending(house, "info_codes")
        if spans.is_empty():
            return 0
        uncleared = pl.col("cleared_at").is_null() | (pl.col("cleared_at") >= pl.col("first_at"))
        before = (
            house.lake.scan(INFO_CODE_EVENTS)
            .filter(pl.col("organisation") == house.organisation)
            .join(spans.lazy(), on="meter_id")
            .filter(uncleared)
            .collect()
        )
        told = before.select("meter_id", first_at="first_seen")
        starts = pl.concat([told, _with_news(house, spans)]).group_by("meter_id").agg(start=pl.col("first_at").min())
        since = starts.with_columns(pl.col("start") - LOOK_BACK)
        events = info_code_events(_words(house, since, _OBSERVED), _meanings(house), house.settings.zone)
        fresh = events.join(spans, on="meter_id").filter(uncleared).with_columns(known_from=pl.lit(now))
        fresh = joined_episodes(house, fresh, before)
        merged = house.lake.merge(INFO_CODE_EVENTS, fresh, stale=before.select(INFO_CODE_EVENTS.key), superseded_at=now)
        done(house, "info_codes", newest, now)
    return merged.inserted + merged.replaced


def _with_news(house: Installation, spans: pl.DataFrame) -> pl.DataFrame:
    """``meter_id`` and ``first_at`` of the touched meters that tell of an active code since then.

    Of the others weeks need not be read: what they told of before is an episode that is known.
    """
    asked = spans.select("meter_id", start="first_at")
    words = _words(house, asked, ("meter_id", "measured_at", "info_code", "info_code_kind"))
    return spans.select("meter_id", "first_at").join(naming(words, BITS), on="meter_id", how="semi")


def _words(house: Installation, starts: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Info codes and status bytes of some meters (``meter_id``) from an instant each (``start``) on."""
    if starts.is_empty():
        return READINGS.empty().select(columns)
    readings = (
        house.lake.scan(READINGS)
        .filter(pl.col("organisation") == house.organisation)
        .filter(pl.col("measured_at") >= extent(starts["start"])[0])
        .select(*columns, "status")
        .join(starts.lazy(), on="meter_id")
        .filter(pl.col("measured_at") >= pl.col("start"))
        .select(*columns, "status")
        .collect()
    )
    status = readings.with_columns(info_code="status", info_code_kind=STATUS)
    return pl.concat([readings, status], how="vertical_relaxed").select(columns)


def reprioritise(house: Installation, now: datetime) -> int:
    """Gives stored episodes the priority that the policy in force says, so that a decision shows at once.

    Returns:
        Episodes whose priority changed.
    """
    before = house.lake.scan(INFO_CODE_EVENTS).filter(organisation=house.organisation).collect()
    after = prioritised(before, _meanings(house)).select(before.columns)
    differing = after.filter(after["priority"] != before["priority"]).with_columns(known_from=pl.lit(now))
    if differing.is_empty():
        return 0
    nothing = INFO_CODE_EVENTS.empty().select("meter_id")
    return house.lake.merge(INFO_CODE_EVENTS, differing, stale=nothing, superseded_at=now).replaced


def _meanings(house: Installation) -> Meanings:
    shipped = dict(PRIORITIES.select("code", "priority").rows())
    return Meanings(
        bits=BITS,
        classes=CLASSES,
        media=house.lake.scan(METERS).select("organisation", "meter_id", "medium").collect(),
        priorities=house.policy(InfoCodePolicy).priorities(shipped),
    )
