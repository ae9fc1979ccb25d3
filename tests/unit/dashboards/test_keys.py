"""The page Keys: files of keys, labels, devices that are handed over, bundles of field devices."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from assets.installation import Installation, open_installation
from registry import claims, key_export, labels
from registry.keys import NewKey, store_keys
from registry.models import AuditEvent, KeyBundle, Meter
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, messages, pick
from tests.unit.dashboards.test_configuration import ALMIGHTY, opened

KEY = bytes(range(16))
PASSWORD = "Correct-Horse-7"
BY = {"identity": "local:test", "now": datetime(2026, 1, 1, tzinfo=UTC)}

pytestmark = pytest.mark.usefixtures("vault")


@pytest.fixture
def here(home: Path) -> Installation:
    """The small installation with a key for each of two meters, one of which is claimed."""
    made = open_installation(home)
    with made.registry.begin() as session:
        keys = [NewKey(meter, KEY) for meter in (house.NEW, house.OTHER)]
        store_keys(session, made.vault, "default", keys, BY["now"], identity="local:test")
        claims.claim_serials(session, made.vault, "default", [house.NEW], **BY)
        claims.decide(session, made.vault, "default", confirm=True, meter_ids=[house.NEW], **BY)
    return made


def chosen(meter: str, viewer=ALMIGHTY) -> AppTest:
    """The page with a device that is chosen."""
    app = opened("keys", viewer)
    rows = app.dataframe[0].value["meter_id"].to_list()
    return pick(app, "devices", rows.index(meter))


def typed(app: AppTest, key: str, password: str = PASSWORD, again: str = PASSWORD) -> AppTest:
    app.text_input(key=f"{key}_password").set_value(password)
    app.text_input(key=f"{key}_password_again").set_value(again)
    return app.run()


def made_file(app: AppTest, key: str) -> bytes:
    return app.session_state[f"{key}_file"][1]


def is_off(app: AppTest, key: str) -> bool:
    return app.button(key=key).disabled


def test_keys_of_a_claimed_device_are_handed_out_under_a_password(here: Installation) -> None:
    app = chosen(house.NEW)
    assert is_off(app, "make_key_file")
    assert "two passwords differ" in messages(typed(app, "key", again="another"))
    assert is_off(app, "make_key_file")

    app = typed(app, "key").button(key="make_key_file").click().run()

    assert "keys of 1 devices is ready" in messages(app)
    file = made_file(app, "key")
    assert KEY.hex().upper() in key_export.open_file(file, "keys.mhk", PASSWORD, now=BY["now"]).table
    assert KEY.hex().upper() not in str(app)
    assert "take_key_file" in downloads(app)
    with here.registry.begin(readonly=True) as session:
        event = session.query(AuditEvent).filter_by(event="keys.download").one()
    assert (event.identity, event.object) == ("local:test", house.NEW)


def test_file_of_other_devices_is_not_handed_over(here: Installation) -> None:
    app = typed(chosen(house.NEW), "key").button(key="make_key_file").click().run()
    assert "take_key_file" in downloads(app)

    rows = app.dataframe[0].value["meter_id"].to_list()
    app = pick(app, "devices", rows.index(house.OTHER))

    assert "take_key_file" not in downloads(app)


def downloads(app: AppTest) -> str:
    """Ids of the buttons that hand something over."""
    return " ".join(button.proto.id for button in app.get("download_button"))


def test_keys_of_a_device_that_is_not_claimed_are_refused_and_it_is_named(here: Installation) -> None:
    app = typed(chosen(house.OTHER), "key").button(key="make_key_file").click().run()

    assert f"not claimed: {house.OTHER}" in messages(app)
    assert "key_file" not in app.session_state


def test_short_password_is_refused(here: Installation) -> None:
    app = typed(chosen(house.NEW), "key", "abc", "abc").button(key="make_key_file").click().run()

    assert app.error
    assert "key_file" not in app.session_state


def test_who_has_no_right_gets_no_file(here: Installation) -> None:
    viewer = replace(ALMIGHTY, identity=ANALYST.identity)

    app = typed(chosen(house.NEW, viewer), "key").button(key="make_key_file").click().run()

    assert "no right for this" in messages(app)
    assert "key_file" not in app.session_state


def test_label_is_put_on_and_taken_off(here: Installation) -> None:
    app = chosen(house.NEW)
    app.text_input(key="label_word").set_value("roof").run()
    app = app.button(key="put_label").click().run()
    assert "1 devices are changed." in messages(app)
    rows = app.dataframe[0].value.set_index("meter_id")
    assert rows.loc[house.NEW, "labels"] == "roof"

    app = chosen(house.NEW)
    assert "There are already: roof." in messages(app)
    app.text_input(key="label_word").set_value("roof").run()
    app = app.button(key="take_label").click().run()

    assert "1 devices are changed." in messages(app)
    with here.registry.begin(readonly=True) as session:
        assert labels.labels_of(session, "default", [house.NEW]) == {}


def test_claimed_device_is_handed_over_with_its_key(here: Installation) -> None:
    app = chosen(house.NEW)
    app.text_input(key="target").set_value("neighbour").run()
    app = app.button(key="transfer").click().run()

    assert "1 devices are neighbour's now." in messages(app)
    with here.registry.begin(readonly=True) as session:
        assert session.get_one(Meter, ("neighbour", house.NEW)).state == "stock"
        assert session.query(AuditEvent).filter_by(event="meters.transfer").first().identity == "local:test"


def test_device_that_is_not_claimed_is_not_handed_over(here: Installation) -> None:
    app = chosen(house.OTHER)
    app.text_input(key="target").set_value("neighbour").run()

    app = app.button(key="transfer").click().run()

    assert "Only claimed devices can be handed over" in messages(app)
    with here.registry.begin(readonly=True) as session:
        assert session.get(Meter, ("neighbour", house.OTHER)) is None


def test_bundle_holds_the_keys_of_its_route_alone_and_is_revoked(here: Installation) -> None:
    app = opened("keys", part="bundles")
    assert "No bundle was handed out yet." in messages(app)
    app.selectbox(key="route").set_value("Harbour")
    app.text_input(key="bundle_device").set_value("walker-1")
    app = typed(app, "bundle").button(key="make_bundle_file").click().run()
    assert "The bundle for walker-1 is ready" in messages(app)
    content = made_file(app, "bundle")
    table = key_export.open_file(content, "Harbour.mhk", PASSWORD, now=datetime.now(UTC)).table
    assert table.count(KEY.hex().upper()) == 2

    app = opened("keys", part="bundles")
    rows = app.dataframe[0].value
    assert rows[["device", "bundle_state", "meters"]].values.tolist() == [["walker-1", "holds", 2]]
    app = pick(app, "bundles", 0).button(key="revoke").click().run()

    assert "1 bundles are revoked" in messages(app)
    assert app.dataframe[0].value["bundle_state"].to_list() == ["revoked"]
    app = app.button(key="list").click().run()
    listed = json.loads(app.session_state["revocation_list"])
    with here.registry.begin(readonly=True) as session:
        assert listed["revoked"] == [session.query(KeyBundle).one().bundle]


def test_bundle_of_a_group_without_keys_is_refused(here: Installation) -> None:
    app = opened("keys", part="bundles")
    app.selectbox(key="route").set_value("Nobody")
    app.text_input(key="bundle_device").set_value("walker-1")

    app = typed(app, "bundle").button(key="make_bundle_file").click().run()

    assert "None of these meters has a key" in messages(app)
