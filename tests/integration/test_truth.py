"""From concentrator files to figures, against what the simulator knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.integration.installations import House, copied, fill, kept_environment
from warehouse.schemas import AUDIT_LOG

FIGURES = (
    "telegrams",
    "readings",
    "records",
    "consumption_hourly",
    "consumption_daily",
    "consumption_monthly",
    "consumption_yearly",
    "heat_daily",
    "info_code_events",
    "reading_performance_daily",
    "missing_causes_daily",
    "link_daily",
    "meter_links",
    "collector_daily",
)
HISTORY = ("known_from", "landed_at", "received_on_time", "backlog_p50_s", "backlog_max_s")


def truth(fleet: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(fleet / "truth" / f"{name}.csv", infer_schema=False)


@pytest.fixture(scope="module")
def filled(everything_late: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Everything came as late as it can."""
    with kept_environment():
        yield copied(everything_late, tmp_path_factory.mktemp("late"))


@pytest.fixture
def prompt(everything: Path, tmp_path: Path) -> Iterator[House]:
    """Everything came in time."""
    with kept_environment():
        yield copied(everything, tmp_path)


def test_daily_consumption_is_exact(filled: House, fleet: Path) -> None:
    ours = filled.ask(
        "select metering_point, register, day::varchar as day, consumption, quality from consumption_daily"
    )
    expected = truth(fleet, "consumption_daily").filter(pl.col("both_boundaries_within_hour") == "true")
    joined = expected.join(ours, on=["metering_point", "register", "day"], how="left")
    wanted = pl.col("consumption_expected").cast(pl.Decimal(18, 6))
    wrong = joined.filter(wanted.ne_missing(pl.col("consumption")))
    assert wrong.is_empty(), wrong
    assert joined.height > 150
    measured = joined.filter(pl.col("consumption").is_not_null())["quality"]
    assert set(measured) <= {"M", "A"}


def test_performance_equals_the_hand_count(filled: House, fleet: Path) -> None:
    ours = filled.ask(
        "select meter_id, day::varchar as day, criterion, expected, received from reading_performance_daily"
    )
    joined = truth(fleet, "performance_daily").join(
        ours, on=["meter_id", "day", "criterion"], how="left", suffix="_ours"
    )
    wrong = joined.filter(
        pl.col("expected").cast(pl.Int32).ne_missing(pl.col("expected_ours"))
        | pl.col("received").cast(pl.Int32).ne_missing(pl.col("received_ours"))
    )
    assert wrong.is_empty(), wrong
    assert "25" in joined["expected"].to_list(), "the day on which clocks go back has 25 hours"


def test_every_line_is_accounted_for(filled: House, fleet: Path) -> None:
    ours = filled.ask(
        "select source_file, source_line::varchar as source_line, outcome from frames union all "
        "select source_file, source_line::varchar, 'rejected_row' from rejected_rows"
    )
    expected = truth(fleet, "outcomes").with_columns(pl.col("source_file").str.split("/").list.last())
    joined = expected.join(ours, on=["source_file", "source_line"], how="full", coalesce=True, suffix="_ours")
    wrong = joined.filter(pl.col("outcome").ne_missing(pl.col("outcome_ours")))
    assert wrong.is_empty(), wrong
    assert {"decoded", "corrupt", "foreign", "wrong_key", "rejected_row"} <= set(expected["outcome"])
    counts = filled.ask("select count(*), count(outcome), count(distinct frame_id) from frames").row(0)
    assert len(set(counts)) == 1, "count(frames) is the sum of the outcomes"


def test_info_codes_are_those_of_the_truth(filled: House, fleet: Path) -> None:
    ours = filled.ask("select meter_id, code, first_seen, last_seen, cleared_at from info_code_events order by all")
    expected = truth(fleet, "info_codes").with_columns(
        pl.col("first_seen", "last_seen", "cleared_at").str.to_datetime(time_zone="UTC", time_unit="us")
    )
    keys = ["meter_id", "code", "first_seen", "last_seen", "cleared_at"]
    assert ours.select(keys).rows() == expected.select(keys).sort(keys).rows()


def test_receptions_of_known_meters_become_their_transmissions(filled: House, fleet: Path) -> None:
    ours = filled.ask(
        "select meter_id, count(*)::varchar as n, sum(receptions)::varchar as r from telegrams group by all"
    )
    known = truth(fleet, "telegrams").filter(pl.col("key_state").is_in(["known", "late", "none", "plain"]))
    joined = known.join(ours, on="meter_id", how="left")
    wrong = joined.filter((pl.col("transmissions") != pl.col("n")) | (pl.col("receptions") != pl.col("r")))
    assert wrong.is_empty(), wrong
    assert known.height >= 15


def test_order_of_arrival_does_not_matter(filled: House, prompt: House) -> None:
    for table in FIGURES:
        late, early = (made.ask(f"select * from {table}").drop(HISTORY, strict=False) for made in (filled, prompt))
        order = [name for name, dtype in early.schema.items() if dtype != pl.Null]
        assert late.height == early.height, table
        assert late.sort(order).equals(early.sort(order)), table


def test_figures_go_back_to_a_line_of_a_file(filled: House) -> None:
    row = filled.ask(
        "select f.source_file, f.source_line, r.volume_m3 from readings r join frames f using (frame_id) "
        "where r.volume_m3 is not null limit 1"
    ).row(0, named=True)
    assert row["source_file"]
    assert row["source_line"] > 0


def test_energy_that_was_not_counted_for_want_of_a_sensor_is_no_measured_zero(filled: House) -> None:
    hours = filled.ask(
        "select distinct c.quality, c.method from consumption_hourly c join installations i using (metering_point) "
        "join readings r on r.meter_id = i.meter_id and r.measured_at >= period_start and r.measured_at < period_end "
        "where register = 'energy_kwh' and flags like '%FROZEN:energy_kwh%'"
    )
    assert hours.rows() == [("I", "LIN")]


def test_status_bytes_are_kept_where_there_is_a_header(filled: House) -> None:
    found = filled.ask(
        "select distinct status, left(meter_id, 3) = 'KAM' as on_the_link from readings order by all"
    ).rows()
    assert found == [(0, False), (None, True)]


def test_heat_is_weighted_by_volume(filled: House) -> None:
    heat = filled.ask("select * from heat_daily where weighting = 'registers'")
    assert heat.height > 10
    assert heat.filter(pl.col("error_k") > 1).is_empty()
    assert heat.filter((pl.col("flow_temp_c") - pl.col("return_temp_c") - pl.col("cooling_k")).abs() > 1e-9).is_empty()


def test_nothing_secret_reaches_the_lake_or_a_log(filled: House, fleet: Path) -> None:
    keys = pl.read_csv(fleet / "meters.csv", infer_schema=False)["key"].drop_nulls().to_list()
    home = filled.installation.settings.home
    files = [path for path in home.rglob("*") if path.is_file() and "landing" not in path.parts]
    assert len(files) > 50
    for path in files:
        content = path.read_bytes()
        assert not any(bytes.fromhex(key) in content or key.encode() in content.upper() for key in keys), path


def test_the_same_delivery_twice_changes_nothing(filled: House, fleet: Path, tmp_path: Path) -> None:
    tables = [table for table in filled.installation.lake.tables() if table is not AUDIT_LOG]  # that runs are noted in
    before = {table: filled.installation.lake.version(table) for table in tables}
    (file,) = sorted((fleet / "frames").glob("concentrator-2_2025-10-21*"))
    copy = tmp_path / f"again-{file.name}"
    copy.write_bytes(file.read_bytes())
    assert filled.ingest(file, copy) == 0
    after = {table: filled.installation.lake.version(table) for table in before}
    assert after == before


@pytest.fixture
def punctual(filled_folder: Path, tmp_path: Path) -> Iterator[House]:
    """Only what came in time is there."""
    with kept_environment():
        yield copied(filled_folder, tmp_path)


def test_a_late_file_rewrites_only_what_it_touches(punctual: House, fleet: Path) -> None:
    house = punctual
    before = house.ask("select max(known_from) from consumption_hourly").item()
    fill(house, fleet, "frames_late")
    late = {file.name.split("_")[1] for file in (fleet / "frames_late").iterdir()}
    rows = house.ask(f"select day::varchar as day, known_from > '{before}' as fresh from consumption_hourly")
    touched = set(rows.filter("fresh")["day"])
    assert late <= touched
    assert rows.filter(pl.col("fresh")).height < rows.height / 3
    assert not touched & {"2025-10-20", "2025-10-26", "2025-10-27"}
    corrections = house.ask(
        "select new_consumption, consumption, old_consumption, old_quality, new_quality, c.known_from < known_to "
        "from corrections c join consumption_hourly d using (metering_point, register, period_start) "
        "where table_name = 'consumption_hourly'"
    )
    assert corrections.height > 0
    for new, current, old, old_quality, new_quality, in_order in corrections.rows():
        assert new == current
        assert (old, old_quality) != (new, new_quality)
        assert in_order


def test_every_event_is_of_one_person_or_one_service(filled: House) -> None:
    identities = filled.ask("select distinct identity from audit_log")["identity"].to_list()
    assert identities
    one = re.compile(r"user:\d+|service:[\w.-]+|local:[^,;\s]+")
    assert [identity for identity in identities if not one.fullmatch(identity)] == []
