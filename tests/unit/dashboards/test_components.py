"""Tables, groups, maps and guarded actions, on a page that shows the result of a query."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import fastexcel
import polars as pl
import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboards.charts import places
from dashboards.remembering import memory
from dashboards.viewer import Viewer
from registry import audit
from registry.models import AuditEvent, Customer, Group, GroupMember, MeteringPoint
from registry.people.locale import Locale
from registry.people.spreadsheets import csv_of
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, OWNER, READER, messages, pick
from tests.unit.dashboards.registered import registry_of
from warehouse.lake import Lake
from warehouse.schemas import GROUP_MEMBERS, METERS
from warehouse.workbook import workbook


def _result(rows: int, known: str = "") -> None:
    import polars as pl
    import streamlit as st

    from dashboards.components import asking, table
    from dashboards.components import map as places_map
    from dashboards.installation import explained
    from dashboards.remembering import remembered
    from dashboards.viewer import words
    from registry.people.rights import GROUP_MANAGEMENT, Right
    from warehouse.queries import subjects

    say = words()
    asking.tell()
    with explained():
        frame = remembered(subjects.metering_points)
        many = pl.concat([frame] * (1 + rows // frame.height)).head(rows)
        asked: list[int] = []

        def completed(some: pl.DataFrame) -> pl.DataFrame:
            asked.append(some.height)
            return places_map.located(some)

        chosen = table.table(
            say, many, key="points", file_name="points", nothing="There is nothing.", completed=completed
        )
        st.text(f"{chosen.height} chosen of {asked}")
        places = places_map.placed(frame).with_columns(kind=pl.lit("meter"), manufacturer=pl.lit("KAM"))
        clicked = places_map.draw(say, places, key="map", labels=lambda some: some["metering_point"])
        if clicked is not None:
            st.text(f"clicked {clicked}")
        if known and st.button("save"):
            right = Right(GROUP_MANAGEMENT)
            asking.done(right, lambda _: asking.unchanged("1", known, "Harbour"), said=lambda _: "saved", publish=None)


def opened(viewer: Viewer = OWNER, rows: int = 3, known: str = "") -> AppTest:
    app = AppTest.from_function(_result, default_timeout=30, kwargs={"rows": rows, "known": known})
    app.session_state["viewer"] = viewer
    return app.run()


def add(app: AppTest, name: str, *, exactly: bool = False) -> AppTest:
    app.selectbox(key="points_group").set_value(name)
    app.toggle(key="points_exactly").set_value(exactly)
    app.run()
    return app.button(key="points_add").click().run()


def test_all_rows_go_into_a_group_that_is_made_for_them(home: Path) -> None:
    with registry_of(home).begin() as session:  # AppTest cannot type a name, but choose one that is gone
        session.query(Group).filter_by(group="Nobody").delete()

    app = add(opened(), "Nobody")

    assert "Nobody: 3 added, 0 removed, 0 unchanged." in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        events = [(row.event, row.identity) for row in session.query(AuditEvent).filter_by(object="Nobody")]
    assert events == [("group.new", "local:test"), ("group.add", "local:test")]
    members = Lake(home / "lake").scan(GROUP_MEMBERS).filter(group="Nobody", organisation="default").collect()
    assert sorted(members["metering_point"]) == ["P-1", "P-2", "P-3"], "published, so that pages show it"


def test_group_that_is_to_have_these_members_alone_loses_the_others(home: Path) -> None:
    app = add(opened(rows=1), "Harbour", exactly=True)

    assert "Harbour: 0 added, 1 removed, 1 unchanged." in messages(app)


def test_who_may_not_manage_groups_is_offered_none(home: Path) -> None:
    assert "points_group" not in {box.key for box in opened(READER).selectbox}
    assert "points_group" in {box.key for box in opened().selectbox}


def test_right_is_asked_for_again_when_the_action_is_done(home: Path) -> None:
    app = add(opened(ANALYST), "Nobody")  # the page thinks that they may; the registry knows no such person

    assert "no right for this (managing groups)" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.query(GroupMember).count() == 3


def test_expected_failure_is_a_sentence_and_changes_nothing(home: Path) -> None:
    with registry_of(home).begin() as session:
        session.query(MeteringPoint).filter_by(metering_point="P-3").delete()

    app = add(opened(), "Nobody")

    assert "No metering point and no installed meter: P-3. Nothing was changed." in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.query(GroupMember).count() == 3


def test_what_somebody_else_has_changed_is_not_written_over(home: Path) -> None:
    first = opened(known="1")
    next(button for button in first.button if button.label == "save").click().run()
    assert "saved" in messages(first) or "saved" in messages(first.run())
    add(opened(), "Harbour", exactly=True)
    second = opened(known="2")

    next(button for button in second.button if button.label == "save").click().run()

    assert "local:test changed Harbour on" in messages(second)
    assert "Nothing was saved" in messages(second)


def test_table_sends_one_page_of_many_rows(home: Path) -> None:
    app = opened(rows=450)

    assert len(app.dataframe[0].value) == 200
    assert "450 rows, 200 on a page" in messages(app)


def test_empty_result_says_so(home: Path) -> None:
    assert "There is nothing." in messages(opened(rows=0))


def test_only_the_rows_shown_are_completed(home: Path) -> None:
    app = opened(rows=450)

    assert [text.value for text in app.text] == ["0 chosen of [0, 200]"], "the names of the columns, and a page"
    assert "Sample Street 2" in set(app.dataframe[0].value["address"])


def test_rows_are_in_the_order_of_a_column_that_completes_them(home: Path) -> None:
    app = opened(rows=450)
    app.selectbox(key="points_by").set_value("address")
    app.toggle(key="points_down").set_value(True).run()

    assert not app.exception
    assert [text.value for text in app.text] == ["0 chosen of [0, 450, 200]"]
    shown = app.dataframe[0].value["address"].to_list()
    assert shown[0] == "Sample Street 3"
    assert shown == sorted(shown, reverse=True)
    app.selectbox(key="points_by").set_value("metering_point").run()
    assert app.dataframe[0].value["metering_point"][0] == "P-3"
    assert [text.value for text in app.text] == ["0 chosen of [0, 200]"]


def test_chosen_rows_come_back(home: Path) -> None:
    app = pick(opened(), "points", 1)

    assert [text.value for text in app.text] == ["1 chosen of [0, 3]"]


def test_map_counts_who_has_coordinates_and_shows_no_other_organisation_s(home: Path) -> None:
    app = opened()
    assert "2 of 3 have coordinates." in messages(app)
    other = opened(replace(OWNER, organisation=house.NEIGHBOUR), rows=1)
    assert "1 of 1 have coordinates." in messages(other)


def test_map_keeps_coordinates_until_the_registry_changes(home: Path) -> None:
    def note(event: str) -> None:
        audit.record(session, organisation=house.ORGANISATION, event=event, identity="local:test", now=house.KNOWN)

    assert "2 of 3 have coordinates." in messages(opened())
    with registry_of(home).begin() as session:
        customer = session.scalars(select(Customer).where(Customer.latitude.is_not(None)).limit(1)).one()
        customer.latitude = customer.longitude = None
        note("run.succeeded")
        note("user.sign_in")
    assert "2 of 3 have coordinates." in messages(opened()), "who signs in moves nobody"
    with registry_of(home).begin() as session:
        note("customer.edit")
    assert "1 of 3 have coordinates." in messages(opened())


def test_a_mark_of_several_leads_to_their_part_of_the_map(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_MARKS", 1)
    monkeypatch.setattr(places, "_CELLS", 1)
    clicks, keys = [[{"customdata": [-1]}]], []

    def click(figure: object, **options: object) -> SimpleNamespace:
        keys.append(options["key"])
        return SimpleNamespace(selection=SimpleNamespace(points=clicks.pop() if clicks else []))

    monkeypatch.setattr("dashboards.components.map.st.plotly_chart", click)
    app = opened()
    assert not app.exception
    assert "2 of 3 have coordinates. 2 are in the part that is shown." in messages(app)
    assert len(set(keys)) == 2, "what was clicked is not clicked in the part"
    (whole,) = [button for button in app.button if button.label == "Whole map"]
    with registry_of(home).begin() as session:  # meanwhile those of the part have moved away
        for customer in session.scalars(select(Customer).where(Customer.latitude.is_not(None))):
            customer.latitude = "10"
        audit.record(
            session, organisation=house.ORGANISATION, event="customer.edit", identity="local:test", now=house.KNOWN
        )
    assert "0 are in the part that is shown." in messages(app.run())
    assert not app.exception
    assert "are in the part" not in messages(whole.click().run())
    assert not app.exception


def test_of_several_at_one_place_one_is_chosen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with registry_of(home).begin() as session:
        for customer in session.scalars(select(Customer).where(Customer.latitude.is_not(None))):
            customer.latitude, customer.longitude = "55.5", "12.5"
        audit.record(
            session, organisation=house.ORGANISATION, event="customer.edit", identity="local:test", now=house.KNOWN
        )
    event = SimpleNamespace(selection=SimpleNamespace(points=[{"customdata": [1]}]))
    monkeypatch.setattr("dashboards.components.map.st.plotly_chart", lambda *_, **__: event)
    app = opened()
    assert not app.exception
    (choice,) = [box for box in app.selectbox if box.label == "2 at this place"]
    assert (choice.options, choice.value) == (["P-1", "P-2"], 1)
    assert "clicked 1" in [text.value for text in app.text]
    choice.set_value(0).run()
    assert "clicked 0" in [text.value for text in app.text]


def test_result_is_kept_until_its_table_changes(home: Path) -> None:
    opened()
    kept = len(memory()._kept)
    opened()
    assert len(memory()._kept) == kept
    opened(replace(OWNER, organisation=house.NEIGHBOUR), rows=1)
    assert len(memory()._kept) > kept, "another organisation has results of its own"
    lake = Lake(home / "lake")
    lake.append(METERS, lake.scan(METERS).collect().head(1).with_columns(meter_id=pl.lit("KAM-77777777-1b-16")))
    assert not opened().exception


FRAME = pl.DataFrame(
    {
        "meter": ["=1+1", "a<b&c", None],
        "volume_m3": pl.Series(["1234567.500", "-1234.000", None], dtype=pl.Decimal(18, 6)),
        "share": [0.25, float("nan"), None],
        "on": [True, False, None],
        "day": pl.Series(["2025-10-26", "2024-02-29", None]).str.to_date(),
        "at": pl.Series(["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", None])
        .str.to_datetime(time_zone="UTC")
        .dt.convert_time_zone("Europe/Copenhagen"),
    }
)


def test_workbook_is_read_back() -> None:
    read = fastexcel.read_excel(workbook(FRAME, {"volume_m3": "Volume (m³)"})).load_sheet(0).to_polars()

    assert read.columns == ["meter", "Volume (m³)", "share", "on", "day", "at (Europe/Copenhagen)"]
    assert read["meter"].to_list()[:2] == ["=1+1", "a<b&c"]
    assert read["Volume (m³)"].to_list()[:2] == [1234567.5, -1234.0]
    assert str(read["day"][1])[:10] == "2024-02-29"
    assert str(read["at (Europe/Copenhagen)"][0]) == "2025-10-26 02:30:00"


def test_csv_has_the_format_of_the_person() -> None:
    text = csv_of(FRAME, Locale("de", ";", ".", ",")).decode("utf-8-sig")

    assert text.splitlines() == [
        "meter;volume_m3;share;on;day;at",
        "'=1+1;1.234.567,5;0,25;true;2025-10-26;2025-10-26T02:30:00+02:00",
        "a<b&c;-1.234;;false;2024-02-29;2025-10-26T02:30:00+01:00",
        ";;;;;",
    ]
    assert pl.read_csv(io.BytesIO(csv_of(FRAME.select("meter"), Locale()))).height == 3
