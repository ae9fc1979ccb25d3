"""Retention of an installation: planned, approved, removed from every layer, certified, and harmless when it dies."""

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.checks import LOST, MISSING
from assets.steps.frozen import LATE
from assets.steps.retention import RetentionError, plan, run
from assets.steps.touched import touch_days
from cli.main import app
from pipelines.runs import catch_up
from registry import policies
from registry import retention as certificates
from registry.erasures import place_hold
from tests.conftest import REPOSITORY
from tests.integration.installations import House, copied, kept_environment
from tests.integration.steps_of_a_run import dead_retention, reckon_again
from warehouse.schemas import READINGS, RECEPTIONS

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=500)
"""When what landed just now is old, too."""
DAYS = """
automatic: false
survivor: last
rules:
  - zones: [raw, reading]
    stages: [{after_months: 1, keep: day}, {after_months: 60, keep: none}]
"""
NOTHING = """
automatic: false
survivor: last
rules:
  - stages: [{after_months: 1, keep: none}]
"""
FIGURES = (
    *("consumption_hourly", "consumption_daily", "consumption_monthly", "consumption_yearly", "heat_daily"),
    *("info_code_events", "reading_performance_daily", "link_daily", "register_events"),
)
PER_DAY = """
select meter_id, (measured_at at time zone 'Europe/Copenhagen')::date as day, count(*) as n, max(measured_at) as newest
from readings group by all order by all
"""


def decide(house: House, document: str) -> None:
    with house.installation.registry.begin() as session:
        policies.decide(session, "default", "retention", document, reason="test", identity="test", now=NOW)


@pytest.fixture(scope="module")
def filled(everything: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet's eight days, with the policy that keeps one reading a day after 13 months."""
    folder = tmp_path_factory.mktemp("retained")
    with kept_environment():
        decide(copied(everything, folder), DAYS)
    return folder


@pytest.fixture
def full(filled: Path, tmp_path: Path) -> House:
    return copied(filled, tmp_path)


def state(house: House, *names: str) -> dict[str, pl.DataFrame]:
    found = {}
    for name in names:
        rows = house.ask(f"from {name}").drop("known_from", strict=False)
        found[name] = rows.sort(rows.columns)
    return found


def same(house: House, before: dict[str, pl.DataFrame]) -> None:
    for name, rows in state(house, *before).items():
        assert rows.equals(before[name]), name


def frames_in(folder: Path) -> set[str]:
    """Every frame that any file of the receptions still holds, whatever version names it."""
    files = [file for file in folder.rglob("*.parquet") if "_delta_log" not in file.parts]
    return set(pl.concat([pl.read_parquet(file, columns=["frame"]) for file in files])["frame"].bin.encode("hex"))


def archived(house: House) -> str:
    folder = house.installation.settings.landing_path
    return "".join(file.read_text(errors="replace") for file in folder.glob("[0-9]*/*/*/*")).lower()


def test_one_reading_a_day_stays_in_every_layer_and_the_figures_as_they_were(full: House) -> None:
    installation = full.installation
    before, newest = state(full, *FIGURES), full.ask(PER_DAY)
    frames = set(full.ask("select frame from frames")["frame"].bin.encode("hex"))
    todo = plan(installation, NOW)
    done = run(installation, identity="user:7", now=NOW)
    assert done
    assert done.rows == dict(todo.group_by("table").agg(pl.col("rows").sum()).iter_rows())

    per_day = full.ask(PER_DAY)
    assert per_day.select("meter_id", "day", "newest").equals(newest.select("meter_id", "day", "newest"))
    assert newest["n"].mean() > 10
    assert per_day.filter(pl.col("n") > 1).height < 10  # first ones of installations, sides of events
    left = set(full.ask("select frame from frames")["frame"].bin.encode("hex"))
    rejected = "".join(full.ask("select line from rejected_rows")["line"].drop_nulls()).lower()
    gone = {frame for frame in frames - left if frame not in rejected}
    assert len(gone) > 3000
    assert frames_in(installation.settings.lake_path / RECEPTIONS.name) == left
    text = archived(full)
    assert not [frame for frame in gone if frame in text]
    assert [frame for frame in left if frame in text]
    with pytest.raises(AssertionError):
        same(full, {"readings": newest})
    assert MISSING.count(MISSING.look(installation)) == 0
    assert LOST.count(LOST.look(installation)) == 0

    assert plan(installation, NOW).is_empty()
    assert run(installation, identity="user:7", now=NOW) is None
    certified = full.ask(
        "select certificate, policy_version, identity, rows_before, rows_removed, rows_after, digest "
        "from retention_certificates where rows_removed > 0"
    )
    assert certified.select("certificate", "policy_version", "identity", "digest").unique().rows() == [
        (1, 1, "user:7", done.digest)
    ]
    assert certified.filter(pl.col("rows_before") - pl.col("rows_removed") != pl.col("rows_after")).is_empty()
    with installation.registry.begin(readonly=True) as session:
        assert certificates.digest_of(session, certificates.certificates(session, "default")[0]) == done.digest
    events = full.ask("select event, identity from audit_log where event like 'retention.%' order by number").rows()
    assert events == [("retention.begin", "user:7"), ("retention.finish", "user:7")]

    gauges = full.ask("select * from gauges_daily where gauge = 'flow_temp_c'")
    assert gauges["readings"].max() == 25
    assert gauges.filter(pl.col("minimum") > pl.col("maximum")).is_empty()

    # Whatever is reckoned again from the readings that are left, figures of thinned days stay.
    touch_days(installation, datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 30, tzinfo=UTC))
    catch_up(installation, identity="test")
    same(full, before)


def test_a_late_reading_is_noted_and_not_reckoned_and_thinned_like_the_others(full: House) -> None:
    installation = full.installation
    run(installation, identity="test", now=datetime.now(UTC))
    before = state(full, *FIGURES)
    meter, at, volume = full.ask(
        "select meter_id, measured_at, volume_m3 from readings join installations using (meter_id) "
        "where removed_at is null and volume_m3 is not null and day(measured_at) = 23 order by all limit 1"
    ).row(0)
    manufacturer, serial, _version, _kind = meter.split("-")
    lines = "".join(
        f"{manufacturer},{serial},{(at - timedelta(hours=hours)):%Y-%m-%dT%H:%M:%SZ},{volume}\n" for hours in (3, 5)
    )
    assert full.take_text("readings", f"manufacturer,serial,measured_at,volume_m3\n{lines}") == 0
    catch_up(installation, identity="test")
    same(full, before)
    noted = full.ask(f"""select meter_id, "at", state from vee_exceptions where rule = '{LATE}' order by 2""")
    assert noted.rows() == [(meter, at - timedelta(hours=hours), "open") for hours in (5, 3)]
    readings = full.ask("select count(*) from readings").item()
    done = run(installation, identity="test", now=NOW)
    assert done
    assert done.rows == {READINGS.name: 2}
    assert full.ask("select count(*) from readings").item() == readings - 2
    same(full, before)


def test_what_is_held_stays_whole(full: House) -> None:
    first, last = date(2025, 10, 22), date(2025, 10, 23)
    point = full.ask("select metering_point from installations where removed_at is null order by all limit 1").item()
    place_hold(
        full.installation.registry,
        "default",
        point,
        first_day=first,
        last_day=last,
        reason="case 3",
        identity="test",
        now=NOW,
    )
    sql = (
        f"select r.* from readings r join installations i using (meter_id) where metering_point = '{point}' and "
        "(measured_at at time zone 'Europe/Copenhagen')::date between '2025-10-22' and '2025-10-23' order by meter_id, "
        "measured_at"
    )
    frames = "select count(*) from frames where frame_id in (select frame_id from ({})) and frame is not null"
    before, many = full.ask(sql), full.ask(frames.format(sql)).item()
    decide(full, NOTHING)
    run(full.installation, identity="test", now=NOW)
    assert before.height > 20
    assert full.ask(sql).equals(before)
    assert full.ask(frames.format(sql)).item() == many
    days = full.ask(f"select distinct day from consumption_daily where metering_point = '{point}' order by day")
    assert days["day"].to_list() == [first, last]


def test_at_the_end_nothing_is_left_but_what_always_stays(full: House) -> None:
    decide(full, NOTHING)
    installation = full.installation
    files = full.ask("select count(distinct source_file) from frames").item()
    assert run(installation, identity="test", now=LATER)
    left = full.ask("select count(*) as n from readings join installations using (meter_id) group by meter_id")
    assert left["n"].max() <= 4
    assert full.ask("from frames where outcome <> 'decoded'").is_empty()
    figures = state(full, *FIGURES, "corrections", "gauges_daily", "rejected_rows")
    assert [name for name, rows in figures.items() if rows.height] == []
    assert MISSING.count(MISSING.look(installation)) == 0
    assert plan(installation, LATER).is_empty()
    emptied = [file for file in installation.settings.landing_path.glob("[0-9]*/*/*/*") if file.stat().st_size == 0]
    assert 0 < len(emptied) < files
    touch_days(installation, datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 30, tzinfo=UTC))
    reckon_again(installation)
    assert [name for name, rows in state(full, *FIGURES).items() if rows.height] == []


def test_figures_that_are_not_up_to_date_are_not_frozen(full: House) -> None:
    touch_days(full.installation, datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 30, tzinfo=UTC))
    with pytest.raises(RetentionError, match="not up to date"):
        run(full.installation, identity="test", now=NOW)


def test_frames_that_are_missing_are_told_before_anything_goes(full: House) -> None:
    rows = full.installation.lake.scan(RECEPTIONS).head(2).select(RECEPTIONS.key).collect()
    full.installation.lake.merge(RECEPTIONS, RECEPTIONS.empty(), stale=rows)
    assert MISSING.count(MISSING.look(full.installation)) == 2
    with pytest.raises(RetentionError, match="2 frames"):
        run(full.installation, identity="test", now=NOW)
    assert full.ask("from retention_certificates").is_empty()


Outcome = tuple[dict[str, int], dict[str, pl.DataFrame]]


@pytest.fixture(scope="module")
def undisturbed(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Rows that a run removes, and what is left, where nothing kills it."""
    with kept_environment():
        house = copied(filled, tmp_path_factory.mktemp("undisturbed"))
        done = run(house.installation, identity="test", now=NOW)
        assert done
        return done.rows, state(house, "readings", "records", "frames", "telegrams", "gauges_daily", "frozen_periods")


def killed_retention(house: House, fatal: str, left: Path, now: datetime) -> House:
    """The installation, whose run of retention, a process of its own, was killed after its first write to a table."""
    home = str(house.installation.settings.home)
    command = ["-W", "ignore", "-m", "tests.integration.dying_retention", home, fatal, now.isoformat()]
    killed = subprocess.run([sys.executable, *command], cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=False)
    assert killed.returncode == -signal.SIGKILL
    return house


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fatal", "dead"),
    [
        *((table, dead_retention) for table in ("gauges_daily", "frozen_periods", "receptions", "outcomes")),
        ("readings", killed_retention),
    ],
)
def test_a_run_that_dies_is_finished_by_the_next(
    full: House,
    undisturbed: Outcome,
    tmp_path: Path,
    fatal: str,
    dead: Callable[[House, str, Path, datetime], House],
) -> None:
    before = state(full, *FIGURES)
    removed, expected = undisturbed
    left = dead(full, fatal, tmp_path / "left", NOW)
    same(left, before)
    touch_days(left.installation, datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 30, tzinfo=UTC))
    reckon_again(left.installation)
    same(left, before)
    again = run(left.installation, identity="test", now=NOW + timedelta(days=400))
    assert again
    assert again.rows == removed
    same(left, expected)
    assert MISSING.count(MISSING.look(left.installation)) == 0
    assert left.ask("select distinct certificate, as_of from retention_certificates").rows() == [(1, NOW)]


def test_the_commands_plan_run_and_certify(full: House) -> None:
    def meterhouse(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.exception
        return result.stdout

    listed = meterhouse("retention", "presets")
    assert {line.split(",")[0] for line in listed.splitlines()[1:]} == {
        *("keep-all", "ready-water-10y", "ready-heat-5y", "ready-heat-5y-pre2024", "ready-heat-monthly-tail"),
    }
    document = full.installation.settings.home / "mine.yaml"
    document.write_text(meterhouse("retention", "presets", "ready-heat-5y").replace("13", "1"))
    meterhouse("policy", "set", "retention", str(document), "--reason", "heat only")
    planned = meterhouse("retention", "plan")
    assert "readings,heat,day," in planned
    assert "water" not in planned
    refused = CliRunner().invoke(app, ["retention", "run"])
    assert "--approve" in str(refused.exception)
    assert "readings," in meterhouse("retention", "run", "--approve")
    assert "nothing to remove" in CliRunner().invoke(app, ["retention", "run", "--approve"]).stderr
    assert meterhouse("retention", "certificates").splitlines()[1].startswith("1,2,")
    assert "\nreadings," in meterhouse("retention", "certificates", "1")
