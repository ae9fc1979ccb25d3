"""LoRaWAN uplinks from a network server's file to readings."""

import base64
import json
from pathlib import Path

from assets.steps.staleness import stale_days
from cli.key import run_key_import
from tests.integration.installations import House

METERS = "manufacturer,serial,version,device_type\nKAM,87654321,34,04\n"
KEYS = (
    "manufacturer,serial,version,device_type,DevEUI,AppKey\n"
    "KAM,87654321,34,04,0102030405060708,00112233445566778899AABBCCDDEEFF\n"
)
PAYLOAD = bytes.fromhex("15 0406E8030000 041410270000 02590A1E 025DF40D")


def event(eui: str, hour: int, payload: bytes = PAYLOAD) -> str:
    return json.dumps(
        {
            "time": f"2025-01-15T{hour:02}:00:00Z",
            "deviceInfo": {"devEui": eui},
            "fPort": 2,
            "data": base64.b64encode(payload).decode(),
            "rxInfo": [{"gatewayId": "gateway-1", "rssi": -97}],
        }
    )


def test_uplinks_wait_for_their_device_and_become_readings(house: House, tmp_path: Path) -> None:
    file = tmp_path / "uplinks.jsonl"
    lines = [event("0102030405060708", hour) for hour in (11, 12)]
    file.write_text("\n".join([*lines, event("0102030405060708", 13, b"\x0e\x00"), event("FFFFFFFFFFFFFFFF", 11)]))
    assert house.ingest(file) == 0
    assert house.ask("select distinct outcome from frames").rows() == [("foreign",)]
    (tmp_path / "meters.csv").write_text(METERS)
    assert house.take("meters", tmp_path / "meters.csv") == 0
    (tmp_path / "keys.csv").write_text(KEYS)
    assert run_key_import(house.installation, tmp_path / "keys.csv") == 0
    outcomes = house.ask("select outcome, meter_id from frames order by received_at, outcome").rows()
    meter = "KAM-87654321-34-04"
    assert sorted(outcomes, key=str) == sorted(
        [("decoded", meter), ("foreign", None), ("decoded", meter), ("application_error", meter)], key=str
    )
    readings = house.ask(
        "select energy_kwh::double, volume_m3::double, flow_temp_c, return_temp_c from readings"
    ).rows()
    assert readings == [(1000.0, 100.0, 76.9, 35.72)] * 2
    links = house.ask("select collector, receptions from link_daily").rows()
    assert links == [("gateway-1", 3)]


def test_an_uplink_that_names_a_stranger_is_not_tried_for_ever(house: House, tmp_path: Path) -> None:
    (tmp_path / "meters.csv").write_text(METERS)
    assert house.take("meters", tmp_path / "meters.csv") == 0
    (tmp_path / "keys.csv").write_text(KEYS)
    assert run_key_import(house.installation, tmp_path / "keys.csv") == 0
    stranger = bytes.fromhex("72 11111111 2D2C 3404 2A000000 0406E8030000")
    (tmp_path / "uplinks.jsonl").write_text(event("0102030405060708", 11, stranger))
    assert house.ingest(tmp_path / "uplinks.jsonl") == 0
    assert house.ask("select outcome, meter_id from frames").rows() == [("foreign", "KAM-11111111-34-04")]
    assert stale_days(house.installation) == []
