"""Reports of reading by radio, on a fleet with a meter that dies and a concentrator that breaks down."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from registry.errors import RegistryError
from registry.trail import Filter, events
from simulator import Fleet, simulate
from tests.integration.installations import House, new_house

FLEET = Fleet(meters=24, days=6, seed=5, incidents=False, breakdowns=True)
LAST = FLEET.start + timedelta(days=FLEET.days - 1)
PERIOD = ("--from", str(FLEET.start), "--to", str(LAST))


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    simulate(FLEET, folder)
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, truth: Path) -> House:
    house = new_house(tmp_path_factory.mktemp("house"))
    for kind in ("meters", "customers"):
        assert house.take(kind, truth / f"{kind}.csv") == 0
    assert house.ingest(truth / "frames") == 0
    return house


def ask(house: House, *words: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run(house, *words, "--format", "csv").stdout)))


def run(house: House, *words: str):
    home = str(house.installation.settings.home)
    done = CliRunner().invoke(app, ["report", *words, "--home", home])
    if isinstance(done.exception, Exception):
        raise done.exception
    return done


def seeded(truth: Path, kind: str) -> str:
    incidents = pl.read_csv(truth / "truth" / "incidents.csv")
    subject: str = incidents.filter(pl.col("incident") == kind)["subject"].item()
    return subject


def homes(house: House) -> dict[str, str]:
    rows = house.ask(
        "select meter_id, arg_max(collector, n) from (select meter_id, collector, sum(telegrams) as n "
        "from link_daily group by all) group by 1"
    )
    return dict(rows.rows())


def test_a_dead_meter_and_a_broken_collector_are_told_apart(filled: House, truth: Path) -> None:
    broken, dead = seeded(truth, "collector_down"), seeded(truth, "dead_meter")
    rows = ask(filled, "silent")
    remote = {meter for meter, collector in homes(filled).items() if collector == broken}
    assert len(remote) >= 3
    assert {row["meter_id"] for row in rows if row["cause"] == "collector down"} == remote
    assert {row["collector"] for row in rows if row["cause"] == "collector down"} == {broken}
    assert [row["meter_id"] for row in rows if row["cause"] == "meter silent"] == [dead]


def test_the_broken_collector_shows_its_gap_and_what_it_meant(filled: House, truth: Path) -> None:
    broken = seeded(truth, "collector_down")
    (gap,) = ask(filled, "collectors", "--gaps", *PERIOD)
    assert (gap["collector"], gap["gap_day"], gap["gap_hour"], gap["lasts"]) == (broken, str(LAST), "6", "true")
    worst = ask(filled, "collectors", *PERIOD)[0]
    remote = [meter for meter, collector in homes(filled).items() if collector == broken]
    assert (worst["collector"], int(worst["only_for"])) == (broken, len(remote))
    (without,) = ask(filled, "what-if", "--without", broken, *PERIOD)
    assert int(without["meters_lost"]) == len(remote)
    assert float(without["performance_without"]) < float(without["performance"])
    with pytest.raises(RegistryError, match="nowhere read no meter"):
        run(filled, "what-if", "--without", "nowhere", *PERIOD)


def test_coverage_and_causes(filled: House, truth: Path) -> None:
    broken = seeded(truth, "collector_down")
    rows = ask(filled, "coverage", "--fragile", *PERIOD)
    assert {row["collector"] for row in rows} == {broken}
    assert all(
        abs(float(row["transmit_interval_s"]) - FLEET.interval_s) < 5 for row in rows if row["transmit_interval_s"]
    )
    causes = ask(filled, "performance", "--causes", "--criterion", "hourly", *PERIOD)
    assert (causes[0]["collector"], causes[0]["cause"]) == (broken, "no_frame")


def test_performance_report_names_addresses_and_keeps_comments(filled: House, truth: Path) -> None:
    dead = seeded(truth, "dead_meter")
    done = run(filled, "performance", *PERIOD, "--poor", "--threshold", "90", "--format", "csv")
    assert "Average performance for the selected group: " in done.stderr
    assert "Meters in group: 24" in done.stderr
    rows = {row["meter_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert rows[dead]["address"]
    assert rows[dead]["performance"] == "83.33"
    assert rows[dead]["last_missing"].startswith(str(LAST - timedelta(days=1)))
    assert rows[dead]["comment"] == ""
    for words in ("Battery to be changed", "=changed on Monday"):
        assert run(filled, "comment", dead, words).exit_code == 0
    found = {row["meter_id"]: row for row in ask(filled, "performance", *PERIOD)}[dead]
    assert "changed on Monday" in found["comment"]
    assert found["comment_by"].startswith("local:")
    assert found["comment_at"]
    told = events(filled.installation.registry, Filter("default", event="report.comment"))
    assert [event.object for event in told] == [dead, dead]
    assert not any("Monday" in str(vars(event)) for event in told)
    with pytest.raises(RegistryError, match="no meter KAM-1"):
        run(filled, "comment", "KAM-1", "who?")
