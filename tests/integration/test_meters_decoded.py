"""What decoding real frames says of meters: whether a key is the right one, and what a meter of another maker tells."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator import Fleet, simulate
from simulator.incidents import plan
from simulator.population import Meter, populate
from tests.integration.installations import House
from warehouse.schemas.registers import REGISTERS

SMALL = Fleet(meters=24, days=2, start=date(2025, 10, 20), timezone="Europe/Copenhagen", seed=11)
OMS = ("AXI", "ITW", "DME")
"""Makers of the OMS meters in a simulated fleet."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    simulate(SMALL, folder)
    return folder


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result.stdout


def listed(*options: str) -> set[str]:
    rows = csv.DictReader(io.StringIO(run("meter", "list", "--size", 1000, "--format", "csv", *options)))
    return {row["meter_id"] for row in rows}


def test_a_wrong_key_is_known_by_the_first_frames_and_a_right_one_mends_it(
    house: House, small: Path, tmp_path: Path
) -> None:
    mistaken = [meter for meter in plan(SMALL, populate(SMALL)).meters if meter.key_state == "wrong"]
    assert {meter.kind.security for meter in mistaken} <= {"ell", "mode5"}, "checked by CRC, and by 2F2F"
    ids = {meter.meter_id for meter in mistaken}
    assert ids, "some meters were registered with the wrong key"

    def status() -> set[str]:
        told = csv.DictReader(io.StringIO(run("key", "status", *sorted(ids))))
        held = house.ask("select meter_id, key_status from meters").filter(meter_id=sorted(ids)[0])["key_status"].item()
        found = {row["key_status"] for row in told}
        assert found == {held}, "the command and the published table tell the same"
        assert ids <= listed("--key-status", held)
        return found

    assert house.take("meters", small / "meters.csv") == 0
    assert status() == {"unverified"}, "a key is there, and nothing tells whether it is right"
    assert house.ingest(small / "frames") == 0
    assert status() == {"wrong"}
    outcomes = f"select distinct outcome from frames where meter_id in {(*ids, '')} and outcome <> 'corrupt'"
    assert house.ask(outcomes)["outcome"].to_list() == ["wrong_key"]

    right = tmp_path / "right.csv"
    right.write_text("manufacturer,serial,version,device_type,key\n" + "".join(map(key_line, mistaken)))
    assert house.take("meters", right) == 0
    assert status() == {"ok"}
    assert house.ask(outcomes)["outcome"].to_list() == ["decoded"]
    assert ids <= set(house.ask("select distinct meter_id from readings")["meter_id"])


def key_line(meter: Meter) -> str:
    manufacturer, serial, version, device_type = meter.meter_id.split("-")
    return f"{manufacturer},{serial},{version},{device_type},{meter.key.hex()}\n"


def test_a_meter_of_another_maker_tells_less_and_is_exported_like_any_other(house: House, small: Path) -> None:
    assert house.take("meters", small / "meters.csv") == 0
    assert house.ingest(small / "frames") == 0
    names = [*(register.name for register in REGISTERS), "info_code"]
    told = ", ".join(f"count({name}) > 0 as {name}" for name in names)
    asked = f"select manufacturer, medium, {told} from readings join meters using (meter_id) group by all"
    rows = house.ask(asked).to_dicts()
    filled = {(row["manufacturer"], row["medium"]): {name for name in names if row[name]} for row in rows}
    others = {maker: columns for maker, columns in filled.items() if maker[0] in OMS}
    assert filled["AXI", "water"] == {"volume_m3"} < filled["KAM", "water"]
    assert {medium for _, medium in others} == {"water", "heat"}
    for (maker, medium), columns in others.items():
        assert filled["KAM", medium] - columns, f"{maker} tells as much as {sorted(columns)}"

    exported = "select meter_id, measured_at, volume_m3, quality from readings order by all"
    lines = list(csv.DictReader(io.StringIO(run("sql", exported, "--format", "csv"))))
    expected = house.ask(exported)
    assert [line["meter_id"] for line in lines] == expected["meter_id"].to_list()
    foreign = [line for line in lines if line["meter_id"].startswith(OMS)]
    assert {line["meter_id"][:3] for line in foreign} == {maker for maker, _ in others}
    assert all(line["volume_m3"] and line["quality"] and line["measured_at"] for line in foreign)
