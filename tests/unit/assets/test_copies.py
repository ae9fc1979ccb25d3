"""Copies of the transmissions that a pass touches: all of them are found, though few days are searched."""

from datetime import UTC, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.decoding import REACH, _copies
from tests.unit.assets.test_estimating import house
from warehouse.schemas import OUTCOMES

__all__ = ["house"]

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
STEP = timedelta(hours=20)


def outcomes(key: str, *places: int) -> pl.DataFrame:
    """Receptions of a key, each so many steps after the pass's own."""
    times = [NOW + place * STEP for place in places]
    rows = {
        "organisation": "default",
        "frame_id": [f"{key}{place}" for place in places],
        "attempt": 1,
        "decided_at": NOW,
        "decoders": "d",
        "outcome": "decoded",
        "telegram_key": key,
        "received_at": times,
        "landed_at": times,
        "landed_day": [time.date() for time in times],
    }
    return OUTCOMES.conform(pl.DataFrame(rows))


CHAINS = {"after": range(1, 6), "before": range(-5, 0), "both": [-3, -2, -1, 1, 2, 3], "one": [-1], "none": []}


def test_every_chain_is_followed_to_its_ends(house: Installation) -> None:
    for key, places in CHAINS.items():
        house.lake.append(OUTCOMES, outcomes(key, *places))
    house.lake.append(OUTCOMES, outcomes("endless", *range(-40, 0)))
    house.lake.append(OUTCOMES, outcomes("again", 0))
    for key, places in CHAINS.items():
        copies, stretch = _copies(house, outcomes(key, 0), pl.DataFrame({"telegram_key": [key]}))
        assert sorted(copies["frame_id"]) == sorted(f"{key}{place}" for place in [*places, 0]), key
        assert copies.select(stretch.all()).item(), key
    copies, _ = _copies(house, outcomes("endless", 0), pl.DataFrame({"telegram_key": ["endless"]}))
    assert copies["received_at"].min() == NOW - REACH // STEP * STEP
    copies, _ = _copies(house, outcomes("again", 0), pl.DataFrame({"telegram_key": ["again"]}))
    assert copies["frame_id"].to_list() == ["again0"], "what is decoded again is no copy of itself"


def test_few_days_are_searched_where_no_copies_are(house: Installation) -> None:
    house.lake.append(OUTCOMES, outcomes("a", -7, 7))
    copies, stretch = _copies(house, outcomes("a", 0), pl.DataFrame({"telegram_key": ["a"]}))
    assert copies["frame_id"].to_list() == ["a0"]
    days = pl.DataFrame({"received_at": [NOW + timedelta(days=day) for day in (-2, -1, 0, 1, 2)]})
    assert days.select(stretch).to_series().to_list() == [False, True, True, True, False]
