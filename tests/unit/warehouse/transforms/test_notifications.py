"""Which events are news to whom: codes, groups, clearing and reopening, reminders, retractions, late readings."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.transforms.notifications import EVENTS, LOOK_BACK, RULES, TELLINGS, matching, pending

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 400 * DAY


def event(code: str = "LEAK", meter: str = "A", since: datetime = NOW - DAY, **more) -> dict:
    place = {"metering_point": f"P-{meter}", "meter_id": meter, "priority": "high", "retracted": False}
    times = {"since": since, "seen_at": more.get("ended_at") or NOW, "ended_at": None}
    return {"event_key": f"info:{meter}:{code}", "topic": "info_codes", "code": code, **place, **times, **more}


def rule(name: str = "R", **more) -> dict:
    return {"rule_id": name, "topic": "info_codes", "only_high": False, "active_since": LONG_AGO, **more}


def members(*rows: tuple) -> pl.DataFrame:
    names = ("group", "metering_point", "meter_id", "valid_from", "valid_to")
    instants = dict.fromkeys(names[3:], pl.Datetime("us", "UTC"))
    return pl.DataFrame(list(rows), schema=dict.fromkeys(names[:3], pl.String) | instants, orient="row")


def matched(events: list[dict], rules: list[dict], groups: pl.DataFrame | None = None) -> pl.DataFrame:
    none = members()
    return matching(
        pl.DataFrame(events, schema=EVENTS), pl.DataFrame(rules, schema=RULES), none if groups is None else groups, NOW
    )


def keys(found: pl.DataFrame) -> list[tuple[str, str]]:
    return found.select("rule_id", "event_key").rows()


def test_codes_and_priority_choose() -> None:
    events = [event("LEAK"), event("DRY", priority="normal")]
    rules = [rule("all"), rule("dry", code="DRY"), rule("high", only_high=True), rule("alerts", topic="other")]
    assert keys(matched(events, rules)) == [
        ("all", "info:A:DRY"),
        ("all", "info:A:LEAK"),
        ("dry", "info:A:DRY"),
        ("high", "info:A:LEAK"),
    ]


def test_what_ended_is_told_once_it_ended_since_the_rule_holds_and_of_late() -> None:
    ended = [event(meter=name, ended_at=at) for name, at in (("late", NOW - HOUR), ("old", NOW - LOOK_BACK - HOUR))]
    assert keys(matched([*ended, event()], [rule()])) == [("R", "info:A:LEAK"), ("R", "info:late:LEAK")]
    assert keys(matched(ended, [rule(active_since=NOW - HOUR / 2)])) == []


def test_a_group_counts_as_it_was_when_the_code_was_last_seen() -> None:
    there = members(
        ("north", "P-A", None, LONG_AGO, NOW - 2 * HOUR),
        ("north", None, "B", LONG_AGO, None),
        ("south", "P-A", None, NOW - 2 * HOUR, None),
    )
    events = [event(), event(meter="B"), event(meter="C")]
    rules = [rule("north", group="north"), rule("south", group="south"), rule("nowhere", group="nowhere")]
    assert keys(matched(events, rules, there)) == [("north", "info:B:LEAK"), ("south", "info:A:LEAK")]
    before = [event(ended_at=NOW - 3 * HOUR)]
    assert keys(matched(before, rules, there)) == [("north", "info:A:LEAK")]


def test_a_customer_is_told_of_their_place_alone() -> None:
    found = matched(
        [event(), event(meter="B")], [rule("mine", metering_point="P-B"), rule("mine2", metering_point="P")]
    )
    assert keys(found) == [("mine", "info:B:LEAK")]


PEOPLE = pl.DataFrame(
    [("R", 1, None), ("R", 2, 7)],
    schema={"rule_id": pl.String, "recipient_no": pl.Int64, "remind_days": pl.Int64},
    orient="row",
)


def telling(to: int, episode: datetime, told_at: datetime, turn: int = 0, kind: str = "opened") -> dict:
    by = {"rule_id": "R", "recipient_no": to, "event_key": "info:A:LEAK"}
    return {**by, "episode": episode, "turn": turn, "kind": kind, "told_at": told_at}


def news(events: list[dict], *told: dict, now: datetime = NOW) -> list[tuple]:
    found = pending(matched(events, [rule()]), PEOPLE, pl.DataFrame(list(told), schema=TELLINGS), now)
    return found.select("recipient_no", "kind", "turn", "since").rows()


def test_each_recipient_is_told_once_and_again_after_the_days_of_the_rule() -> None:
    since = NOW - 10 * DAY
    open_ = [event(since=since)]
    assert news(open_) == [(1, "opened", 0, since), (2, "opened", 0, since)]
    first = [telling(to, since, since) for to in (1, 2)]
    assert news(open_, *first, now=since + 7 * DAY - HOUR) == []
    assert news(open_, *first) == [(2, "reminded", 1, since)]
    again = telling(2, since, NOW, 1, "reminded")
    assert news(open_, *first, again) == []
    assert news(open_, *first, again, now=NOW + 7 * DAY) == [(2, "reminded", 2, since)]
    over = [event(since=since, ended_at=NOW - HOUR)]
    assert news(over, *first) == [], "what is over is no reminder"


def test_what_cleared_and_opened_again_is_told_again() -> None:
    first, second = NOW - 3 * DAY, NOW - DAY
    both = [event(since=first, ended_at=first + HOUR), event(since=second)]
    told = [telling(to, first, first) for to in (1, 2)]
    assert news(both, *told) == [(1, "opened", 0, second), (2, "opened", 0, second)]
    forgotten = [event(since=second)]
    assert news(forgotten, *told) == news(both, *told), "also once the first episode is too old to be looked at"


@pytest.mark.parametrize("moved", [-5 * HOUR, 5 * HOUR], ids=["earlier", "later"])
def test_late_readings_that_move_the_beginning_are_no_news(moved: timedelta) -> None:
    known, told_at = NOW - 2 * DAY, NOW - DAY
    told = [telling(to, known, told_at) for to in (1, 2)]
    assert news([event(since=known + moved)], *told) == []


def test_what_was_told_and_turned_out_not_to_be_so_is_taken_back_once() -> None:
    since = NOW - 2 * DAY
    back = [event(since=since, ended_at=NOW - HOUR, retracted=True)]
    told = [telling(1, since, since)]
    assert news(back) == [], "nobody knows of it"
    assert news(back, *told) == [(1, "retracted", 1, since)]
    taken = telling(1, since, NOW, 1, "retracted")
    assert news(back, *told, taken) == []
    assert (1, "opened", 2, since) in news([event(since=since)], *told, taken), "and it was so after all"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), max_size=6), st.integers(0, 40))
def test_whoever_notes_what_is_told_finds_nothing_more_to_tell(gaps: list[tuple[int, int]], hours: int) -> None:
    """Whatever the episodes: after one round nothing is pending, and each episode was told once to each."""
    at, events = NOW - 6 * DAY, []
    for gap, length in gaps:
        since = at + gap * HOUR + timedelta(minutes=1)
        at = since + length * HOUR
        events.append(event(since=since, ended_at=at))
    found = pending(matched(events, [rule()]), PEOPLE, pl.DataFrame(schema=TELLINGS), NOW)
    assert found.height == 2 * len(events)
    told = found.select("rule_id", "recipient_no", "event_key", "turn", "kind", episode="since", told_at=pl.lit(NOW))
    told = told.select(*TELLINGS)
    assert pending(matched(events, [rule()]), PEOPLE, told, NOW + hours * HOUR).is_empty()
    again = told.sample(fraction=0.5, seed=hours)
    rest = pending(matched(events, [rule()]), PEOPLE, again, NOW)
    assert rest.height + again.height == told.height, "what is missing is told, and nothing else"
