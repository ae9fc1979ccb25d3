from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.transforms.silence import (
    COLLECTOR_DOWN,
    METER_DEAD,
    Limits,
    candidates,
    past_pauses,
    silent,
    with_causes,
    with_chances,
)

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
LIMITS = Limits(quantile=0.995, intervals=3, fewest_pauses=20, collector_share=0.6, fewest_meters=3)
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)


def hourly(meter: str, days: float, *, off: tuple[int, ...] = ()) -> list[tuple[str, datetime]]:
    """Transmissions of a meter; on weekdays of ``off`` (0: Monday) it rests."""
    times = [START + number * HOUR for number in range(int(days * 24))]
    return [(meter, at) for at in times if at.weekday() not in off]


def frame(*rows: tuple[str, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        list(rows), schema={"meter_id": pl.String, "received_at": pl.Datetime("us", "UTC")}, orient="row"
    )


def by_day(heard: pl.DataFrame) -> pl.DataFrame:
    return heard.group_by("meter_id", day=pl.col("received_at").dt.date()).agg(
        telegrams=pl.len(), first_heard=pl.col("received_at").min(), last_heard=pl.col("received_at").max()
    )


def judge(heard: pl.DataFrame, at: datetime) -> pl.DataFrame:
    return silent(candidates(by_day(heard), at, LIMITS), heard, LIMITS, COPENHAGEN)


def test_a_meter_is_silent_when_it_exceeds_its_pauses_and_three_intervals() -> None:
    heard = frame(*hourly("m", 14))
    last = START + timedelta(days=14) - HOUR
    assert judge(heard, last + 3 * HOUR).is_empty()
    found = judge(heard, last + 3.5 * HOUR)
    assert found.select("meter_id", "silent_s", "usual_s", "limit_s").rows() == [("m", 12_600.0, 3600.0, 3600.0)]


def test_a_meter_that_rests_at_weekends_is_not_silent_then() -> None:
    heard = frame(*hourly("m", 26, off=(5, 6)))
    saturday = START + timedelta(days=26)
    assert saturday.weekday() == 5
    assert judge(heard, saturday + 40 * HOUR).is_empty()
    assert judge(heard, saturday + 60 * HOUR).height == 1


def test_chances_come_from_silences_that_lasted_as_long() -> None:
    found = pl.DataFrame({"silent_s": [100.0, 5000.0, 9000.0]})
    past = pl.Series([50.0, 200.0, 4000.0, 6000.0])
    rows = with_chances(found, past).select("returned", "open", "no_return").rows()
    assert rows == [(3, 2, 0.43), (1, 1, 0.5), (0, 0, 0.5)]


def test_pauses_over_the_ends_of_days() -> None:
    heard = frame(("m", START), ("m", START + 30 * HOUR), ("n", START), ("m", START + 31 * HOUR))
    assert past_pauses(by_day(heard)).to_list() == [30 * 3600.0]


@pytest.mark.parametrize(("quiet", "cause"), [(3, COLLECTOR_DOWN), (2, METER_DEAD)])
def test_sixty_per_cent_of_silent_meters_are_a_collector_down(quiet: int, cause: str) -> None:
    meters = [f"m{number}" for number in range(5)]
    homes = pl.DataFrame({"meter_id": [*meters, "x"], "collector": ["c"] * 5 + ["d"]})
    found = pl.DataFrame({"meter_id": [*meters[:quiet], "x"], "last_heard": [START] * (quiet + 1)})
    rows = with_causes(found, homes, LIMITS)
    assert rows.filter(pl.col("collector") == "c")["cause"].unique().to_list() == [cause]
    assert rows.filter(pl.col("collector") == "d")["cause"].to_list() == [METER_DEAD], "one meter tells nothing"
    assert rows["collector_share"].max() == 100.0


def test_no_day_at_all() -> None:
    empty = by_day(frame())
    assert candidates(empty, START, LIMITS).is_empty()
    assert judge(frame(), datetime.combine(date(2026, 1, 1), START.time(), UTC)).is_empty()
