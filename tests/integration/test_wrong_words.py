"""What reports and their like say to words that cannot be meant: a sentence, never a traceback or a silent nothing."""

import warnings

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.integration.installations import House
from tests.integration.one_meter import JUMP, house, read, template

__all__ = ["house", "template"]

PERIODS = (
    *(f"report {name}" for name in ("consumption", "corrections", "info-codes", "leaks", "performance", "coverage")),
    *(f"report {name}" for name in ("collectors", "what-if", "water-loss", "night-flow", "pressure", "heat")),
    *("report heat-checks", "report heat-normalised", "report degree-days", "exception list"),
)
"""Commands with ``--from`` and ``--to``."""

SENTENCES = {
    "report consumption --register gas": "There is no register gas; there are volume_m3,",
    "report consumption --bound 5": "add one of them",
    "report consumption --limit zero --bound 5": "add one of them",
    "report performance --causes --poor": "leave one out",
    "report performance --causes --threshold 90": "leave one out",
    "report what-if --without nobody": "nobody read no meter",
    "report heat --from-k 9 --to-k 1": "--to-k 1 lies below --from-k 9",
    "report heat --from-k nan": "are numbers",
    "report heat --type inlet --higher-than inf": "are numbers",
    "report silent --at soon": "'soon' is no time",
    "report silent --at 0001-01-01": "is no time",
    "report batteries --at 9999-12-31": "is no time",
    "policy show leaks --as-of soon": "'soon' is no time",
    "exception list --rule V99": "There is no rule V99; see 'meterhouse validation rules'",
    "validation check-tables --table readings --table gas": "There is no table gas that is checked",
    "explain --point NOWHERE --day 2025-06-02": "There is no metering point NOWHERE",
    "explain --point P1 --day 2025-06-02 --register gas": "There is no register gas",
}
USAGE = (
    *("exception list --state opne", "explain --point P1 --day 0001-01-01", "policy learn-profiles 0001-01"),
    *("report heat-faults --on 9999-12-31", "group show A --on 9999-12-31", "materialize --from 0001-01-01"),
)
"""Commands whose words are refused before anything is looked at."""


def run(words: str) -> Result:
    return CliRunner().invoke(app, words.split())


def test_a_period_that_ends_before_it_begins_is_told(house: House) -> None:
    for command in PERIODS:
        refused = run(f"{command} --from 2025-06-03 --to 2025-06-02")
        assert "would end on 2025-06-02, before it begins on 2025-06-03" in str(refused.exception), command


def test_any_period_of_the_calendar_is_answered_and_no_other(house: House) -> None:
    read(house, JUMP)
    for command in PERIODS:
        for days in ("--from 1900-01-01 --to 2199-12-31", "--to 1900-01-01", "--from 2025-06-02 --to 2025-06-02"):
            done = run(f"{command} {days}")
            assert done.exit_code == 0, (command, days, done.exception)
        for days in ("--from 0001-01-01", "--to 9999-12-31"):
            refused = run(f"{command} {days}")
            assert refused.exit_code == 2, command
            assert "outside the years 1900 to 2199" in " ".join(refused.stderr.split()), command


def test_what_cannot_be_meant_is_told(house: House) -> None:
    for words, sentence in SENTENCES.items():
        assert sentence in str(run(words).exception), words
    for words in USAGE:
        assert run(words).exit_code == 2, words


def test_the_end_alone_begins_with_its_month_and_a_late_beginning_alone_ends_yesterday(house: House) -> None:
    read(house, JUMP)
    till = run("report consumption --to 2025-06-03").stderr
    assert till == run("report consumption --from 2025-06-01 --to 2025-06-03").stderr
    assert "volume_m3: unknown, 1 metering points, 1 unknown" in till
    since = run("report consumption --from 2199-01-01")
    assert since.exit_code == 0
    assert "There are no such figures of 2199-01-01 to 2199-01-01." in since.stderr
    assert run("report corrections --to 2025-06-02").exit_code == 0


def test_a_point_that_is_there_has_days_without_figures(house: House) -> None:
    assert "no figure is known of this day" in run("explain --point P1 --day 2025-01-31 --as-of 2000-01-01").stdout


def test_tables_without_rows_are_checked_without_a_warning(house: House) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = run("validation check-tables")
    assert done.exit_code == 0, done.exception


@pytest.mark.parametrize("at", ["2025-06-02T12:00", "2025-06-02T10:00Z"])
def test_times_without_offset_are_local_ones(house: House, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    asked: list[str] = []

    def noted(*words: object, **_: object) -> None:
        asked.append(f"{words[3]:%H:%M %Z}")
        raise SystemExit

    monkeypatch.setattr("warehouse.queries.silence.batteries", noted)
    run(f"report batteries --at {at}")
    assert asked == ["10:00 UTC"]
