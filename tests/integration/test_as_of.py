"""What stood at an instant is what is shown as of it, whatever comes later."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from cli.report import app as report_app
from registry import policies
from registry.errors import RegistryError
from tests.integration.installations import FLEET, House, enter, fill, new_house
from warehouse.errors import LakeError
from warehouse.policies import shipped_document
from warehouse.queries import consumption, subjects
from warehouse.schemas import TABLES
from warehouse.sql import Reader, query
from warehouse.versions import Past

KEPT = [table.name for table in TABLES.values() if table.published and table.known_since and table.name != "audit_log"]
FIGURES = (
    *("consumption_hourly", "consumption_daily", "consumption_monthly", "consumption_yearly", "heat_daily"),
    *("info_code_events", "reading_performance_daily", "link_daily", "register_events"),
)
STEPS = (("meters", "customers", "concentrator-1"), ("keys_late", "frames", "frames_late"), ("exchanges",))
"""One concentrator comes before the others, a key late, and exchanges when their meters were heard long since."""


def told(house: House, as_of: datetime | None = None) -> dict[str, pl.DataFrame]:
    """What every table says."""
    connection = Reader(house.installation.lake, house.installation.organisation, known_at=as_of)
    tables = {name: query(connection, f"from {name}") for name in KEPT}
    return {name: rows.sort(rows.columns) for name, rows in tables.items()}


DAYS = ("--from", str(FLEET.start), "--to", str(FLEET.start + timedelta(days=FLEET.days - 1)))
PERFORMANCE = ("performance", *DAYS, "--criterion", "hourly")
LAST_HEARD = ("--at", "2025-10-27T12:00:00")
REPORTS = {
    "info-codes": (*DAYS, "--sort", "important"),
    "leaks": DAYS,
    "consumption": (*DAYS, "--customers"),
    "corrections": DAYS,
    "performance": PERFORMANCE[1:],
    "coverage": DAYS,
    "collectors": DAYS,
    "what-if": DAYS,
    "silent": LAST_HEARD,
    "batteries": LAST_HEARD,
    "water-loss": (*DAYS, "--interval", "daily"),
    "night-flow": DAYS,
    "pressure": (*DAYS, "--show", "grid"),
    "heat": DAYS,
    "heat-checks": DAYS,
    "heat-faults": ("--on", "2025-10-27"),
    "heat-normalised": DAYS,
    "degree-days": DAYS,
    "motivation-tariff": ("--year", "2025"),
}
WITHOUT_PAST = {"silent": "telegrams"}
CHANGED = ("info-codes", "consumption", "performance", "coverage", "collectors", "what-if", "heat")


def reported(*words: str, as_of: datetime | None = None) -> str:
    known = ["--as-of", as_of.isoformat()] if as_of else []
    done = CliRunner().invoke(app, ["report", *words, *known, "--format", "csv"])
    if isinstance(done.exception, Exception):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def decide(house: House, kind: str, before: str, after: str) -> None:
    document = shipped_document(kind).replace(before, after)
    assert document != shipped_document(kind)
    by = {"reason": "Other terms.", "identity": "local:test", "now": datetime.now(UTC)}
    with house.installation.registry.begin() as session:
        policies.decide(session, house.installation.organisation, kind, document, **by)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, fleet: Path) -> tuple[House, list, list]:
    """A house that learns in steps, and after each what every table and every report said."""
    house, states, printed = new_house(tmp_path_factory.mktemp("past")), [], []
    decide(house, "motivation_tariff", "price_per_mwh: null", "price_per_mwh: 545")
    for steps in STEPS:
        for step in steps:
            if step == "concentrator-1":
                assert house.ingest(*sorted((fleet / "frames").glob(f"{step}_*"))) == 0
            else:
                fill(house, fleet, step)
        if "exchanges" in steps:
            house.ingest(next((fleet / "frames").iterdir()))  # files known already: the graph runs all the same
        if steps is not STEPS[1]:
            printed.append({name: reported(name, *words) for name, words in REPORTS.items()})
        states.append((datetime.now(UTC), told(house)))
    return house, states, printed


@pytest.fixture(scope="module")
def stood(learned: tuple[House, list, list]) -> tuple[House, list]:
    return learned[:2]


def test_every_table_says_what_stood(stood: tuple[House, list], fleet: Path) -> None:
    house, states = stood
    waiting = set(pl.read_csv(fleet / "keys_late.csv", infer_schema=False)["serial"])
    for known_at, state in states:
        found = told(house, known_at)
        assert [name for name in KEPT if name != "readings" and not found[name].equals(state[name])] == []
        # Readings are as of their landing: those of frames that waited for a key are there before they could be read.
        before, now = state["readings"], found["readings"]
        assert before.join(now, on=before.columns, how="anti", nulls_equal=True).is_empty()
        early = now.join(before, on=before.columns, how="anti", nulls_equal=True)
        assert set(early["meter_id"].str.slice(4, 8)) <= waiting
        assert (early["landed_at"] <= known_at).all()
    same = [name for name in FIGURES if states[0][1][name].equals(states[-1][1][name])]
    assert same == [], "nothing changed, which proves nothing"


def test_history_costs_what_changed(stood: tuple[House, list]) -> None:
    house, states = stood
    for name in FIGURES:
        table = TABLES[name]
        first, last = (state[name] for _, state in (states[0], states[-1]))
        kept = house.installation.lake.scan(table.history).collect()
        assert kept.select(*table.key, "known_from").is_duplicated().any() is False
        replaced = first.join(last, on=first.columns, how="anti", nulls_equal=True).height
        assert kept.height >= replaced
        assert kept.height <= len(states) * last.height, name


def test_query_functions_take_the_past(stood: tuple[House, list]) -> None:
    house, states = stood
    lake, organisation = house.installation.lake, house.installation.organisation
    known_at, state = states[0]
    past = Past(lake, known_at)
    point = state["consumption_daily"]["metering_point"][0]
    days = state["consumption_daily"].filter(metering_point=point, register="volume_m3")
    span = {"first": days["day"].min(), "last": days["day"].max()}
    found = consumption.figures(
        past, organisation, subjects.point(point), interval="daily", register="volume_m3", **span
    )
    assert found["consumption"].to_list() == days.sort("period_start")["consumption"].to_list()


def test_the_command_takes_an_instant(stood: tuple[House, list]) -> None:
    house, states = stood
    enter(house.installation.settings.home)
    statement = "select count(*) as n, sum(consumption) as total from consumption_daily where quality <> 'N'"
    for known_at, state in states:
        done = CliRunner().invoke(app, ["sql", statement, "--as-of", known_at.isoformat(), "--format", "csv"])
        known = state["consumption_daily"].filter(pl.col("quality") != "N")
        assert done.stdout == f"n,total\n{known.height},{known['consumption'].sum()}\n"
    refused = CliRunner().invoke(app, ["sql", statement, "--as-of", "yesterday"])
    assert refused.exit_code == 1


def test_every_report_is_asked() -> None:
    assert {*typer.main.get_command(report_app).commands} == {*REPORTS, "comment"}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_says_what_it_said_then(learned: tuple[House, list, list], name: str) -> None:
    house, states, printed = learned
    enter(house.installation.settings.home)
    if name in WITHOUT_PAST:
        with pytest.raises(LakeError, match=f"^{WITHOUT_PAST[name]} does not keep what it said before"):
            reported(name, *REPORTS[name], as_of=states[0][0])
        return
    for (known_at, _), then in zip((states[0], states[-1]), printed, strict=True):
        assert reported(name, *REPORTS[name], as_of=known_at) == then[name]
    assert name not in CHANGED or printed[0][name] != printed[1][name], "nothing changed, which proves nothing"


def test_a_report_goes_by_the_groups_and_policies_of_then(learned: tuple[House, list, list]) -> None:
    house, states, _ = learned
    enter(house.installation.settings.home)
    point = states[0][1]["consumption_daily"]["metering_point"][0]
    assert CliRunner().invoke(app, ["group", "new", "Later"]).exit_code == 0
    assert CliRunner().invoke(app, ["group", "add", "Later", point]).exit_code == 0
    now = datetime.now(UTC)
    with pytest.raises(RegistryError, match="There is no group Later"):
        reported(*PERFORMANCE, "--group", "Later", as_of=states[-1][0])
    assert point in reported(*PERFORMANCE, "--group", "Later", as_of=now)
    decide(house, "performance", "hourly: 90", "hourly: 99.5")
    told = [
        CliRunner().invoke(app, ["report", *PERFORMANCE, *known]).stderr for known in ([], ["--as-of", now.isoformat()])
    ]
    assert ["below 99.5 %" in text for text in told] == [True, False]


def test_a_figure_is_explained_down_to_the_line(stood: tuple[House, list], fleet: Path) -> None:
    house, states = stood
    enter(house.installation.settings.home)
    known = states[-1][1]["consumption_daily"].filter(pl.col("quality").is_in(["A", "I"]), register="volume_m3")
    row = known.sort("day", "metering_point").row(known.height // 2, named=True)
    asked = ["explain", "--point", row["metering_point"], "--day", str(row["day"]), "--register", "volume_m3"]
    done = CliRunner().invoke(app, [*asked, "--format", "json"])
    assert done.exit_code == 0, done.output
    (figure,) = json.loads(done.stdout)["figures"]
    assert Decimal(figure["consumption"]) == row["consumption"]
    assert Decimal(figure["end"]["register"]) - Decimal(figure["start"]["register"]) == row["consumption"]
    files = [file for folder in ("frames", "frames_late") for file in (fleet / folder).iterdir()]
    lines = {file.name: pl.read_csv(file, has_header=False, infer_schema=False).rows() for file in files}
    frames = dict(query(Reader(house.installation.lake), "select frame_id, lower(hex(frame)) from frames").rows())
    for side in ("start", "end"):
        before, after = figure[side]["readings"]
        assert before["measured_at"] < figure[side]["at"] < after["measured_at"]
        assert Decimal(before["value"]) <= Decimal(figure[side]["register"]) <= Decimal(after["value"])
        for reading in (before, after):
            receptions = reading["telegram"]["receptions"]
            assert reading["measured_at"] == receptions[0]["received_at"]
            for heard in receptions:
                line = lines[heard["source_file"]][heard["source_line"] - 1]
                assert frames[heard["frame_id"]].upper() in line, "the line holds the frame"
                assert heard["collector"] in line
    page = CliRunner().invoke(app, asked).stdout
    heard = figure["start"]["readings"][0]["telegram"]["receptions"][0]
    for text in (row["metering_point"], f"access number {figure['start']['readings'][0]['telegram']['access_no']}"):
        assert text in page
    assert f"file {heard['source_file']}, line {heard['source_line']}" in page


def test_a_figure_is_explained_as_it_was_known(stood: tuple[House, list]) -> None:
    house, states = stood
    enter(house.installation.settings.home)
    (first_at, first), (_, last) = states[0], states[-1]
    key = ["metering_point", "register", "day"]
    changed = (
        first.get("consumption_daily").join(last["consumption_daily"], on=key, suffix="_now")
        .filter(pl.col("consumption") != pl.col("consumption_now")).sort(key)
    )  # fmt: skip
    row = changed.row(0, named=True)
    asked = ["explain", "--point", row["metering_point"], "--day", str(row["day"]), "--register", row["register"]]
    then, now = (
        json.loads(CliRunner().invoke(app, [*asked, *more, "--format", "json"]).stdout)["figures"][0]
        for more in (["--as-of", first_at.isoformat()], [])
    )
    assert (Decimal(then["consumption"]), then["superseded"]) == (row["consumption"], [])
    assert Decimal(now["consumption"]) == row["consumption_now"]
    assert Decimal(now["superseded"][-1]["consumption"]) == row["consumption"]
    assert now["superseded"][-1]["cause"] == "late_data"


def test_each_run_leaves_a_catalogue(stood: tuple[House, list]) -> None:
    house, states = stood
    file = house.installation.settings.lake_path / "catalogue.duckdb"
    with duckdb.connect(file, read_only=True) as client:
        for name in FIGURES:
            (found,) = client.sql(f"select count(*) from {name}").fetchall()
            assert found == (states[-1][1][name].height,), name
