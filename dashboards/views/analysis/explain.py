"""The way of a day's figure: to its boundary readings, to telegrams and frames, to files and lines."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboards.components import filters, links
from dashboards.components.cells import draw_cells
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import AsKnown, remembered
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry.erasures import erased_periods
from warehouse.queries import consumption as queries
from warehouse.queries import provenance, subjects

_Row = dict[str, Any]
_SIDES = ("start", "end")
_FRAME = (
    "collector",
    "received_at",
    "rssi_dbm",
    "outcome",
    "reason",
    "source_file",
    "source_line",
    "landed_at",
    "frame_id",
)


def page() -> None:
    """Draws the page."""
    say = words()
    if remembered(subjects.metering_points).is_empty():
        st.info(say("consumption.no_points"), icon=":material/info:")
        return
    left, middle, right = st.columns([2, 1, 1])
    with right:
        at = filters.as_of(say)
    with left:
        point = filters.point(say)
    if point is None:
        return
    subject = subjects.point(point)
    registers = remembered(AsKnown(queries.registers, at), subject)
    extents = [remembered(AsKnown(queries.extent, at), subject, name) for name in registers]
    newest = [extent[1] for extent in extents if extent is not None]
    with middle:
        day = filters.day(say, max(newest, default=date.today() - timedelta(days=1)))  # noqa: DTZ011  nothing is known
    filters.told_past(say, at)
    erased = erased_periods(installation().registry, organisation())
    found = remembered(AsKnown(provenance.of_day, at), point, day, erased=erased)
    for period in found["erased"]:
        days = {name: say.date(period[f"{name}_day"]) for name in ("first", "last")}
        st.warning(say("explain.erased", **days), icon=":material/delete:")
    address: dict[str, str | list[str]] = {"point": point, "interval": "hourly", "days_hourly": [str(day), str(day)]}
    if at is not None:
        address["as_of"] = filters.day_of(say, at)
    links.link("consumption", say("explain.hours", day=say.date(day)), address, icon="bar_chart")
    if not found["figures"]:
        st.info(say("explain.nothing", point=point, day=say.date(day)), icon=":material/info:")
    for figure in found["figures"]:
        _figure(say, figure)
    _part(say, "installations", found["installations"], f"{point}_installations", "explain.not_installed")


def _figure(say: Words, figure: _Row) -> None:
    register, unit = figure["register"], figure["unit"]
    st.subheader(say.named("register", register))
    draw_cells(
        [
            (say("explain.consumption"), say.amount(figure["consumption"], unit), None),
            (say("explain.quality"), say(f"quality.{figure['quality']}"), None),
        ]
    )
    facts = [f"{say('explain.known')} {say.instant(figure['known_from'])}"]
    if policy := figure["policy"]:
        version = say.number(policy["version"]) if policy["version"] else say("explain.shipped")
        facts.append(f"{say('explain.policy')} {version}")
    st.caption(" · ".join(facts))
    for side in _SIDES:
        st.markdown(
            f":material/{'start' if side == 'start' else 'line_end'}: {_boundary(say, side, figure[side], unit)}"
        )
    key = register
    _part(say, "readings", _readings(say, figure), f"{key}_readings", "explain.no_readings", opened=True)
    _part(say, "frames", _frames(say, figure), f"{key}_frames", "explain.no_frames", opened=True)
    _part(say, "versions", _versions(say, figure), f"{key}_versions")
    _part(say, "events", _events(figure), f"{key}_events")
    _part(say, "exceptions", figure["exceptions"], f"{key}_exceptions")


def _boundary(say: Words, side: str, boundary: _Row, unit: str) -> str:
    readings = boundary["readings"]
    exact = len(readings) == 1 and readings[0]["measured_at"] == boundary["at"]
    how = "exact" if exact else "between" if len(readings) > 1 else "open"
    return say(
        f"explain.boundary_{side}",
        at=say.instant(boundary["at"]),
        register=say.amount(boundary["register"], unit),
        quality=say(f"quality.{boundary['quality']}"),
        how=say(f"explain.how_{how}"),
    )


def _readings(say: Words, figure: _Row) -> list[_Row]:
    """The readings that the boundaries rest on, with what somebody decided about them."""
    rows = []
    for side in _SIDES:
        for reading in figure[side]["readings"]:
            decision, telegram = reading["decision"] or {}, reading["telegram"] or {}
            rows.append(
                {
                    "boundary": say(f"explain.{side}"),
                    **{name: reading[name] for name in ("measured_at", "value", "quality", "source", "meter_id")},
                    "access_no": telegram.get("access_no"),
                    "receptions": len(telegram["receptions"]) if telegram else None,
                    "source_file": reading.get("source_file"),
                    "source_line": reading.get("source_line"),
                    "landed_at": reading["landed_at"],
                    "rule": decision.get("rule"),
                    "original": decision.get("original"),
                    "reason": decision.get("reason_code"),
                    "decided_by": decision.get("decided_by"),
                    "decided_at": decision.get("decided_at"),
                }
            )
    return rows


def _frames(say: Words, figure: _Row) -> list[_Row]:
    """The receptions of the telegrams that the readings come from."""
    return [
        {"boundary": say(f"explain.{side}"), **{name: heard[name] for name in _FRAME}}
        for side in _SIDES
        for reading in figure[side]["readings"]
        if reading["telegram"] is not None
        for heard in reading["telegram"]["receptions"]
    ]


def _versions(say: Words, figure: _Row) -> list[_Row]:
    return [
        {
            **{name: old[name] for name in ("known_from", "known_to", "consumption", "quality")},
            "cause": say(f"report.cause_{old['cause']}") if old["cause"] else say("explain.boundary_known"),
            "identity": old["identity"],
        }
        for old in figure["superseded"]
    ]


def _events(figure: _Row) -> list[_Row]:
    columns = ("at", "kind", "meter_id", "before", "after", "correction")
    return [{name: event[name] for name in columns} for event in figure["events"]]


def _part(say: Words, name: str, rows: list[_Row], key: str, nothing: str = "", *, opened: bool = False) -> None:
    """A table of the explanation; none where there is nothing and nothing is to be said of that."""
    if not rows and not nothing:
        return
    frame = pl.DataFrame(rows, infer_schema_length=None)
    # Columns in which nobody entered anything say nothing.
    frame = frame.select(column for column in frame.columns if frame[column].null_count() < frame.height)
    with st.expander(say(f"explain.{name}", rows=say.number(len(rows))), expanded=opened):
        table(
            say,
            frame,
            key=key,
            file_name=key,
            nothing=say(nothing) if nothing else "",
            headings={column: say(f"explain.column_{column}") for column in _NAMED if column in frame.columns},
            values={"quality": "quality", "kind": "event", "outcome": "outcome"},
            may_group=False,
        )


_NAMED = (
    *("boundary", "measured_at", "value", "source", "access_no", "receptions", "source_line", "rule", "original"),
    *("reason", "decided_by", "decided_at", "received_at", "rssi_dbm", "outcome", "frame_id", "known_to", "cause"),
    *("identity", "installed_at", "removed_at", "state"),
)
"""Columns whose headings stand in the texts of this page."""
