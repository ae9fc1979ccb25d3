"""The list of meters and one meter: what is shown, found, edited, exchanged, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry.models import AuditEvent, Exchange, Installation, Meter
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, OWNER, READER, Opened, messages
from tests.unit.dashboards.registered import registry_of


def listed(app: AppTest) -> list[str]:
    assert not app.exception
    return list(app.dataframe[0].value["serial"])


def test_list_shows_meters_with_address_latest_reading_and_open_codes(open_page: Opened) -> None:
    app = open_page("meters", viewer=READER)

    rows = app.dataframe[0].value.set_index("serial")
    assert listed(app) == ["10000001", "10000002", "20000001", "30000001", "40000001"]
    assert rows.loc["10000002", "address"] == "Sample Street 1"
    assert rows.loc["10000002", "info_codes"] == "● Dry"
    assert float(rows.loc["10000002", "reading"]) == 69
    assert rows.loc["30000001", "state"] == "in stock"
    assert "5 meters" in messages(app)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"text": "street 2"}, ["20000001"]),
        ({"text": "c1003"}, ["40000001"]),
        ({"text": "P-2"}, ["20000001"]),
        ({"text": "403"}, ["40000001"]),
        ({"state": "stock"}, ["30000001"]),
        ({"state": ["stock", "removed"]}, ["10000001", "30000001"]),
        ({"medium": "heat"}, ["40000001"]),
        ({"group": "Harbour"}, ["10000002", "20000001"]),
        ({"sort": "serial", "down": "true"}, ["40000001", "30000001", "20000001", "10000002", "10000001"]),
        ({"state": "nonsense", "medium": "lava", "sort": "height", "page": "-7"}, None),
    ],
)
def test_list_is_searched_and_filtered_by_its_address(
    open_page: Opened, address: dict[str, str | list[str]], expected: list[str] | None
) -> None:
    found = listed(open_page("meters", **address))

    assert found == expected if expected else len(found) == 5


def test_nothing_found_says_what_to_do(open_page: Opened) -> None:
    assert "Take a filter away" in messages(open_page("meters", text="nowhere"))


def test_empty_installation_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    assert "meterhouse import meters" in messages(open_page("meters", home=house.empty_home(tmp_path / "home")))


def test_list_of_who_may_see_single_meters_has_those_alone(open_page: Opened) -> None:
    mine = replace(READER, meters=frozenset({house.OTHER}))

    assert listed(open_page("meters", viewer=mine)) == ["20000001"]
    assert "No meter KAM-10000002-1b-16" in messages(open_page("meters", viewer=mine, meter=house.NEW))


def test_another_organisation_sees_its_own_meters(open_page: Opened) -> None:
    theirs = replace(ANALYST, organisation=house.NEIGHBOUR)

    assert listed(open_page("meters", viewer=theirs)) == ["50000001"]
    assert "No meter" in messages(open_page("meters", viewer=theirs, meter=house.NEW))


def facts(app: AppTest) -> str:
    assert not app.exception
    return " ".join(str(table.value.to_dict()) for table in app.table)


def test_meter_says_what_and_where_it_is_and_what_it_showed(open_page: Opened) -> None:
    app = open_page("meters", meter="10000002", viewer=READER)

    assert "Sample Street 1, 1000 Sampletown" in facts(app)
    assert "flowIQ 2200" in facts(app)
    assert "missing" in facts(app), "what is known of its key"
    assert list(app.dataframe[0].value["volume_m3"].astype(float)) == [69, 68]
    assert app.button_group[0].options[-1] == "Comments", "a reader is offered nothing that changes it"


@pytest.mark.parametrize(
    ("part", "column", "expected"),
    [("codes", "info_code", ["Dry", "Leak"]), ("history", "metering_point", ["P-1"])],
)
def test_parts_of_a_meter(open_page: Opened, part: str, column: str, expected: list[str]) -> None:
    app = open_page("meters", meter=house.NEW, part=part)

    assert list(app.dataframe[0].value[column]) == expected


def test_meter_without_anything_says_so(open_page: Opened) -> None:
    app = open_page("meters", meter=house.SPARE)

    assert "No reading of this meter" in messages(app)
    assert "installed nowhere" in " ".join(element.value for element in app.markdown)


def test_who_was_deleted_is_shown_as_such_and_can_be_restored(open_page: Opened, home: Path) -> None:
    app = open_page("meters", home=home, viewer=OWNER, meter=house.SPARE, part="state")
    app.selectbox(key=f"state_{house.SPARE}_action").select("deleted").run()
    app.button(key=f"state_{house.SPARE}_do").click().run()
    assert "was deleted on" in messages(app)

    app = open_page("meters", home=home, viewer=OWNER, meter=house.SPARE, part="state")
    assert app.selectbox(key=f"state_{house.SPARE}_action").options == ["Restore"]
    app.button(key=f"state_{house.SPARE}_do").click().run()

    with registry_of(home).begin(readonly=True) as session:
        assert session.get(Meter, (house.ORGANISATION, house.SPARE)).state == "stock"


def test_only_changes_that_the_state_allows_are_offered(open_page: Opened) -> None:
    app = open_page("meters", viewer=OWNER, meter=house.NEW, part="state")

    assert app.selectbox(key=f"state_{house.NEW}_action").options == ["Put in stock", "Take out of use"]


def test_edit_is_kept_with_its_event(open_page: Opened, home: Path) -> None:
    app = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="edit")
    app.text_input(key=f"edit_{house.NEW}_model").set_value("flowIQ 3200")
    save(app)

    assert f"{house.NEW} is saved" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.get(Meter, (house.ORGANISATION, house.NEW)).model == "flowIQ 3200"
        event = session.query(AuditEvent).filter_by(object=house.NEW).one()
    assert (event.event, event.identity) == ("meter.edit", "local:test")


def save(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Save").click().run()


def test_the_second_of_two_hears_who_changed_the_meter(open_page: Opened, home: Path) -> None:
    first = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="edit")
    second = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="edit")
    first.text_input(key=f"edit_{house.NEW}_model").set_value("flowIQ 3200")
    save(first)
    second.text_input(key=f"edit_{house.NEW}_meter_number").set_value("W-7")
    save(second)

    assert f"local:test changed {house.NEW} on" in messages(second)
    with registry_of(home).begin(readonly=True) as session:
        assert session.get(Meter, (house.ORGANISATION, house.NEW)).meter_number is None


def test_edit_without_the_right_is_neither_offered_nor_done(open_page: Opened, home: Path) -> None:
    hidden = open_page("meters", home=home, viewer=READER, meter=house.NEW, part="edit")
    assert not hidden.text_input

    app = open_page("meters", home=home, viewer=ANALYST, meter=house.NEW, part="edit")  # unknown to the registry
    app.text_input(key=f"edit_{house.NEW}_model").set_value("flowIQ 3200")
    save(app)

    assert "no right for this" in messages(app)


@pytest.mark.usefixtures("vault")
def test_exchange_puts_the_new_meter_in_the_place_of_the_old_one(open_page: Opened, home: Path) -> None:
    key = f"exchange_{house.NEW}"
    app = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="exchange")
    assert "Choose the new meter" in messages(app)
    app.selectbox(key=f"{key}_new").select(house.SPARE)
    app.text_input(key=f"{key}_final_volume_m3").set_value("68.5").run()
    assert "lies below the latest reading" in messages(app)
    app.text_input(key=f"{key}_final_volume_m3").set_value("1,070.25").run()
    app.button(key=f"{key}_do").click().run()
    assert f"{house.NEW} was exchanged for {house.SPARE}" in messages(app)

    with registry_of(home).begin(readonly=True) as session:
        row = session.query(Exchange).one()
        here = session.query(Installation).filter_by(
            metering_point="P-1", removed_at=None, known_to=None, organisation="default"
        )
        assert (row.metering_point, row.old_meter_id, row.new_meter_id) == ("P-1", house.NEW, house.SPARE)
        assert (float(row.old_final), float(row.new_initial)) == (1070.25, 0)
        assert here.one().meter_id == house.SPARE
        assert session.get(Meter, (house.ORGANISATION, house.NEW)).state == "removed"
        events = {row.event for row in session.query(AuditEvent).filter_by(identity="local:test")}
    assert "exchange.enter" in events
    assert "Exchange" not in app.button_group[0].options, "it is installed nowhere now"


@pytest.mark.usefixtures("vault")
def test_what_is_typed_wrong_in_an_exchange_is_said_and_nothing_is_changed(open_page: Opened, home: Path) -> None:
    key = f"exchange_{house.NEW}"
    app = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="exchange")
    app.selectbox(key=f"{key}_new").select(house.SPARE)
    app.text_input(key=f"{key}_final_volume_m3").set_value("many").run()
    app.button(key=f"{key}_do").click().run()

    assert "is no value of volume_m3" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert not session.query(Exchange).count()


def test_comment_is_kept_for_the_meter(open_page: Opened, home: Path) -> None:
    app = open_page("meters", home=home, viewer=OWNER, meter=house.NEW, part="comments")
    app.text_area[0].set_value("The lid is stuck.")
    next(button for button in app.button if button.label == "Write").click().run()

    assert list(app.dataframe[0].value["comment"]) == ["The lid is stuck."]
