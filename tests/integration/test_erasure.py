"""Erasure on request: through every layer, old versions included; held where the law holds it; repeatable."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from assets.steps import decoding
from assets.steps.erasing import erase
from assets.steps.touched import touch_days
from cli.main import app
from connectors.landing import read_landed
from pipelines.runs import catch_up
from registry import audit
from registry.customers import add_customer, edit_customer, move_out, occupancies
from registry.erasures import HeldError, Request, erasures, place_hold, release_hold
from registry.errors import RegistryError
from registry.trail import Filter, details, events
from tests.integration.installations import House
from tests.integration.steps_of_a_run import reckon_again
from warehouse.schemas import CONSUMPTION_DAILY, READINGS, RECEPTIONS, TABLES

FIRST, LAST = date(2025, 10, 22), date(2025, 10, 24)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
_POINT, _METER = "metering_point = '{point}' and ", "meter_id = '{meter}' and "
_OF_PERIOD = _POINT + "period_start < '{end}' and period_end > '{start}'"
_OF_DAY = " day between '{first}' and '{last}'"


def _within(column: str) -> str:
    return f"\"{column}\" >= '{{start}}' and \"{column}\" < '{{end}}'"


ABOUT = {
    **dict.fromkeys(("readings", "readings_history", "records"), _METER + _within("measured_at")),
    **dict.fromkeys(("telegrams", "frames", "outcomes"), _METER + _within("received_at")),
    **{f"consumption_{length}": _OF_PERIOD for length in ("hourly", "daily", "monthly", "yearly")},
    **dict.fromkeys(("corrections", "heat_checks", "heat_faults", "energy_signatures"), _OF_PERIOD),
    **dict.fromkeys(("heat_daily", "flow_daily"), _POINT + _OF_DAY),
    **dict.fromkeys(("reading_performance_daily", "missing_causes_daily", "meter_links"), _METER + _OF_DAY),
    **dict.fromkeys(("link_daily", "gauges_daily"), _METER + _OF_DAY),
    **dict.fromkeys(("register_events", "vee_exceptions", "pressure_events"), _POINT + _within("at")),
    **dict.fromkeys(("alert_events", "alert_usage"), _POINT + _within("at")),
    "leak_events": _POINT + "first_seen < '{end}' and last_seen > '{start}'",
    "info_code_events": _METER + _within("first_seen"),
    "final_estimates": _POINT + "first_day <= '{last}' and last_day >= '{first}'",
    "final_readings": _POINT + "read_at > '{start}' and read_at <= '{end}'",
    "exchanges": _POINT + _within("exchanged_at") + " and (old_final is not null or new_initial is not null)",
    "heat_fault_reviews": _POINT
    + "period_start >= timestamptz '{start}' - interval 366 day and period_start < '{end}'",
}
"""What a table, and its history, says about somebody's period."""

KEPT = {
    "consumption_alerts": "limits that somebody watches a point by; they tell nothing of what was used",
    "formats": "how a device lays its telegrams out",
    "frozen_periods": "days of which figures are never reckoned again; without figures",
    "group_members": "which places and devices are looked at together",
    "installations": "which device hung where: the utility's own inventory",
    "meter_configurations": "how a device is set: the utility's own inventory",
    "metering_points": "the utility's own inventory",
    "meters": "the utility's own inventory",
    "touched": "which days of a device were to be reckoned; without figures",
}
"""Tables that name a meter or a point, and that an erasure leaves alone, and why."""


def somebody(house: House) -> dict[str, str]:
    """A point whose meter was heard all the time."""
    found = house.ask(
        "select i.metering_point as point, i.meter_id as meter from installations i join consumption_daily c "
        f"on c.metering_point = i.metering_point and c.day between '{FIRST}' and '{LAST}' and c.quality = 'M' "
        "group by all having count(distinct c.day) = 3 order by 1"
    )
    spans = {"start": "2025-10-21 22:00:00+00", "end": "2025-10-24 22:00:00+00", "first": FIRST, "last": LAST}
    return {**found.row(0, named=True), **spans}


def told(house: House, who: dict[str, str]) -> dict[str, int]:
    counts = {
        table: house.ask(f"select count(*) as n from {table} where {about.format(**who)}")["n"][0]
        for table, about in ABOUT.items()
        if TABLES[table].published
    }
    return {table: count for table, count in counts.items() if count}


def told_in_files(house: House, who: dict[str, str]) -> dict[str, int]:
    """Rows about somebody's period in any Parquet file of a table or its history, of old versions, too."""
    found, folder = {}, Path(house.installation.settings.lake_path)
    for name, about in ABOUT.items():
        for table in (name, f"{name}_history"):
            files = [str(file) for file in (folder / table).rglob("*.parquet") if "_delta_log" not in file.parts]
            if files:
                rows = f"read_parquet({files}, union_by_name = true)"
                found[table] = duckdb.execute(f"select count(*) from {rows} where {about.format(**who)}").fetchone()[0]
    return {table: count for table, count in found.items() if count}


def request(who: dict[str, str]) -> Request:
    return Request("default", who["point"], FIRST, LAST, "request 7")


def run(house: House, who: dict[str, str], **options) -> dict[str, int]:
    return erase(house.installation, request(who), identity="test", now=NOW, **options)


def others(house: House, who: dict[str, str]) -> pl.DataFrame:
    return house.ask(
        f"select * exclude (known_from) from consumption_daily where metering_point <> '{who['point']}' "
        f"or day < '{FIRST}' or day > '{LAST}' order by metering_point, register, day"
    )


def test_every_table_that_names_a_meter_or_a_point_is_erased_or_kept_for_a_reason() -> None:
    of_somebody = {
        table.name.removesuffix("_history")
        for table in TABLES.values()
        if any("meter_id" in column or column == "metering_point" for column in table.schema)
    }
    assert of_somebody - {"readings"} == (set(ABOUT) | set(KEPT)) - {"readings", "readings_history"}
    assert not set(ABOUT) & set(KEPT)


def test_every_table_that_is_to_be_erased_is_written_anew_without_its_old_files(filled: House, monkeypatch) -> None:
    lake, purged = type(filled.installation.lake), set[str]()
    purge = lake.purge

    def noting(self, table, *args, **options):
        purged.add(table.name)
        return purge(self, table, *args, **options)

    monkeypatch.setattr(lake, "purge", noting)
    run(filled, somebody(filled))
    stored = {
        name for name, table in TABLES.items() if table.kind == "stored" and name.removesuffix("_history") in ABOUT
    }
    assert purged >= stored | {"readings_history", "receptions"}


def test_nothing_is_left_in_any_layer(filled: House) -> None:
    who = somebody(filled)
    before, rest = told(filled, who), others(filled, who)
    assert {"readings", "telegrams", "frames", "consumption_hourly", "consumption_daily"} <= set(before)
    assert {"readings", "outcomes", "consumption_daily", "reading_performance_daily"} <= set(told_in_files(filled, who))
    lake = filled.installation.lake
    mine = filled.ask(f"select frame_id from frames where {ABOUT['frames'].format(**who)}")["frame_id"]
    bytes_ = lake.scan(RECEPTIONS).filter(pl.col("frame_id").is_in(mine.implode())).collect()
    hexes = {frame.hex() for frame in bytes_["frame"]}
    would = run(filled, who, dry_run=True)
    assert told(filled, who) == before
    assert would["readings"] == before["readings"]

    went = run(filled, who)
    assert {table: count for table, count in went.items() if table != "landing archive"} == would
    assert told(filled, who) == {}
    assert told_in_files(filled, who) == {}
    assert others(filled, who).equals(rest)

    for file in Path(filled.installation.settings.lake_path).rglob("*.parquet"):
        if "_delta_log" in file.parts:
            continue
        rows = pl.read_parquet(file)
        if "frame_id" in rows.columns:
            assert not set(rows["frame_id"]) & set(mine), file
        if "frame" in rows.columns:
            assert not {frame.hex() for frame in rows["frame"]} & hexes, file
    for sha256 in bytes_["source_sha256"].unique():
        text = read_landed(filled.installation.settings.landing_path, sha256).decode(errors="replace").lower()
        assert not any(frame in text for frame in hexes)
    assert audit.walk(filled.installation.registry).broken is None


def test_it_does_not_come_back(filled: House, fleet: Path) -> None:
    who = somebody(filled)
    run(filled, who)
    rest = others(filled, who)
    filled.ingest(*sorted((fleet / "frames").rglob("*.*")))
    assert told(filled, who) == {}
    start, end = datetime(2025, 10, 19, tzinfo=UTC), datetime(2025, 10, 29, tzinfo=UTC)
    touch_days(filled.installation, start, end)
    reckon_again(filled.installation)
    assert told(filled, who) == {}, "figures are not estimated across what was erased"
    assert others(filled, who).equals(rest), "and those around it stay as they were"


def test_an_erasure_that_died_goes_on(filled: House, monkeypatch) -> None:
    who = somebody(filled)
    lake = type(filled.installation.lake)
    merge = lake.merge

    def dying(self, table, *args, **options):
        if table is CONSUMPTION_DAILY:
            raise KeyboardInterrupt
        return merge(self, table, *args, **options)

    monkeypatch.setattr(lake, "merge", dying)
    with pytest.raises(KeyboardInterrupt):
        run(filled, who)
    monkeypatch.undo()
    assert filled.installation.lake.scan(READINGS).collect().height, "others are there"
    assert erasures(filled.installation.registry, "default")[0].finished_at is None
    run(filled, who)
    assert told(filled, who) == {}
    (tombstone,) = erasures(filled.installation.registry, "default")
    assert tombstone.finished_at == NOW


def test_who_lived_there_goes_and_who_lives_there_stays(filled: House) -> None:
    who, registry, vault = somebody(filled), filled.installation.registry, filled.installation.vault
    mine = {"organisation": "default", "identity": "test", "now": NOW}
    edit_customer(registry, vault, metering_point=who["point"], texts={"name": "Nora Nobody"}, **mine)
    move_out(registry, vault, metering_point=who["point"], at=datetime(2025, 10, 24, 10, tzinfo=UTC), **mine)
    add_customer(registry, vault, metering_point=who["point"], texts={"customer_number": "C2"}, **mine)
    event = events(registry, Filter("default", event="customer"))[-1]
    assert details(registry, vault, "default", event.number)["personal"] != "erased"
    assert run(filled, who)["customers"] == 1
    (left,) = occupancies(registry, "default", who["point"])
    assert (left.customer_number, left.occupied_to) == ("C2", None)
    assert details(registry, vault, "default", event.number)["personal"] == "erased"
    assert audit.walk(registry).broken is None


def test_a_legal_hold_forbids_it(filled: House) -> None:
    who = somebody(filled)
    before = told(filled, who)
    registry = filled.installation.registry
    options = {"reason": "court case 3", "identity": "test", "now": NOW}
    place_hold(registry, "default", who["point"], first_day=None, last_day=date(2025, 10, 21), **options)
    number = place_hold(registry, "default", who["point"], first_day=LAST, last_day=None, **options)
    with pytest.raises(HeldError, match=rf"hold {number} on {who['point']} from {LAST} until further notice .*case 3"):
        run(filled, who)
    assert told(filled, who) == before
    release_hold(registry, "default", number, identity="test", now=NOW)
    with pytest.raises(RegistryError, match="no legal hold"):
        release_hold(registry, "default", number, identity="test", now=NOW)
    run(filled, who)
    assert told(filled, who) == {}


def test_on_the_command_line(filled: House) -> None:
    who = somebody(filled)

    def meterhouse(*words: str):
        return CliRunner().invoke(app, ["erase", *words])

    period = ("--from", str(FIRST), "--to", str(LAST), "--reason", "request 7, by letter")
    assert meterhouse("hold", who["point"], "--reason", "case").exit_code == 0
    assert meterhouse("holds").stdout.splitlines()[1].startswith(f"1,{who['point']},,,")
    refused = meterhouse("point", who["point"], *period)
    assert isinstance(refused.exception, HeldError)
    assert meterhouse("release", "1").exit_code == 0
    assert "nothing is erased" in meterhouse("point", who["point"], *period, "--dry-run").stderr
    assert "readings," in meterhouse("point", who["point"], *period).stdout
    assert told(filled, who) == {}
    assert '"request 7, by letter"' in meterhouse("list").stdout
    unknown = meterhouse("point", "NOWHERE", *period)
    assert "no metering point NOWHERE" in str(unknown.exception)
    backwards = meterhouse("point", who["point"], "--from", str(LAST), "--to", str(FIRST), "--reason", "x")
    assert "before it begins" in str(backwards.exception)


def test_what_arrives_afterwards_goes_again(filled: House, tmp_path: Path, monkeypatch) -> None:
    who = somebody(filled)
    mine = filled.ask(f"select frame_id from frames where {ABOUT['frames'].format(**who)} order by received_at")
    lake = filled.installation.lake
    sent = (
        lake.scan(RECEPTIONS).filter(pl.col("frame_id").is_in(mine["frame_id"].implode())).sort("received_at").collect()
    )
    lines = [f"{at.isoformat()},{frame.hex()}\n" for at, frame in sent.select("received_at", "frame").rows()]
    went = run(filled, who)
    rest, before = others(filled, who), conserved(filled)

    late = tmp_path / "late.csv"
    late.write_text("received_at,frame\n" + "".join(lines[:-1]))
    monkeypatch.setattr(decoding, "erase_arrivals", dying)
    assert filled.ingest(late) == 1
    assert told(filled, who), "the run died between"
    monkeypatch.undo()
    hold = place_hold(
        *(filled.installation.registry, "default", who["point"]),
        first_day=None,
        last_day=None,
        reason="court",
        identity="test",
        now=NOW,
    )
    later = tmp_path / "later.csv"
    later.write_text("received_at,frame\n" + lines[-1])
    filled.ingest(later)
    assert told(filled, who)["frames"] == len(lines), "what a hold protects waits"
    release_hold(filled.installation.registry, "default", hold, identity="test", now=NOW)

    (tmp_path / "last.csv").write_text("received_at,frame\n" + lines[0] + "\n")
    catch_up(filled.installation, identity="test")
    filled.ingest(tmp_path / "last.csv")
    assert told(filled, who) == {}
    assert others(filled, who).equals(rest)
    assert conserved(filled) == before
    for sha256 in lake.scan(RECEPTIONS).select("source_sha256").unique().collect()["source_sha256"]:
        text = read_landed(filled.installation.settings.landing_path, sha256).decode(errors="replace")
        assert not any(frame.hex() in text for frame in sent["frame"])
    (tombstone,) = erasures(filled.installation.registry, "default")
    counted = json.loads(tombstone.rows)
    assert counted["receptions"] == counted["outcomes"] == went["receptions"] + len(lines) + 1
    trail = events(filled.installation.registry, Filter("default", event="erasure.again"))
    assert {event.identity for event in trail} == {"service:orchestrator"}


def dying(*_) -> int:
    raise RuntimeError("somebody pulled the plug")


def conserved(house: House) -> int:
    """Frames, each of which has one outcome."""
    frames, outcomes = house.ask("select count(*), count(outcome) from frames").row(0)
    assert frames == outcomes
    return frames
