"""Profiles of JSON and XML files."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.errors import RegistryError
from registry.imports import ImportMode
from registry.models import Meter
from registry.profiles import Profile, ProfileError, load_profile, read_lines, save_profile, shipped_profiles
from registry.profiles.loading import find_profile
from registry.profiles.trees import MAX_VALUES
from registry.tables import published_events
from tests.unit.registry.conftest import KEY

DEVICES = [
    *(("Meter", "KAM", f"{90000000 + n}", "1b", "16", "flowIQ 2100", "Water", f"{n + 1:032x}") for n in range(98)),
    *(("Concentrator", "KAM", f"{71000000 + n}", None, None, "Reader", None, None) for n in range(16)),
    ("M-Bus master", "KAM", "72000000", None, None, "Master", None, None),
]
"""A shipment: class, manufacturer, serial number, version, device type, product, medium, key."""


def as_csv() -> str:
    header = "Device;Manufacturer;Serial number;Version;Device type;Product;Medium;Encryption key\n"
    return header + "".join(";".join(cell or "" for cell in device) + "\n" for device in DEVICES)


def as_json() -> str:
    names = ("class", "manufacturer", "serialNumber", "version", "deviceType", "product", "medium")
    devices = [
        {**dict(zip(names, device, strict=False)), "keys": {"encryption": device[-1]}, "pallet": [1]}
        for device in DEVICES
    ]
    return json.dumps({"shipment": {"order": 4711, "devices": devices}}, indent=1)


def as_xml() -> str:
    names = ("Manufacturer", "Version", "DeviceType", "Product", "Medium")
    lists = {"Meter": "", "Concentrator": "", "Master": ""}
    for kind, manufacturer, serial, *rest, key in DEVICES:
        element = kind.rpartition(" ")[2].title()
        facts = zip(names, (manufacturer, *rest), strict=True)
        inside = "".join(f"<{name}>{text}</{name}>" for name, text in facts if text)
        keys = f"<Keys><Encryption>{key}</Encryption></Keys>" if key else ""
        lists[element] += f'<{element} serialNumber="{serial}">{inside}{keys}</{element}>\n'
    body = "".join(f"<{element}s>{text}</{element}s>" for element, text in lists.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Shipment order="4711">{body}</Shipment>\n'


def test_a_shipment_is_the_same_in_csv_json_and_xml(meters, registry) -> None:
    for number, (profile, text) in enumerate(
        (("shipping-list", as_csv()), ("shipping-list-json", as_json()), ("shipping-list-xml", as_xml()))
    ):
        report = meters(text, "stock", mode=ImportMode(shipped_profiles()[profile]))
        assert dict(report.classes) == {"meter": 98, "concentrator": 16, "mbus_master": 1}, profile
        assert (report.added, report.unchanged) == ((0, 115) if number else (115, 0)), "to the last field and key"
        assert (report.rejected.rows(), report.warnings) == ([], ()), profile
    events = published_events(registry)["details"].to_list()
    assert sum('"concentrator": 16' in details for details in events) == 3


@pytest.mark.parametrize(("profile", "text"), [("shipping-list-json", as_json()), ("shipping-list-xml", as_xml())])
def test_each_form_alone_registers_the_shipment(meters, registry, profile: str, text: str) -> None:
    report = meters(text, mode=ImportMode(shipped_profiles()[profile]))
    assert (report.added, dict(report.classes)) == (115, {"meter": 98, "concentrator": 16, "mbus_master": 1})
    assert report.without_key == ()
    with registry.begin(readonly=True) as session:
        first = session.scalars(select(Meter).order_by(Meter.serial)).first()
    assert (first.meter_id, first.model, first.medium) == ("KAM-90000000-1b-16", "flowIQ 2100", "water")


def own(text: str, kind: str = "customers") -> Profile:
    return load_profile("own", f"kind: {kind}\n{text}\n".encode())


CIS = own(
    "format: json\nrows: .\nfields: {metering_point: id, customer_number: customer/no, serial: meter, name: name, "
    "address: [street, no], latitude: at/lat, city: town}"
)
READINGS = "format: xml\nrows: Export/Device/Value\nfields: {serial: '@meter', measured_at: At, volume_m3: Sum/Volume}"


def lines(text: str | bytes, profile: Profile) -> list[dict[str, str | None]]:
    return read_lines(text if isinstance(text, bytes) else text.encode(), "file", profile).table.to_dicts()


def test_numbers_stay_as_they_are_written_and_lists_are_walked_through() -> None:
    text = """[{"id": 1, "customer": {"no": 7000000000000000000001}, "meter": 90000001, "street": "Meadow Lane",
    "no": 12, "at": {"lat": 56.10, "lon": 9}, "name": "Åse", "town": true}, {"id": "P2", "customer": null}]"""
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        first, second = lines(content, CIS)
        assert (first["customer_number"], first["latitude"], first["address"], first["name"], first["city"]) == (
            "7000000000000000000001", "56.10", "Meadow Lane 12", "Åse", "true",
        )  # fmt: skip
        assert (second["source_line"], second["metering_point"], second["customer_number"]) == (2, "P2", None)
    orders = own("format: json\nrows: orders/rows\nfields: {metering_point: a, customer_number: b, serial: c}")
    nested = '{"orders": [{"rows": [{"a": 1}, {"a": 2}]}, {}, {"rows": {"a": "3", "b": "", "c": null}}]}'
    with pytest.raises(RegistryError, match="lacks c in its rows"):
        lines(nested, orders)
    assert [line["metering_point"] for line in lines(nested.replace("null", '"x"'), orders)] == ["1", "2", "3"]


def test_elements_and_attributes_may_have_prefixes() -> None:
    profile = own(READINGS, "readings")
    text = (
        '<e:Export xmlns:e="urn:e"><e:Device><e:Value e:meter="90000001"><e:At> 2025-01-01T00:00:00Z </e:At>'
        "<e:Sum><e:Volume>1.5</e:Volume></e:Sum></e:Value></e:Device><e:Device/><e:Device>"
        '<e:Value meter="90000002"><e:At/><e:Sum/></e:Value></e:Device></e:Export>'
    )
    first, second = lines(text, profile)
    assert (first["serial"], first["measured_at"], first["volume_m3"]) == ("90000001", "2025-01-01T00:00:00Z", "1.5")
    assert (second["source_line"], second["serial"], second["measured_at"]) == (2, "90000002", None)
    latin = text.replace("90000002", "Ø").encode("latin-1")
    assert lines(b'<?xml version="1.0" encoding="ISO-8859-1"?>' + latin, profile)[1]["serial"] == "Ø"


def test_a_row_that_does_not_fit_is_named_and_the_others_go_on() -> None:
    good = '{"id": "P1", "customer": {"no": "C1"}, "meter": "1"}'
    for bad, reason in (
        ('{"id": [], "customer": {}}', "id is no single value"),
        ('{"id": 1, "customer": "C1"}', "customer/no does not stand in an object"),
        ('{"id": 1, "customer": [{"no": 1}]}', "customer/no is no single value"),
        ('"P2"', "id does not stand in an object"),
        ('{"id": "=1+1", "customer": {"no": 1}}', "metering_point looks like a formula"),
        ('{"id": "a\\u0000b", "customer": {"no": 1}}', "metering_point holds a control character"),
    ):
        read = lines(f"[{good}, {bad}, {good}]", CIS)
        assert [line["reason"] for line in read] == [None, reason, None]
    twice = (
        '<Export><Device><Value meter="1"><At>1</At><At>2</At></Value><Value><At><b/></At></Value></Device></Export>'
    )
    read = lines(twice.replace("<b/>", "<b/><Sum/>"), own(READINGS.replace(", volume_m3: Sum/Volume", ""), "readings"))
    assert [line["reason"] for line in read] == ["At stands there several times", "At is no single value"]
    damaged = lines(f'[{good}, {{"id": "Å"}}]'.encode("latin-1"), CIS)
    assert [line["reason"] for line in damaged] == [None, "a text is not UTF-8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (f'{{"key": "{KEY}"', r"is no JSON \(line 1\)"),
        (f'[{{"id": "{KEY}", "id": 2}}]', "names a member of an object twice"),
        ('[{"id": NaN}]', "holds a number that is none"),
        ("[" * 200_000, "is nested too deeply"),
        ("[" + "0," * MAX_VALUES + "0]", "values, the most that is accepted"),
        ("[]", "has no rows at ."),
        ('[{"number": 1}]', "lacks id, customer/no, meter in its rows"),
    ],
)
def test_json_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        lines(text, CIS)
    told: BaseException | None = caught.value
    while told is not None:  # the error of the parser holds the document
        assert KEY not in str(told)
        assert KEY not in getattr(told, "doc", "")
        told = told.__cause__ or told.__context__


def test_xml_that_is_refused(tmp_path: Path) -> None:
    profile = own(READINGS, "readings")
    (tmp_path / "secret").write_text("topsecret")
    entity = f'<!DOCTYPE Export [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    for text, message in (
        (f'{entity}<Export><Device><Value meter="&x;"/></Device></Export>', "declares an XML document type"),
        (f"<Export><Device>{KEY}", "is no well-formed XML"),
        ("", "is no well-formed XML"),
        ("<Other><Device><Value/></Device></Other>", "has no rows at Export/Device/Value"),
        ("<a>" + "<a/>" * 6_000_000 + "</a>", "tags, the most that is accepted"),
    ):
        with pytest.raises(RegistryError, match=message) as caught:
            lines(text, profile)
        assert "topsecret" not in str(caught.value)
        assert KEY not in str(caught.value)


def test_what_the_rows_lack_is_told() -> None:
    read = read_lines(b'[{"id": 1, "customer": {"no": 2}, "meter": 3, "street": 4}]', "file", CIS)
    assert read.warnings == (
        "file has no name (for name).",
        "file has no no (for address).",
        "file has no at/lat (for latitude).",
        "file has no town (for city).",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: json\nfields: {metering_point: a, customer_number: b, serial: c}", "which need them"),
        ("rows: a\nfields: {metering_point: a, customer_number: b, serial: c}", "rows are of files in JSON or XML"),
        ("format: xml\nrows: a\nfields: {metering_point: {column: a}, customer_number: b, serial: c}", "have a path"),
        ("fields: {metering_point: {path: a}, customer_number: b, serial: c}", "have none"),
        ("format: json\nrows: a\nown_names: true\nfields: {metering_point: a, customer_number: b, serial: c}", "own_n"),
        (
            "format: json\nrows: a//b\nfields: {metering_point: a, customer_number: b, serial: c}",
            "rows.0: String shoul",
        ),
        (
            "format: yaml\nrows: a\nfields: {metering_point: a, customer_number: b, serial: c}",
            "'text', 'json' or 'xml'",
        ),
        ("format: json\nrows: a\nfields: {metering_point: a}", "customers need customer_number, serial"),
    ],
)
def test_profiles_that_do_not_hold(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        own(text)


def test_a_profile_of_a_tree_is_saved_and_read(tmp_path: Path) -> None:
    save_profile(CIS, tmp_path)
    assert find_profile("own", "customers", tmp_path) == CIS
