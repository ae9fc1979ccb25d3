"""Formats and destinations of files, and a file by hand."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from assets.steps.export_settings import open_destination
from connectors.destinations import SftpDestination
from dashboards.installation import installation
from dashboards.viewer import Viewer
from exports.formats import shipped_document
from registry.exports import destinations, formats
from registry.people.rights import AREAS, MANAGER
from registry.trail import Filter, events
from registry.vault import KeyVault
from tests.unit.dashboards import exporting, house
from tests.unit.dashboards.conftest import OWNER, READER, messages
from tests.unit.dashboards.registered import registry_of
from tests.unit.dashboards.test_configuration import opened, press

SECRET = "correct horse battery"
PIN = "sftp.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1kXtVOkRYPX3GuJkY7AYQUhYzRyHU4MpLmSp5cSJ5w"
DOCUMENT = "document_consumption-csv_0"


@pytest.mark.parametrize(
    ("name", "said"),
    [("parquet", "It is a binary one"), ("ready-csv", "Constructed rows"), ("mscons", "needs a sender and a receiver")],
)
def test_a_format_shows_its_first_lines_or_says_what_it_needs(home: Path, name: str, said: str) -> None:
    app = press(opened("export_formats", READER, format=name), "Show the first lines")

    assert said in messages(app)
    first = [code.value.splitlines()[0].split(";")[:2] for code in app.code]
    assert first == ([["Serial number", "Meter number"]] if name == "ready-csv" else [])


def test_first_lines_are_those_of_the_document_that_is_edited(home: Path) -> None:
    app = opened("export_formats", OWNER, format="consumption-csv")
    text = shipped_document("consumption-csv")
    app.text_area(key=DOCUMENT).set_value(text.replace('","', '"|"'))
    app = press(app.run(), "Show the first lines")
    assert app.code[0].value.splitlines()[-1].count("|") > 3

    app.text_area(key=DOCUMENT).set_value("layout: delimited\nseparater: x\n")
    app = press(app.run(), "Show the first lines")
    assert "'separater' is no setting here" in messages(app)
    app = press(app, "Save")
    assert "'separater' is no setting here" in messages(app)


def test_a_shipped_format_is_copied_changed_and_removed(home: Path) -> None:
    registry = registry_of(home)
    app = opened("export_formats", OWNER, format="consumption-csv")
    app.text_area(key=DOCUMENT).set_value(shipped_document("consumption-csv").replace("title: ", "title: Our "))
    app.text_input(key="name_consumption-csv_0").set_value("ours")
    app = press(app.run(), "Save")

    assert "Version 1 of the format ours holds." in messages(app)
    assert app.selectbox(key="format").value == "ours"
    rows = app.dataframe[0].value.set_index("export_format")
    assert (rows.loc["ours", "format_origin"], rows.loc["consumption-csv", "format_origin"]) == ("own", "shipped")

    with registry.begin() as session:
        formats.save(
            session, house.ORGANISATION, "ours", shipped_document("ready-csv"), identity="local:b", now=exporting.NOW
        )
    area = app.text_area(key="document_ours_1")
    area.set_value(f"{area.value}# more\n")
    app = app.run()
    assert "Somebody has changed this" in messages(app)
    assert "local:b changed ours" in messages(press(app, "Save"))

    app = opened("export_formats", OWNER, format="ours")
    app.button(key="remove").click().run()
    with registry.begin(readonly=True) as session:
        assert formats.listing(session, house.ORGANISATION) == {}


def test_a_copy_takes_no_name_that_there_is(home: Path) -> None:
    with registry_of(home).begin() as session:
        formats.save(
            session, house.ORGANISATION, "ours", shipped_document("ready-csv"), identity="local:b", now=exporting.NOW
        )
    app = opened("export_formats", OWNER, format="consumption-csv")
    app.text_input(key="name_consumption-csv_0").set_value("ours")
    assert "local:b changed ours" in messages(press(app.run(), "Save"))


def test_a_reader_changes_no_format(home: Path) -> None:
    app = opened("export_formats", READER, format="consumption-csv")
    assert app.text_area(key=DOCUMENT).disabled
    assert "Save" not in {button.label for button in app.button}


def test_a_destination_is_made_without_its_secret_being_shown(home: Path, vault: KeyVault) -> None:
    app = opened("export_destinations", OWNER)
    app.selectbox(key="kind__0").set_value("sftp")
    app = fill_in(app.run(), {"Destination": "billing", "Server": "sftp.example.org", "User": "meters"})
    area(app, "Host key").set_value(PIN)
    area(app, "Password or private key").set_value(f"{SECRET}\n")
    app = press(app, "Save")

    assert "The destination billing is saved." in messages(app)
    row = app.dataframe[0].value.iloc[0]
    assert (row["place"], row["has_secret"]) == ("sftp://meters@sftp.example.org:22", True)
    registry = registry_of(home)
    with registry.begin(readonly=True) as session:
        place, secret = open_destination(session, installation().vault, house.ORGANISATION, "billing")
    assert isinstance(place, SftpDestination)
    assert (place.host_key, secret) == (PIN, SECRET.encode())

    app = opened("export_destinations", OWNER, destination="billing")
    assert area(app, "Host key").value == PIN
    assert area(app, "Password or private key").value == ""
    shown = [str(getattr(one, "value", "")) for one in (*app.text_area, *app.text_input, *app.code, *app.markdown)]
    assert SECRET not in " ".join(shown)
    assert SECRET not in str([(one.after, one.details) for one in events(registry, Filter(house.ORGANISATION))])

    app = press(app, "Save")
    with registry.begin(readonly=True) as session:
        assert open_destination(session, installation().vault, house.ORGANISATION, "billing")[1] == SECRET.encode()
    app = fill_in(opened("export_destinations", OWNER, destination="billing"), {"User": "other"})
    press(app, "Save")
    with registry.begin(readonly=True) as session:
        assert open_destination(session, installation().vault, house.ORGANISATION, "billing")[1] is None


def test_a_destination_that_is_not_understood_is_not_saved(home: Path, vault: KeyVault) -> None:
    app = fill_in(opened("export_destinations", OWNER), {"Destination": "place", "Folder": "../elsewhere"})
    app = press(app, "Save")

    assert "it is a folder inside the export folder" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert destinations.listing(session, house.ORGANISATION) == []


def test_a_destination_is_tried_and_one_in_use_stays(home: Path, vault: KeyVault) -> None:
    exporting.fill(home)
    app = press(opened("export_destinations", OWNER), "Send a test")
    assert "arrived at billing-folder." in messages(app)
    assert [path.name[:15] for path in (home / "exports" / "outgoing" / "billing").iterdir()] == ["meterhouse-test"]

    app.button(key="remove").click().run()
    assert "is that of the jobs daily-billing, monthly-heat" in messages(app)


def test_a_file_is_made_by_hand(home: Path, vault: KeyVault) -> None:
    app = opened("export_now", READER, format="ready-csv")
    assert "no right for this" in messages(press(app, "Make the file"))

    app = press(opened("export_now", OWNER, format="ready-csv", days=["2025-11-01", "2025-11-03"]), "Make the file")

    made = app.session_state["export_file"]
    assert made.name == "export_20251101_20251104_000001.csv"
    lines = made.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Serial number;Meter number")
    assert len(lines) == made.rows + 1
    assert made.rows > 0
    told = events(registry_of(home), Filter(house.ORGANISATION, event="export.file"), 1)[0]
    assert (told.identity, told.object) == ("local:test", "ready-csv")
    assert [path.name for path in (home / "exports").iterdir()] == ["outgoing"], "nothing stays but what was delivered"


def test_who_sees_some_meters_alone_gets_no_file(home: Path) -> None:
    some = Viewer("local:test", house.ORGANISATION, frozenset({house.NEW}), areas={MANAGER: frozenset(AREAS)})
    app = opened("export_now", some)
    assert "Your account sees some of them alone" in messages(app)
    assert not app.button


def test_a_long_time_is_for_jobs(home: Path) -> None:
    app = opened("export_now", OWNER, days=["2025-01-01", "2025-03-01"])
    assert "up to 31 days" in messages(app)
    assert app.button(key="make").disabled


def fill_in(app: AppTest, texts: dict[str, str]) -> AppTest:
    for label, text in texts.items():
        next(one for one in app.text_input if one.label == label).set_value(text)
    return app


def area(app: AppTest, label: str):
    return next(one for one in app.text_area if one.label == label)
