"""Retention by source and by resolution: what no rule is about stays whole, down to the lines it came in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.steps.publishing import publish_registry
from assets.steps.retention import plan, run
from assets.steps.sources import is_wired
from decoders.link import is_wired as starts_wired
from pipelines.runs import catch_up
from registry import groups
from registry.inventory.configurations import configure
from registry.policies import decide
from simulator import Fleet, simulate
from simulator.incidents import collector_name
from tests.integration.installations import FLEET, House, Workshop, copied, fill, kept_environment, new_house
from tests.integration.steps_of_a_run import dead_retention
from tests.integration.test_retention import NOW, Outcome, archived, same, state
from tests.unit.decoders.frames import bare, wired
from warehouse.policies import shipped_document
from warehouse.queries.provenance import of_day

SMALL = Fleet(meters=10, days=3, start=date(2025, 10, 20), timezone=FLEET.timezone, seed=5)
RULE = """
automatic: false
survivor: last
rules:
  - sources: {sources}
    zones: [raw, reading]
    stages: [{{after_months: 1, keep: day}}]
"""
OF_READINGS = {
    "readings": "select distinct meter_id, measured_at from readings where source = '{}'",
    "frames": "select distinct frame_id from readings join frames using (frame_id) where source = '{}'",
    "telegrams": "select telegram_id from readings join telegrams on frame_id = telegram_id where source = '{}'",
    "records": "select records.* from readings join records using (meter_id, measured_at) where source = '{}'",
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fleet of which two collectors pass by; the third stands."""
    folder = tmp_path_factory.mktemp("mixed")
    simulate(SMALL, folder / "fleet")
    with kept_environment():
        house = new_house(folder)
        passing = f"drive_by_collectors: [{collector_name(0)}, {collector_name(1)}]"
        set_policy(house, "estimation", shipped_document("estimation").replace("drive_by_collectors: []", passing))
        fill(house, folder / "fleet", "meters", "customers", "exchanges", "frames")
        yield folder


@pytest.fixture
def full(mixed: Path, tmp_path: Path) -> House:
    return copied(mixed, tmp_path)


def set_policy(house: House, kind: str, document: str) -> None:
    with house.installation.registry.begin() as session:
        decide(session, "default", kind, document, reason="test", identity="test", now=NOW)


def of_source(house: House, source: str) -> dict[str, pl.DataFrame]:
    found = {name: house.ask(sql.format(source)) for name, sql in OF_READINGS.items()}
    return {name: rows.sort(rows.columns) for name, rows in found.items()}


@pytest.mark.parametrize(("thinned", "spared"), [("radio", "drive_by"), ("drive_by", "radio")])
def test_readings_of_sources_that_no_rule_is_about_stay_with_their_frames_and_lines(
    full: House, thinned: str, spared: str
) -> None:
    before, others = of_source(full, spared), of_source(full, thinned)
    assert all(rows.height for rows in (*before.values(), *others.values()))
    set_policy(full, "retention", RULE.format(sources=f"[{thinned}, wired]"))
    todo = dict(plan(full.installation, NOW).group_by("table").agg(pl.col("rows").sum()).iter_rows())
    done = run(full.installation, identity="test", now=NOW)
    assert done
    assert done.rows == todo
    for name, rows in of_source(full, spared).items():
        assert rows.equals(before[name]), name
    left = of_source(full, thinned)
    assert all(left[name].height < others[name].height / 2 for name in others)
    assert left["frames"].height == left["readings"].height
    assert plan(full.installation, NOW).is_empty()

    # Copies of what went are gone, too: nothing that could be decoded is left without its reading.
    lost = full.ask(
        "select count(*) from frames where outcome = 'decoded' and meter_id in (select meter_id from meters) "
        "and not exists (from telegrams where meter_id = frames.meter_id and frames.received_at between "
        "telegrams.received_at and telegrams.last_received_at)"
    )
    assert lost.item() == 0
    text = archived(full)
    stay = full.ask("select frame from frames where frame_id in (select frame_id from readings)")["frame"]
    assert not [frame for frame in stay.bin.encode("hex") if frame not in text]


def test_priority_meters_and_those_set_to_send_often_are_thinned_by_a_rule_of_their_own(full: House) -> None:
    per_meter = (
        "select metering_point, meter_id, count(*) as n from {} join installations using (meter_id) group by all"
    )
    before = full.ask(per_meter.format("readings") + " order by n desc")
    (priority, _, _), (_, often, _), *_ = before.rows()
    with full.installation.registry.begin() as session:
        groups.add(session, groups.Author("default", "test", NOW), groups.PRIORITY, [priority])
        configure(
            session,
            "default",
            often,
            {"interval_s": 300},
            at=datetime(2025, 10, 1, tzinfo=UTC),
            identity="test",
            now=NOW,
        )
    publish_registry(full.installation)
    catch_up(full.installation, identity="test")
    rule = "{resolutions: [5min], zones: [raw, reading, interval], stages: [{after_months: 1, keep: day}]}"
    set_policy(full, "retention", f"automatic: false\nsurvivor: last\nrules: [{rule}]\n")
    points = full.ask("select distinct metering_point from consumption_hourly")["metering_point"]
    todo = dict(plan(full.installation, NOW).group_by("table").agg(pl.col("rows").sum()).iter_rows())
    done = run(full.installation, identity="test", now=NOW)
    assert done
    assert done.rows == todo
    assert {"receptions", "telegrams", "readings", "consumption_hourly"} <= done.rows.keys()
    thinned = before.filter((pl.col("metering_point") == priority) | (pl.col("meter_id") == often))
    for table in ("readings", "telegrams"):
        after = full.ask(per_meter.format(table))
        assert after.join(thinned, on="meter_id", how="semi")["n"].max() <= 6, table
    spared = before.join(thinned, on="meter_id", how="anti").sort("meter_id")
    left = full.ask(per_meter.format("readings")).join(thinned, on="meter_id", how="anti").sort("meter_id")
    assert left.equals(spared)
    hourly = full.ask("select distinct metering_point from consumption_hourly")["metering_point"]
    assert set(points) - set(hourly) == set(thinned["metering_point"])
    assert plan(full.installation, NOW).is_empty(), "a second run changes nothing"


def test_a_figure_of_spared_readings_is_explained_down_to_its_lines(full: House) -> None:
    sql = "select metering_point, day from consumption_daily where register = 'volume_m3' and consumption is not null"
    days = full.ask(f"{sql} order by all").rows()
    before = [reading for point, day in days for reading in explained(full, point, day)]
    set_policy(full, "retention", RULE.format(sources="[radio, wired]"))
    assert run(full.installation, identity="test", now=NOW)
    after = [reading for point, day in days for reading in explained(full, point, day)]
    spared = [reading for reading in before if reading["source"] == "drive_by"]
    assert len(spared) > 2
    assert [reading for reading in spared if reading not in after] == []
    lines = [copy["source_line"] for reading in spared for copy in reading["telegram"]["receptions"]]
    assert all(lines)


@pytest.fixture(scope="module")
def undisturbed(mixed: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Rows that a run removes, and what is left, where nothing kills it."""
    with kept_environment():
        house = copied(mixed, tmp_path_factory.mktemp("undisturbed"))
        set_policy(house, "retention", RULE.format(sources="[radio, wired]"))
        done = run(house.installation, identity="test", now=NOW)
        assert done
        return done.rows, state(house, "readings", "records", "frames", "telegrams")


@pytest.mark.slow
@pytest.mark.parametrize("fatal", ["telegrams", "receptions", "readings", "outcomes"])
def test_a_run_by_source_that_dies_is_finished_by_the_next(
    full: House, undisturbed: Outcome, tmp_path: Path, fatal: str
) -> None:
    set_policy(full, "retention", RULE.format(sources="[radio, wired]"))
    left = dead_retention(full, fatal, tmp_path / "left", NOW)
    done = run(left.installation, identity="test", now=NOW)
    assert done
    removed, expected = undisturbed
    assert done.rows == removed
    same(left, expected)


def explained(house: House, point: str, day: date) -> list[dict[str, Any]]:
    """Readings at both boundaries of a figure, with their telegrams, frames and lines."""
    nothing = pl.DataFrame(schema={"metering_point": pl.String, "first_day": pl.Date, "last_day": pl.Date})
    found = of_day(house.installation.lake, "default", point, day, register="volume_m3", erased=nothing)
    return [reading for side in ("start", "end") for reading in found["figures"][0][side]["readings"]]


def wired_frame(volume: int) -> str:
    """A telegram of a water meter on the wire: volume in litres."""
    header = bytes.fromhex("72 78563412 2D2C 1B 16 2A 00 0000")
    return wired(header + bytes.fromhex("0413") + volume.to_bytes(4, "little")).hex()


@pytest.fixture
def wire(workshop: Workshop, tmp_path: Path) -> Iterator[House]:
    """A meter that is read by wire every second hour of three days."""

    def hear(house: House) -> None:
        folder = house.installation.settings.home.parent
        (folder / "meters.csv").write_text("manufacturer,serial,version,device_type\nKAM,12345678,1b,16\n")
        house.register("meters", folder / "meters.csv")
        begin = datetime(2025, 10, 20, 0, 30, tzinfo=UTC)
        lines = [f"{begin + timedelta(hours=2 * n):%Y-%m-%dT%H:%M:%SZ},{wired_frame(1000 + n)}" for n in range(36)]
        (folder / "frames.csv").write_text("received_at,frame\n" + "\n".join(lines) + "\n")
        assert house.ingest(folder / "frames.csv") == 0

    folder = workshop.house("wire", hear)
    with kept_environment():
        yield copied(folder, tmp_path)


def test_readings_by_wire_have_a_source_of_their_own_that_rules_may_name(wire: House) -> None:
    count = "select source, count(*), count(distinct frame_id) from readings join frames using (frame_id) group by all"
    assert wire.ask(count).rows() == [("wired", 36, 36)]
    set_policy(wire, "retention", RULE.format(sources="[radio, drive_by]"))
    assert run(wire.installation, identity="test", now=NOW) is None
    set_policy(wire, "retention", RULE.format(sources="[wired]"))
    assert run(wire.installation, identity="test", now=NOW)
    assert wire.ask(count).rows() == [("wired", 4, 4)]
    assert wire.ask("select count(*) from frames").item() == 4
    assert wire.ask("select count(*) from telegrams").item() == 4
    assert plan(wire.installation, NOW).is_empty()


def test_a_reading_by_wire_stays_one_when_another_copy_comes_later(wire: House, tmp_path: Path) -> None:
    (tmp_path / "again.csv").write_text(f"received_at,frame\n2025-10-20T00:29:55Z,{wired_frame(1000)}\n")
    assert wire.ingest(tmp_path / "again.csv") == 0
    assert wire.ask("select distinct source from readings")["source"].to_list() == ["wired"]


@pytest.mark.parametrize("transport", [None, "lorawan"])
def test_the_start_of_a_wired_frame_is_known_in_columns_as_by_byte(transport: str | None) -> None:
    frames = [wired(b"\x72"), b"\x68\x08\x08\x68", b"\x68\x08\x09\x68", b"\x68\x08\x08", b"\xe5", bare(b"\x72"), b""]
    frames += [b"\x68", b"\x68\x68\x68\x68", b"\x10\x40\x01\x41\x16"]
    rows = pl.DataFrame(
        {"frame": frames, "transport": [transport] * len(frames)}, schema_overrides={"transport": pl.String}
    )
    assert rows.select(found=is_wired())["found"].to_list() == [
        transport is None and starts_wired(frame) for frame in frames
    ]
