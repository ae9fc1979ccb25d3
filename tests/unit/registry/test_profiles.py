"""Import profiles: what they may say, and what they make of files."""

from pathlib import Path

import pytest
from sqlalchemy import select

from registry import collectors
from registry.collectors import Place
from registry.errors import RegistryError
from registry.imports import ImportMode
from registry.models import Collector, Customer, Meter
from registry.profiles import (
    Profile,
    ProfileError,
    find_profile,
    list_profiles,
    load_profile,
    read_lines,
    save_profile,
    shipped_profiles,
    to_yaml,
)
from registry.tables import published_events, published_tables
from tests.unit.registry.conftest import KEY, METERS

NEEDED = "fields: {metering_point: 1, customer_number: 2, serial: 3}"


def customers_profile(text: str) -> Profile:
    return load_profile("own", f"kind: customers\n{text}\n".encode())


def lines(text: str | bytes, profile: Profile) -> list[dict[str, str | None]]:
    content = text if isinstance(text, bytes) else text.encode()
    return read_lines(content, "file.csv", profile).table.to_dicts()


def test_predefined_profiles_are_the_contracts() -> None:
    contracts = {
        "meters": "manufacturer,serial,version,device_type,model,medium,key",
        "customers": "metering_point,customer_number,name,address,postal_code,city,latitude,longitude,"
        "manufacturer,serial,installed_at",
        "exchanges": "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,"
        "new_manufacturer,new_serial,new_initial_m3",
        "readings": "manufacturer,serial,measured_at,volume_m3",
    }
    for kind, header in contracts.items():
        read = read_lines(f"{header}\n".encode(), f"{kind}.csv", find_profile("", kind, Path("nowhere")))
        assert set(header.split(",")) <= set(read.table.columns), kind
        assert read.warnings == ()


def test_every_shipped_profile_is_understood_and_says_what_it_is_for() -> None:
    profiles = shipped_profiles()
    assert set(profiles) == {
        "meters", "customers", "exchanges", "readings", "cis-customers", "cis-customers-fixed", "radio-mesh",
        "temperatures", "shipping-list", "shipping-list-json", "shipping-list-xml",
    }  # fmt: skip
    assert all(profile.about for profile in profiles.values())


CIS = (
    "Installation no.;Customer no.;Name;Street;House no.;Address line 2;Postal code;City;Telephone;E-mail;Latitude;"
    "Longitude;Move-in date;Move-out date;Make;Meter no.;Installation date;Tariff\r\n"
    "P1;C1;Customer Ærø;Meadow Lane;12 B;;1000;Northtown;+45 12 34 56 78;c1@example.org;56,1234;9,5;01-02-2024;;"
    "Kamstrup;90000001;31-12-2024;T1\r\n"
)


def test_a_customer_information_system_exports_semicolons_and_decimal_commas(meters, customers, registry) -> None:
    meters(METERS)
    profile = find_profile("cis-customers", "customers", Path("nowhere"))

    class Text(str):
        def encode(self, *_: object) -> bytes:  # type: ignore[override]
            return CIS.encode("cp1252")

    report = customers(Text(), mode=ImportMode(profile))
    assert (report.added, report.rejected.height) == (1, 0)
    assert report.warnings == ("customers.csv has columns that are not used: Tariff.",)
    with registry.begin(readonly=True) as session:
        customer = session.scalars(select(Customer)).one()
    assert (customer.name, customer.address, customer.latitude) == ("Customer Ærø", "Meadow Lane 12 B", "56.1234")
    assert customer.telephone == "+45 12 34 56 78"
    assert str(customer.occupied_from) == "2024-01-31 23:00:00+00:00"
    installed = published_tables(registry)["installations"]["installed_at"].item()
    assert str(installed) == "2024-12-30 23:00:00+00:00"


def test_a_fixed_width_export(meters, customers, registry) -> None:
    meters(METERS)
    line = (
        f"{'P1':<10}{'C1':<10}{'Customer Åse':<30}{'Meadow Lane 12':<30}{'1000':<6}{'Northtown':<20}{'':<16}"
        f"KAM{'90000001':<8}20241231"
    )
    assert len(line) == 141
    profile = find_profile("cis-customers-fixed", "customers", Path("nowhere"))
    assert lines(f"{line}\n\x1a".encode("latin-1"), profile)[0]["name"] == "Customer Åse"
    report = customers(line.replace("Å", "A"), mode=ImportMode(profile))
    assert (report.added, report.rejected.rows()) == (1, [])
    short = customers(f"{line.replace('Å', 'A')}\n{'P2':<10}C2\n", mode=ImportMode(profile))
    assert short.rejected.rows() == [(2, "no serial")]


def test_a_list_of_an_older_radio_mesh_system(meters, registry) -> None:
    text = (
        f"Meter number;Product;Medium;Encryption key\nNo. 90000001;MULTICAL 21;Water;{KEY}\n"
        "90000002;MULTICAL 602;Heat;\nunknown;MULTICAL 602;Heat;\n90000003;Something else;Water;\n"
    )
    report = meters(text, mode=ImportMode(shipped_profiles()["radio-mesh"], partial=True))
    assert report.added == 2
    assert report.rejected.rows() == [
        (4, "serial is not of the profile's form"),
        (5, "version is longer than 8 characters"),
    ]
    found = published_tables(registry)["meters"].select("meter_id", "medium", "model", "key_status").sort("meter_id")
    assert found.rows() == [
        ("KAM-90000001-1b-16", "water", "MULTICAL 21", "unverified"),
        ("KAM-90000002-1c-04", "heat", "MULTICAL 602", "missing"),
    ]


def test_a_shipment_with_concentrators_is_counted_by_class(meters, registry) -> None:
    header = "Device;Manufacturer;Serial number;Version;Device type;Product;Medium;Encryption key\n"
    text = header + "".join(f"Meter;KAM;{90000000 + n};1b;16;flowIQ 2100;Water;{n:032x}\n" for n in range(98))
    text += "".join(f"Concentrator;KAM;{71000000 + n};;;Reader;;\n" for n in range(16))
    text += "M-Bus master;KAM;72000000;;;Master;;\n"
    mode = ImportMode(shipped_profiles()["shipping-list"])
    report = meters(text, "stock", mode=mode)
    assert dict(report.classes) == {"meter": 98, "concentrator": 16, "mbus_master": 1}
    assert (report.added, report.rejected.height) == (115, 0)
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(Meter.state).distinct()).all() == ["stock"]
        assert len(session.scalars(select(Collector)).all()) == 17
    assert meters(text, mode=mode).unchanged == 115
    details = published_events(registry)["details"].to_list()[0]
    assert '"concentrator": 16' in details
    assert meters(header + "Lamp;KAM;1;;;;;\n", mode=mode).rejected.rows() == [
        (2, "the device_class is none of meter, concentrator, mbus_master")
    ]


def test_collectors_of_a_shipment_stand_where_it_says(meters, registry) -> None:
    header = "manufacturer,serial,version,device_type,device_class,collector,latitude,longitude\n"
    roof = "KAM,71000001,,,concentrator,roof,55.5,12.25\n"
    report = meters(header + roof + "KAM,71000002,,,mbus_master,cellar,,\nKAM,90000001,1b,16,,,1,\n")
    assert (report.added, report.updated, report.unchanged, report.rejected.height) == (3, 0, 0, 0)
    with registry.begin(readonly=True) as session:
        noted = {row.collector: collectors.place_of(row) for row in collectors.collectors(session, "default")}
    assert noted == {"roof": Place(55.5, 12.25), "cellar": None}, "coordinates of a meter's line are none of its own"

    moved = meters(header + roof.replace("12.25", "12.5") + "KAM,71000002,,,mbus_master,cellar,,\n")
    assert (moved.added, moved.updated, moved.unchanged) == (0, 1, 1)
    again = meters(header + "KAM,71000001,,,concentrator,roof,,\n")
    assert (again.updated, again.unchanged) == (0, 1), "a file that says nothing of a place takes none away"
    with registry.begin(readonly=True) as session:
        assert collectors.place_of(collectors.get(session, "default", "roof")) == Place(55.5, 12.5)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("55.5,", "latitude and longitude go together"),
        ("95.5,12.0", "latitude is no number of degrees"),
        ("55.5,east", "longitude is no number of degrees"),
    ],
)
def test_collector_that_stands_nowhere_on_earth_is_rejected(meters, place: str, reason: str) -> None:
    header = "manufacturer,serial,version,device_type,device_class,collector,latitude,longitude\n"
    report = meters(f"{header}KAM,71000001,,,concentrator,roof,{place}\n")
    assert report.rejected.rows() == [(2, reason)]


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16", b""), ("utf-16-le", b"\xff\xfe"),
                           ("latin-1", b""), ("cp1252", b""), ("cp850", b"")]
)  # fmt: skip
def test_encodings(encoding: str, mark: bytes) -> None:
    profile = customers_profile(f"encoding: {encoding}\nown_names: true")
    content = mark + "metering_point,customer_number,serial,name\nP1,C1,1,Åse Ørn\n".encode(encoding)
    assert [line["name"] for line in lines(content, profile)] == ["Åse Ørn"]


@pytest.mark.parametrize(
    ("said", "other", "reason"),
    [
        ("utf-8", "latin-1", "a text is not UTF-8"),
        ("utf-8", "cp1252", "a text is not UTF-8"),
        ("cp1252", "utf-8", "a text is UTF-8, not CP1252"),
        ("latin-1", "utf-8", "a text is UTF-8, not LATIN-1"),
    ],
)
def test_mixed_encodings_are_told_line_by_line(said: str, other: str, reason: str) -> None:
    profile = customers_profile(f"encoding: {said}\nown_names: true")
    content = "metering_point,customer_number,serial,name\nP1,C1,1,Åse\n".encode(said)
    content += "P2,C2,2,Ørn\n".encode(other) + b"P3,C3,3,plain\n"
    assert [line["reason"] for line in lines(content, profile)] == [None, reason, None]


def test_a_file_in_quite_another_encoding_is_refused() -> None:
    profile = customers_profile("own_names: true")
    with pytest.raises(RegistryError, match="UTF-16"):
        lines("metering_point\n".encode("utf-16"), profile)
    with pytest.raises(RegistryError, match="binary"):
        lines("metering_point,customer_number\n".encode("utf-16-le"), profile)


@pytest.mark.parametrize("header", [True, False])
def test_columns_go_by_header_or_by_position(header: bool) -> None:
    profile = customers_profile(f"header: {str(header).lower()}\nseparator: '|'\n{NEEDED}")
    text = "a|b|c\nP1|C1|'1\n"
    found = lines(text, profile)
    assert [line["metering_point"] for line in found] == (["P1"] if header else ["a", "P1"])


def test_numbers_with_marks() -> None:
    profile = customers_profile("decimal_mark: ','\nthousands_mark: '.'\nseparator: ';'\nown_names: true")
    header = "metering_point;customer_number;serial;latitude\n"
    found = lines(header + "".join(f"P;C;1;{text}\n" for text in ("1.234,5", "56,25", "1.5", "7")), profile)
    assert [line["latitude"] for line in found] == ["1234.5", "56.25", "15", "7"]
    assert [line["reason"] for line in found] == [
        None, None, "latitude is no number as the profile writes them", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "written", "read"),
    [
        ("%d-%m-%Y", "31-01-2025", "2025-01-31"),
        ("%d.%m.%y", "31.01.25", "2025-01-31"),
        ("%Y%m%d", "20250131", "2025-01-31"),
        ("%d/%m/%Y %H:%M", "31/01/2025 13:05", "2025-01-31T13:05:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "2025-01-31T13:05:00+0100", "2025-01-31T12:05:00Z"),
        ("%d-%m-%Y", "2025-01-31", None),
        ("%d-%m-%Y", "31-02-2025", None),
    ],
)
def test_forms_of_dates(form: str, written: str, read: str | None) -> None:
    profile = customers_profile(f"date_format: '{form}'\nown_names: true")
    line = lines(f"metering_point,customer_number,serial,installed_at\nP,C,1,{written}\n", profile)[0]
    assert line["installed_at"] == read
    assert line["reason"] == (None if read else f"installed_at is no {form}")


def test_the_zone_of_a_profile_wins(meters, customers, registry) -> None:
    meters(METERS)
    profile = customers_profile("time_zone: America/New_York\nown_names: true")
    customers(
        "metering_point,customer_number,serial,installed_at\nP1,C1,90000001,2025-01-01\n", mode=ImportMode(profile)
    )
    assert str(published_tables(registry)["installations"]["installed_at"].item()) == "2025-01-01 05:00:00+00:00"


def test_texts_are_mapped_joined_and_transformed() -> None:
    profile = customers_profile(
        "fields:\n"
        "  metering_point: {column: [Road, No], transforms: [upper]}\n"
        "  customer_number: {column: Id, transforms: [{extract: 'C-([0-9]+)'}, {zero_pad: 6}]}\n"
        "  serial: {column: Meter, values: {A: '1', B: '2'}}\n"
        "  city: {constant: Northtown}\n"
    )
    found = lines('Road,No,Id,Meter\nmill st,1,C-12,A\n"mill, st",,C-13,C\nx,1,D-1,B\n', profile)
    assert [(line["metering_point"], line["customer_number"], line["serial"], line["city"]) for line in found] == [
        ("MILL ST 1", "000012", "1", "Northtown"),
        ("MILL, ST", "000013", "C", "Northtown"),
        ("X 1", None, "2", "Northtown"),
    ]
    assert found[2]["reason"] == "customer_number is not of the profile's form"


def test_a_file_that_lacks_what_the_profile_names() -> None:
    profile = customers_profile("fields: {metering_point: Point, customer_number: No, serial: Meter, name: Name}")
    with pytest.raises(RegistryError, match=r"lacks the columns No, Meter in its first line\.$"):
        lines("Point,Name\n", profile)
    with pytest.raises(RegistryError, match="Is ',' what separates its fields"):
        lines("Point;No;Meter;Name\n", profile)
    read = read_lines(b"point, no ,METER\nP,C,1\n", "f.csv", profile)
    assert read.warnings == ("f.csv has no column Name (for name).",)
    assert read.table["metering_point"].to_list() == ["P"]


def test_unknown_columns_are_named_but_never_a_key() -> None:
    profile = shipped_profiles()["meters"]
    header = f"manufacturer,serial,version,device_type,colour,{KEY}," + ",".join(f"x{n}" for n in range(20))
    warning = read_lines(f"{header}\n".encode(), "meters.csv", profile).warnings[0]
    assert warning.startswith("meters.csv has columns that are not used: colour, no. 6, x0, x1")
    assert warning.endswith("x7 and 12 more.")
    assert KEY not in warning


def test_lines_that_no_table_should_hold() -> None:
    profile = customers_profile("own_names: true")
    header = "metering_point,customer_number,serial,name\n"
    cases = {
        "P,C,1,=HYPERLINK(1)": "name looks like a formula",
        "P,C,1,@SUM(A1)": "name looks like a formula",
        "P,C,1,+A1+A2": "name looks like a formula",
        "P,C,1,-cmd": "name looks like a formula",
        "P,C,1,+1+1": "name looks like a formula",
        f"P,C,1,{'x' * 201}": "name is longer than 200 characters",
        f"P,C,1,{'x' * 200_000}": "no CSV: field larger than field limit (131072)",
        "P,C,1,a\x07b": "name holds a control character",
        "P,C": "2 fields instead of 4",
    }
    found = lines(header + "".join(f"{line}\n" for line in cases) + "P,C,1,good\n", profile)
    assert [line["reason"] for line in found] == [*cases.values(), None]
    assert [line["source_line"] for line in found] == list(range(2, len(cases) + 3))
    swallowed = lines(header + 'P,C,1,"open\nP2,C2,2,x\nP3,C3,3,y\n', profile)
    assert [(line["source_line"], line["reason"]) for line in swallowed] == [
        (2, "a field runs from line 2 to 4: no line break may stand in it")
    ]


def test_a_telephone_number_is_no_formula() -> None:
    profile = customers_profile("own_names: true")
    found = lines("metering_point,customer_number,serial,telephone\nP,C,1,+45 (12) 34-56\n", profile)
    assert (found[0]["telephone"], found[0]["reason"]) == ("+45 (12) 34-56", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "holds no settings"),
        ("kind: [", "no YAML that is taken"),
        ("kind: customers\nabout: &a x\nfields: *a\n", "aliases are not taken"),
        ("kind: customers\nkind: meters\n", "'kind' stands twice"),
        ("kind: customers\nabout: !!python/object/apply:os.getcwd []\n", "no YAML that is taken"),
        (f"kind: customers\nabout: {'[' * 20}{']' * 20}\n", "nested too deeply"),
        ("kind: bananas\n", "kind: Input should be"),
        ("kind: customers\nown_names: true\ncolour: red\n", "colour: Extra inputs"),
        ("kind: customers\nown_names: true\nfields: {colour: X}\n", "customers have no field 'colour'"),
        ("kind: customers\nfields: {serial: X}\n", "customers need metering_point, customer_number"),
        ("kind: customers\nown_names: true\nseparator: ab\n", "separator"),
        ("kind: customers\nown_names: true\nencoding: rot13\n", "encoding"),
        ("kind: customers\nown_names: true\nheader: false\n", "without a header"),
        ("kind: customers\nown_names: true\ndate_format: '%Q'\n", "needs day, month and year"),
        ("kind: customers\nown_names: true\ntime_zone: Nowhere/At_all\n", "no IANA time zone"),
        ("kind: customers\nown_names: true\ndecimal_mark: ','\nthousands_mark: ','\n", "are the same"),
        ("kind: customers\nown_names: true\nfields: {name: {column: A, constant: B}}\n", "either column, or start"),
        ("kind: customers\nown_names: true\nfields: {name: {start: 1}}\n", "start and width go together"),
        ("kind: customers\nown_names: true\nfields: {name: {start: 1, width: 2}}\n", "do not go with columns"),
        ("kind: customers\nown_names: true\nfields: {name: {column: A, transforms: [{extract: '('}]}}\n", "regular"),
        ("kind: customers\nown_names: true\nfields: {name: {column: A, transforms: [{extract: 'a'}]}}\n", "no group"),
        ("kind: customers\nown_names: true\nfields: {name: {column: A, values: {NO: 1}}}\n", "valid string"),
        (f"kind: customers\nabout: {'x' * 70_000}\n", "larger than 64 kB"),
    ],
)
def test_profiles_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=r"The profile own") as caught:
        load_profile("own", text.encode())
    assert message in str(caught.value)


def test_a_profile_survives_its_file_and_imports(meters, customers, tmp_path: Path) -> None:
    meters(METERS)
    folder = tmp_path / "profiles"
    profile = Profile(
        name="waterworks",
        kind="customers",
        separator=";",
        decimal_mark=",",
        date_format="%d.%m.%Y",
        fields={
            "metering_point": {"column": "Anlage"},
            "customer_number": {"column": 2},
            "serial": {"column": "Zähler", "transforms": [{"extract": "([0-9]+)"}, {"zero_pad": 8}]},
            "manufacturer": {"constant": "KAM"},
            "city": {"column": "Ort", "values": {"NT": "Northtown"}},
            "installed_at": "Einbau",
        },
    )
    file = save_profile(profile, folder)
    assert file.read_text() == to_yaml(profile)
    again = find_profile("waterworks", "customers", folder)
    assert again == profile
    assert find_profile(str(file), "customers", tmp_path) == profile
    assert list_profiles(folder)["waterworks"] == profile
    text = "Anlage;Kunde;Zähler;Ort;Einbau\nP1;C1;Nr. 90000001;NT;01.02.2025\n"
    assert customers(text, mode=ImportMode(again)).added == 1


def test_profiles_that_are_not_found(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"no profile 'nonsense'; there are cis-customers, .*name a .yaml file"):
        find_profile("nonsense", "customers", tmp_path)
    with pytest.raises(ProfileError, match="is for customers, not for meters"):
        find_profile("cis-customers", "meters", tmp_path)
    with pytest.raises(ProfileError, match="cannot be read"):
        find_profile(str(tmp_path / "absent.yaml"), "meters", tmp_path)
    with pytest.raises(ProfileError, match="no profile"):
        find_profile("../profiles/x", "meters", tmp_path)
    with pytest.raises(ProfileError, match="comes with Meterhouse"):
        save_profile(shipped_profiles()["meters"], tmp_path)
    with pytest.raises(ProfileError, match="the drop for key files"):
        save_profile(shipped_profiles()["meters"].model_copy(update={"name": "keys"}), tmp_path)
