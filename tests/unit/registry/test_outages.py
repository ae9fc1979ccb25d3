"""Whether nothing arrives any more, by the clock and by how files usually come."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.models import File
from registry.outages import FEWEST_DAYS, LOOK_BACK, outage_since

LAST = datetime(2026, 3, 27, 6, tzinfo=UTC)
"""A Friday."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GAP = 2 * HOUR


@pytest.fixture
def landed(registry):
    def land(*instants: datetime, organisation: str = "default", **more) -> None:
        with registry.begin() as session:
            kept = {"size": 1, "state": "read", "frames": 5, **more}
            session.add_all(
                File(
                    organisation=organisation,
                    sha256=f"{organisation}{at.timestamp()}{more}"[:64],
                    name="f",
                    landed_at=at,
                    landed_day=at.date(),
                    **kept,
                )
                for at in instants
            )

    return land


@pytest.fixture
def since(registry):
    def ask(now: datetime) -> datetime | None:
        with registry.begin(readonly=True) as session:
            return outage_since(session, "default", GAP, now)

    return ask


def each(step: timedelta, days: int = 28) -> list[datetime]:
    return [LAST - step * number for number in range(int(timedelta(days=days) / step))]


def test_who_delivers_each_hour_is_missed_after_the_gap(landed, since) -> None:
    landed(*each(HOUR))
    assert since(LAST + 2 * HOUR) is None
    assert since(LAST + 3 * HOUR - HOUR / 60) is None, "an hour is the usual pause, and two are no gap yet"
    assert since(LAST + 3 * HOUR) == LAST
    assert since(LAST + LOOK_BACK - HOUR) == LAST
    assert since(LAST + LOOK_BACK) is None, "nobody uses it any more"
    assert since(LAST - DAY) is None, "a clock that was set back"


def test_the_next_file_ends_it(landed, since) -> None:
    landed(*each(HOUR))
    again = LAST + 2 * DAY
    assert since(again) == LAST
    landed(again)
    assert since(again + 2 * HOUR) is None
    assert since(again + 3 * HOUR) == again, "a pause of two days was no usual one"


def test_a_drop_once_a_day_is_awaited_for_a_day(landed, since) -> None:
    landed(*(at + HOUR / 4 * (number % 3) for number, at in enumerate(each(DAY))))
    assert since(LAST + DAY + HOUR) is None
    assert since(LAST + DAY + 3 * HOUR) == LAST


def test_a_drop_on_working_days_is_awaited_over_the_weekend(landed, since) -> None:
    landed(*(at for at in each(DAY) if at.isoweekday() <= 5))
    assert since(LAST + 2 * DAY) is None
    assert since(LAST + 3 * DAY + HOUR) is None
    assert since(LAST + 3 * DAY + 2 * HOUR) == LAST


def test_the_first_two_weekends_of_a_new_installation_are_no_outages(landed, since) -> None:
    days = [at for at in reversed(each(DAY)) if at.isoweekday() <= 5]
    friday = [at for at in days if at.isoweekday() == 5]
    for number in (0, 1, 2):
        landed(*(at for at in days if at <= friday[number] and (number == 0 or at > friday[number - 1])))
        assert since(friday[number] + 2 * DAY) is None


def test_where_files_come_on_few_days_nobody_can_say_when_the_next_is_due(landed, since) -> None:
    landed(*each(DAY, days=FEWEST_DAYS - 1))
    assert since(LAST + 20 * DAY) is None
    landed(LAST - (FEWEST_DAYS - 1) * DAY)
    assert since(LAST + 20 * DAY) == LAST


def test_a_demo_that_landed_at_once_is_never_missed(landed, since) -> None:
    landed(*(LAST + number * timedelta(seconds=1) for number in range(200)))
    assert [since(LAST + DAY * days) for days in (1, 7, 20)] == [None] * 3


def test_files_without_frames_and_those_of_others_are_no_deliveries(landed, since) -> None:
    landed(*each(HOUR))
    later = LAST + 5 * HOUR
    landed(later, state="refused", frames=0)
    landed(later, frames=0)
    landed(later, organisation="neighbour")
    assert since(later + HOUR) == LAST
    landed(later, state="landed", frames=None)
    assert since(later + HOUR) is None, "it was not read yet"


def test_nothing_ever_arrived(since) -> None:
    assert since(LAST) is None
