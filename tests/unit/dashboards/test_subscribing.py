"""What a customer chose to be told of, on the page of the meter at their metering point."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.installation import installation
from dashboards.viewer import Viewer
from registry import notifications
from registry.customers import move_out
from registry.notifications import Choice
from registry.people.rights import AREAS, DEVICE_AND_CUSTOMER_MANAGEMENT, MANAGER
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, OWNER, messages
from tests.unit.dashboards.registered import registry_of
from tests.unit.dashboards.test_configuration import opened, press

NOW = datetime(2025, 11, 4, 6, tzinfo=UTC)
OTHERS = {"identity": "local:other", "now": NOW}
KIM, PHONE = "kim@elsewhere.example", "+4587654321"


@pytest.fixture
def registry(home: Path, vault: KeyVault) -> Registry:
    return registry_of(home)


def shown(viewer: Viewer = OWNER, language: str = "en", meter: str = house.NEW) -> AppTest:
    return opened("meters", replace(viewer, language=language), meter=meter, part="subscriptions")


def widget(found, ending: str):
    (one,) = [each for each in found if each.key and each.key.endswith(ending) and each.key.startswith("subscription_")]
    return one


def fill(app: AppTest, to: str, *codes: str, alerts: bool = False) -> AppTest:
    widget(app.text_input, "_to").set_value(to)
    widget(app.multiselect, "_codes").set_value(list(codes))
    widget(app.toggle, "_alerts").set_value(alerts)
    return press(app, "Add")


def chosen(registry: Registry) -> list[tuple]:
    own = installation().vault
    with registry.begin(readonly=True) as session:
        found = notifications.subscriptions(session, own, house.ORGANISATION, "P-1")
    return [
        (rule.recipients[0], rule.info_codes and rule.info_codes.codes, rule.consumption_alerts) for *_, rule in found
    ]


def tables(app: AppTest) -> str:
    return " ".join(table.value.to_string() for table in app.table)


def test_a_choice_is_added_seen_and_ended(registry: Registry) -> None:
    app = shown()
    assert "has not chosen to be told of anything" in " ".join(element.value for element in app.markdown)
    app = fill(app, KIM, "LEAK", "BURST")
    assert "told of it as long as they live there" in messages(app)
    assert "Burst" in tables(app)
    app = fill(app, PHONE, alerts=True)
    assert chosen(registry) == [(KIM, ("LEAK", "BURST"), False), (PHONE, None, True)]

    app = fill(app, KIM, "DRY")
    assert chosen(registry) == [(PHONE, None, True), (KIM, ("DRY",), False)], "it takes the place of the former"

    first = next(button for button in app.button if button.key and button.key.startswith("end_"))
    app = first.click().run()
    assert "The choice is ended." in messages(app)
    assert chosen(registry) == [(KIM, ("DRY",), False)]
    assert PHONE.removeprefix("+") not in tables(app)


@pytest.mark.parametrize(
    ("to", "codes", "said"),
    [
        ("nobody", ["LEAK"], "e-mail address"),
        ("+12", ["LEAK"], "telephone number"),
        (KIM, [], "Nothing was chosen"),
    ],
)
def test_what_does_not_hold_is_said_and_stays_filled_in(
    registry: Registry, to: str, codes: list[str], said: str
) -> None:
    app = fill(shown(), to, *codes)
    assert said in messages(app)
    assert widget(app.text_input, "_to").value == to
    assert chosen(registry) == []


def test_where_nobody_lives_nobody_is_told(registry: Registry, vault: KeyVault) -> None:
    leave(registry)
    app = shown()
    assert "Nobody is known to live at P-1" in messages(app)
    assert not [one for one in app.text_input if one.key and one.key.startswith("subscription_")]


def test_of_two_who_decide_at_once_the_second_is_told(registry: Registry) -> None:
    app = shown()
    own = installation().vault
    with registry.begin() as session:
        notifications.subscribe(session, own, house.ORGANISATION, "P-1", KIM, Choice(("LEAK",)), **OTHERS)
    assert "local:other changed P-1" in messages(fill(app, KIM, "BURST"))
    assert chosen(registry) == [(KIM, ("LEAK",), False)]
    assert "Somebody has changed this" in messages(app.run())

    app = shown()
    with registry.begin() as session:
        notifications.unsubscribe(session, own, house.ORGANISATION, "P-1", address=KIM, **OTHERS)
    app = next(button for button in app.button if button.key and button.key.startswith("end_")).click().run()
    assert "local:other changed P-1" in messages(app)


def test_an_address_is_not_given_to_who_lives_there_after(registry: Registry) -> None:
    app = shown()
    leave(registry)
    assert "changed" in messages(fill(app, KIM, "LEAK"))
    assert chosen(registry) == []


def test_who_may_not_manage_customers_sees_no_choice(registry: Registry) -> None:
    own = installation().vault
    with registry.begin() as session:
        notifications.subscribe(session, own, house.ORGANISATION, "P-1", KIM, Choice(("LEAK",)), **OTHERS)
    app = shown(replace(OWNER, areas={MANAGER: frozenset(AREAS) - {DEVICE_AND_CUSTOMER_MANAGEMENT}}))
    assert "elsewhere.example" not in tables(app)
    assert "no right for this" in messages(fill(shown(ANALYST), PHONE, "LEAK")), "the registry is asked, too"
    assert len(chosen(registry)) == 1


def test_a_meter_in_stock_has_no_customer(registry: Registry) -> None:
    app = shown(meter="KAM-30000001-1b-16")
    assert "Messages to the customer" not in str([one.options for one in app.selectbox])
    assert not [one for one in app.text_input if one.key and one.key.startswith("subscription_")]


def test_info_codes_have_the_names_of_the_language(registry: Registry) -> None:
    options = widget(shown(language="da").multiselect, "_codes").options
    assert "Lækage (LEAK)" in options


def leave(registry: Registry) -> None:
    own = installation().vault
    move_out(registry, own, organisation=house.ORGANISATION, metering_point="P-1", at=NOW, **OTHERS)
