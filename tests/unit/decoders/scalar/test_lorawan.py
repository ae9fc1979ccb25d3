"""LoRaWAN uplinks and compact profiles, made here."""

import base64
import json
from decimal import Decimal

import pytest

from decoders.framefiles import read_telegrams
from decoders.lorawan import decode_uplink
from decoders.profiles import expand_profile
from decoders.records import parse_records
from decoders.report import decode_lines

STANDARD = bytes.fromhex("15 0406E8030000 041410270000 02590A1E 025DF40D 0C7821436587 02FD170001")
IDENTIFIED = bytes.fromhex("1E 0413D2040000 0779 21436587 2D2C 1B 16")


def test_records_behind_a_message_byte() -> None:
    telegram = decode_uplink(STANDARD)
    assert telegram.outcome == "decoded"
    assert telegram.meter_id is None
    assert (telegram.fields["energy_kwh"], telegram.fields["volume_m3"]) == (Decimal(1000), Decimal(100))
    assert telegram.fields["flow_temp_c"] == pytest.approx(76.9)


def test_the_enhanced_identification_names_the_meter() -> None:
    telegram = decode_uplink(IDENTIFIED)
    assert telegram.meter_id == "KAM-87654321-1b-16"
    assert telegram.fields["volume_m3"] == Decimal("1.234")


def test_records_behind_a_header() -> None:
    assert decode_uplink(bytes.fromhex("780413D2040000")).fields["volume_m3"] == Decimal("1.234")
    long = decode_uplink(bytes.fromhex("72 21436587 2D2C 1B 16 2A000000 0413D2040000"))
    assert (long.outcome, long.meter_id) == ("decoded", "KAM-87654321-1b-16")
    sealed = bytes.fromhex("72 21436587 2D2C 1B 16 2A001005") + bytes(range(16))
    assert decode_uplink(sealed).outcome == "no_key"


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        ("", "corrupt"),
        ("0E00", "application_error"),
        ("027B7D", "unsupported"),
        ("A1000102", "unsupported"),
        ("7221", "corrupt"),
        ("150406E803", "corrupt"),
        ("150406E803000004", "partial"),
    ],
)
def test_what_is_no_reading_is_named(payload: str, outcome: str) -> None:
    telegram = decode_uplink(bytes.fromhex(payload))
    assert telegram.outcome == outcome
    assert telegram.reason


CHIRPSTACK_4 = {
    "time": "2025-01-15T11:00:00Z",
    "deviceInfo": {"devEui": "0102030405060708"},
    "fPort": 2,
    "data": base64.b64encode(STANDARD).decode(),
    "rxInfo": [{"gatewayId": "gateway-1", "rssi": -97}],
}
CHIRPSTACK_3 = {
    "devEUI": "0102030405060708",
    "fPort": 2,
    "data": base64.b64encode(STANDARD).decode(),
    "rxInfo": [{"gatewayID": "gateway-1", "rssi": -97, "time": "2025-01-15T11:00:00Z"}],
}
THE_THINGS_STACK = {
    "end_device_ids": {"dev_eui": "0102030405060708"},
    "received_at": "2025-01-15T11:00:00Z",
    "uplink_message": {
        "f_port": 2,
        "frm_payload": base64.b64encode(STANDARD).decode(),
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gateway-1"}, "rssi": -97}],
    },
}


@pytest.mark.parametrize("event", [CHIRPSTACK_4, CHIRPSTACK_3, THE_THINGS_STACK])
def test_events_of_network_servers(event: dict[str, object]) -> None:
    rows = read_telegrams(json.dumps(event).encode(), "uplinks.jsonl")
    assert rows.select("transport", "fport", "device_eui").rows() == [("lorawan", 2, "0102030405060708")]
    (report,) = decode_lines(rows, {})
    assert (report["outcome"], report["serial"], report["device_eui"]) == ("decoded", "87654321", "0102030405060708")
    assert report["fields"]["energy_kwh"] == 1000


def profile(data: str, modifier: str = "1F", base: str = "84046D00204111 8B0415003012") -> list[tuple[object, ...]]:
    size = f"{len(bytes.fromhex(data)):02X}"
    records, damage = parse_records(bytes.fromhex(f"{base} 8D0495{modifier}{size}{data}"))
    assert damage is None
    return [(item.storage, item.time, item.raw_value) for item in expand_profile(records[-1], records)]


def test_profiles_of_differences() -> None:
    rising = profile("6901 03 02 11")
    assert [row[2] for row in rising] == [123003, 123005, 123016]
    assert [row[1] for row in rising] == [f"2010-01-01T0{hour}:00:00" for hour in (1, 2, 3)]
    falling = profile("A901 03 02 11")
    assert [row[2] for row in falling] == [122997, 122995, 122984]
    signed = profile("E101 03 FE")
    assert [row[2] for row in signed] == [123003, 123001]
    inverse = profile("6901 03 02", modifier="13")
    assert [row[1:] for row in inverse] == [("2009-12-31T23:00:00", 122997), ("2009-12-31T22:00:00", 122995)]


def test_profiles_of_values_and_their_spacings() -> None:
    assert profile("1403 01000000 02000000") == [
        (9, "2010-01-01T00:03:00", 1),
        (10, "2010-01-01T00:06:00", 2),
    ]
    assert [row[1] for row in profile("31FE 01 02")] == ["2010-02-01T00:00:00", "2010-03-01T00:00:00"]
    assert [row[1] for row in profile("31FD 01 02")] == [None, None], "half months name no day"
    assert [row[1] for row in profile("3100 01")] == [None]
    assert profile("6901 03", base="")[0] == (9, None, None), "differences to nothing"


def test_an_invalid_element_ends_what_is_known() -> None:
    assert [row[2] for row in profile("6901 03 AB 11")] == [123003, None, None]
    assert [row[2] for row in profile("2101 03 80 11")] == [3, None, 17], "values do not rest on one another"
    assert profile("6D01 03") == []
    assert profile("69") == []
