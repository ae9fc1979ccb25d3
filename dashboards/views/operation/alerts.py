"""Consumption alerts: limits on what metering points use, and who went beyond them."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import polars as pl
import streamlit as st

from assets.installation import Installation
from assets.steps.alerts import evaluate_alerts
from dashboards.components import asking, filters, leading
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.viewer import organisation, policy, tables, viewer, words
from dashboards.words import Words
from registry import alerts
from registry.alerts import PERIODS, Wanted
from registry.people.rights import READING_MANAGEMENT, Right
from warehouse.policies import AlertPolicy
from warehouse.queries import alerts as queries
from warehouse.schemas.registers import CUMULATIVE

RIGHT = Right(READING_MANAGEMENT)

_COLUMNS = (
    *("state", "alert_no", "address", "postal_code", "city", "metering_point", "meter_id", "model", "register"),
    *("limit_value", "used", "unit", "period", "starts_at", "ends_at", "last_reset", "resets", "alerts"),
    *("crossed_at", "used_until"),
)
_SHOWN = (
    *("state", "alert_no", "address", "metering_point", "model", "limit_value", "used", "unit", "period", "starts_at"),
    *("ends_at", "last_reset", "alerts"),
)
_ALL = "all"
_ACTIONS: Mapping[str, Callable[..., None]] = {"reset": alerts.reset, "end": alerts.end, "remove": alerts.remove}
_ICONS = {"reset": "restart_alt", "end": "stop_circle", "remove": "delete"}


def page() -> None:
    """Draws the page."""
    say, now = words(), datetime.now(UTC)
    rows = queries.report(tables(), organisation(), now)
    counts = {state: rows.filter(pl.col("state") == state).height for state in queries.STATES}
    with st.container(horizontal=True):
        for state in ("new", "active", "pending", "expired"):
            st.metric(say(f"alert_state.{state}"), say.number(counts[state]), border=True, width=175)
    state = filters.choice(
        say("alerts.state"),
        (_ALL, *queries.STATES),
        key="state",
        default=_ALL,
        named=lambda name: say("alerts.all") if name == _ALL else say(f"alert_state.{name}"),
    )
    if rows.is_empty():
        st.info(say("alerts.none_yet"), icon=":material/info:")
    else:
        _list(say, rows if state == _ALL else rows.filter(pl.col("state") == state))
    if viewer().may(RIGHT):
        _new(say)


def _list(say: Words, rows: pl.DataFrame) -> None:
    chosen = table(
        say,
        rows,
        completed=lambda some: located(some).select(_COLUMNS),
        key="alerts",
        file_name="alerts",
        nothing=say("alerts.nothing"),
        shown=_SHOWN,
        values={"state": "alert_state", "period": "alert_period", "register": "register"},
    )
    if chosen.is_empty():
        st.caption(say("alerts.choose"))
        return
    first = chosen.row(0, named=True)
    leading.from_row(first["metering_point"], first["meter_id"])
    _told(say, first["alert_no"])
    if viewer().may(RIGHT):
        _actions(say, chosen)


def _told(say: Words, number: int) -> None:
    told = queries.events(tables(), organisation(), number)
    table(
        say,
        told.select("state", "window_start", "limit_value", "crossed_at", "used", "meter_id", "retracted_at"),
        key="told",
        file_name=f"alert_{number}",
        nothing=say("alerts.never_told", number=str(number)),
        values={"state": "alert_event"},
        may_group=False,
    )


def _actions(say: Words, chosen: pl.DataFrame) -> None:
    known = queries.changes(tables(), organisation())
    seen = {number: known.get(number) for number in chosen["alert_no"]}
    with st.container(horizontal=True):
        for name, icon in _ICONS.items():
            st.button(
                say(f"alerts.{name}", count=say.number(len(seen))),
                icon=f":material/{icon}:",
                key=f"do_{name}",
                help=say(f"alerts.{name}_help"),
                on_click=_act,
                args=(name, seen),
            )
    if len(seen) == 1:
        _change(say, chosen.row(0, named=True), seen)


def _act(name: str, seen: Mapping[int, datetime | None]) -> None:
    """Does something to alerts as the page showed them."""
    say, action = words(), _ACTIONS[name]

    def act(doing: asking.Doing) -> int:
        for number in seen:
            _unchanged(doing, number, seen)
            action(doing.session, doing.organisation, number, identity=doing.identity, now=doing.now)
        return len(seen)

    asking.done(RIGHT, act, said=partial(_said, say, f"alerts.{name}_done"), publish=_publish)


def _said(say: Words, text: str, count: int) -> str:
    return say(text, count=say.number(count))


def _unchanged(doing: asking.Doing, number: int, seen: Mapping[int, datetime | None]) -> None:
    row = alerts.get(doing.session, doing.organisation, number)
    asking.unchanged(seen.get(number), row.changed_at, str(number))


def _publish(house: Installation) -> None:
    """The alert, and what it says of the readings there are."""
    asking.publish_registry(house)
    evaluate_alerts(house, datetime.now(UTC))


def _change(say: Words, row: dict[str, object], seen: Mapping[int, datetime | None]) -> None:
    number = int(str(row["alert_no"]))
    with st.expander(say("alerts.change", number=str(number)), icon=":material/edit:"), st.form(f"change_{number}"):
        st.caption(say("alerts.change_help"))
        limit = say("alerts.limit", unit=say.unit(str(row["unit"])))
        st.number_input(limit, 0.0, value=float(str(row["limit_value"])), format="%g", key=f"limit_{number}")
        st.date_input(say("alerts.ends", zone=say.zone.key), None, format="YYYY-MM-DD", key=f"ends_{number}")
        st.form_submit_button(say("alerts.save"), icon=":material/save:", on_click=_replace, args=(number, seen))


def _replace(number: int, seen: Mapping[int, datetime | None]) -> None:
    """Lets an alert with another limit take the place of one as the page showed it."""
    say, most = words(), policy(AlertPolicy).max_active
    limit, ends = st.session_state[f"limit_{number}"], st.session_state[f"ends_{number}"]

    def replace(doing: asking.Doing) -> int:
        _unchanged(doing, number, seen)
        former = alerts.get(doing.session, doing.organisation, number)
        wanted = Wanted(
            place=former.metering_point,
            register=former.register,
            limit_value=Decimal(str(limit)),
            starts_at=doing.now,
            ends_at=_midnight(say, ends),
            period=former.period,
            include_estimates=former.include_estimates,
        )
        return alerts.replace(
            doing.session, doing.organisation, number, wanted, most=most, identity=doing.identity, now=doing.now
        )

    def said(made: int) -> str:
        return say("alerts.changed", former=str(number), number=str(made))

    asking.done(RIGHT, replace, said=said, publish=_publish)


def _new(say: Words) -> None:
    with st.expander(say("alerts.new"), icon=":material/add_alert:"), st.form("new_alert"):
        st.text_area(say("alerts.places"), key="places", bind="query-params", help=say("alerts.places_help"))
        left, middle, right = st.columns(3)
        left.selectbox(say("filter.register"), CUMULATIVE, format_func=say.register, key="new_register")
        middle.number_input(say("alerts.limit_of"), 0.0, value=None, format="%g", key="new_limit")
        right.selectbox(
            say("alerts.period"), PERIODS, format_func=lambda name: say(f"alert_period.{name}"), key="new_period"
        )
        left.date_input(say("alerts.starts", zone=say.zone.key), None, format="YYYY-MM-DD", key="new_starts")
        middle.date_input(say("alerts.ends", zone=say.zone.key), None, format="YYYY-MM-DD", key="new_ends")
        right.toggle(say("alerts.estimates"), help=say("alerts.estimates_help"), key="new_estimates")
        st.form_submit_button(say("alerts.add"), icon=":material/add_alert:", on_click=_add)


def _add() -> None:
    """Makes the alerts that the form asks for, all or none."""
    say, form = words(), st.session_state
    parts = str(form["places"] or "").replace(",", "\n").splitlines()
    named = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    limit = form["new_limit"]
    if not named or not limit:
        st.warning(say("alerts.incomplete"), icon=":material/edit:")
        return
    most = policy(AlertPolicy).max_active

    def add(doing: asking.Doing) -> int:
        for place in named:
            wanted = Wanted(
                place=place,
                register=str(form["new_register"]),
                limit_value=Decimal(str(limit)),
                starts_at=_midnight(say, form["new_starts"]) or doing.now,
                ends_at=_midnight(say, form["new_ends"]),
                period=str(form["new_period"]),
                include_estimates=bool(form["new_estimates"]),
            )
            alerts.add(doing.session, doing.organisation, wanted, most=most, identity=doing.identity, now=doing.now)
        return len(named)

    if asking.done(RIGHT, add, said=partial(_said, say, "alerts.added"), publish=_publish):
        form["places"] = ""


def _midnight(say: Words, day: object) -> datetime | None:
    """The beginning of a local day, UTC."""
    if not isinstance(day, date):
        return None
    return datetime.combine(day, datetime.min.time(), say.zone).astimezone(UTC)
