"""Consumption reports: what each consumer of a group used in some days, and all of them together."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal, get_args

import polars as pl
import streamlit as st

from dashboards.components import filters, links
from dashboards.components.cells import draw_cells
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.remembering import AsKnown, remembered
from dashboards.viewer import organisation, tables, words
from dashboards.words import Words
from warehouse.queries import subjects
from warehouse.queries.report_changes import report_changes
from warehouse.queries.reports import Asked, Limit, consumption_report, limited, totals
from warehouse.schemas.registers import CUMULATIVE

Preset = Literal["this_month", "last_month", "this_year", "last_year", "days"]
View = Literal["consumers", "changes"]

_ALL = "all"
_SHOWN = (
    *("metering_point", "customer_number", "name", "address", "model", "serial", "register", "consumption", "unit"),
    "quality",
)
_CHANGED = (
    *("metering_point", "address", "serial", "register", "before", "after", "difference", "unit", "causes"),
    "corrected_at",
)
_MANY_DAYS = 92


def page() -> None:
    """Draws the page."""
    say = words()
    if remembered(subjects.metering_points).is_empty():
        st.info(say("consumption.no_points"), icon=":material/info:")
        return
    left, middle, right = st.columns([1, 2, 1])
    with left:
        view: View = filters.choice(
            say("report.view"), get_args(View), key="view", default="consumers", named=lambda n: say(f"report.{n}")
        )
    with right:
        at = filters.as_of(say)
    with middle:
        group = filters.group(say)
    today = (at or datetime.now(UTC)).astimezone(say.zone).date()
    days = _days(say, today)
    if days is None:
        return
    filters.told_past(say, at)
    points = None if group is None else _members(group, at)
    if points is not None and points.is_empty():
        st.info(say("consumption.empty_group", group=group), icon=":material/info:")
        return
    asked = Asked(days[0], days[1], say.zone)
    name = f"{group or 'all'}_{days[0]}_{days[1]}"
    if view == "changes":
        _changes(say, asked, points, at, name)
    else:
        _consumers(say, asked, points, at, name)


def _days(say: Words, today: date) -> tuple[date, date] | None:
    """The days that are asked for, none of which is today or later; said where there are none."""
    left, right = st.columns(2)
    with left:
        preset: Preset = filters.choice(
            say("report.period"),
            get_args(Preset),
            key="period",
            default="last_month",
            named=lambda name: say(f"report.{name}"),
        )
    yesterday, month = today - timedelta(days=1), today.replace(day=1)
    year = month.replace(month=1)
    days = {
        "this_month": (month, yesterday),
        "last_month": ((month - timedelta(days=1)).replace(day=1), month - timedelta(days=1)),
        "this_year": (year, yesterday),
        "last_year": (year.replace(year=year.year - 1), year - timedelta(days=1)),
    }
    if preset == "days":
        with right:
            return filters.period(say, days["last_month"], back=30)
    first, last = days[preset]
    if last < first:
        st.info(say("report.just_begun"), icon=":material/info:")
        return None
    st.caption(f"{say.date(first)} – {say.date(last)}")
    return first, last


def _members(group: str, at: datetime | None) -> pl.DataFrame:
    """The points that belong to a group now, or belonged to it then."""
    points, now = subjects.group(tables(at), organisation(), group), pl.lit(at or datetime.now(UTC))
    begun = (pl.col("valid_from") <= now).fill_null(value=True)
    return points.filter(begun, (pl.col("valid_to") > now).fill_null(value=True)).select("metering_point").unique()


def _consumers(say: Words, asked: Asked, points: pl.DataFrame | None, at: datetime | None, name: str) -> None:
    whole = remembered(AsKnown(consumption_report, at), asked, points)
    if whole.is_empty():
        st.info(say("report.nothing", first=say.date(asked.first), last=say.date(asked.last)), icon=":material/info:")
        return
    known = set(whole["register"].unique())
    left, middle, right = st.columns([2, 2, 1])
    with left:
        registers = filters.several(
            say("report.registers"), [one for one in CUMULATIVE if one in known], key="registers", named=say.register
        )
    with middle:
        limit = filters.choice(
            say("report.limit"),
            (_ALL, *get_args(Limit)),
            key="limit",
            default=_ALL,
            named=lambda one: say(f"report.limit_{one}"),
        )
    with right:
        bound = _bound(say) if limit in ("above", "below") else Decimal(0)
    if bound is None:
        return
    narrowed = replace(asked, limit=None if limit == _ALL else _limit(limit), bound=bound)
    rows = limited(whole.filter(pl.col("register").is_in(registers)) if registers else whole, narrowed)
    _footer(say, rows)
    chosen = table(
        say,
        rows,
        completed=_addressed,
        key="report",
        file_name=f"{say('page.consumption_report')}_{name}",
        nothing=say("report.none_such"),
        shown=_SHOWN,
        headings=_headings(say),
        values={"quality": "quality", "register": "register", "medium": "medium"},
    )
    _leads(say, chosen, asked, at)


def _addressed(rows: pl.DataFrame) -> pl.DataFrame:
    return located(rows).drop("latitude", "longitude")


def _limit(name: str) -> Limit:
    return next(limit for limit in get_args(Limit) if limit == name)


def _bound(say: Words) -> Decimal | None:
    """The number that above and below mean, in the register's unit; said where it is none."""
    text = filters.text(say("report.bound"), key="bound", placeholder="0")
    try:
        bound = Decimal(text.replace(" ", "").replace(",", ".") or "0")
    except InvalidOperation:
        bound = Decimal("NaN")
    if not bound.is_finite() or abs(bound) >= 10**12:
        st.warning(say("report.no_number", text=text), icon=":material/warning:")
        return None
    return bound


def _footer(say: Words, rows: pl.DataFrame) -> None:
    """What all of it comes to, by register, and of how many meters."""
    if rows.is_empty():
        return
    media = rows["medium"].unique().sort().to_list()  # volumes of water and of heat make no sum
    kinds = {medium: f" · {say.named('medium', medium)}" if medium and media[1:] else "" for medium in media}
    cells = [
        (
            say.named("register", line["register"]) + kinds[medium],
            say.amount(line["consumption"], line["unit"]),
            say("report.of_points", points=say.number(line["points"]), missing=say.number(line["missing"])),
        )
        for medium in media
        for line in totals(rows.filter(pl.col("medium").eq_missing(medium))).rows(named=True)
    ]
    cells.append((say("report.meters"), say.number(rows["meter_id"].n_unique()), say("report.meters_help")))
    draw_cells(cells)


def _leads(say: Words, chosen: pl.DataFrame, asked: Asked, at: datetime | None) -> None:
    """The way from a row to its chart, with the days."""
    if chosen.is_empty():
        st.caption(say("report.choose"))
        return
    row = chosen.row(0, named=True)
    interval = "daily" if (asked.last - asked.first).days <= _MANY_DAYS else "monthly"
    address: dict[str, str | list[str]] = {
        "point": row["metering_point"],
        "register": row["register"],
        "interval": interval,
        f"days_{interval}": [str(asked.first), str(asked.last)],
    }
    if at is not None:
        address["as_of"] = filters.day_of(say, at)
    links.link("consumption", say("report.chart", point=row["metering_point"]), address, icon="bar_chart")


def _changes(say: Words, asked: Asked, points: pl.DataFrame | None, at: datetime | None, name: str) -> None:
    """What differs between the report of two dates, by how much, and why."""
    earlier = filters.as_of(say, key="since", label=say("report.since"))
    if earlier is None:
        st.info(say("report.choose_since"), icon=":material/info:")
        return
    if at is not None and earlier >= at:
        st.warning(say("report.since_later"), icon=":material/warning:")
        return
    rows = remembered(report_changes, asked, earlier, at, points)
    if rows.height:
        _differences(say, rows)
    told = rows.with_columns(
        causes=pl.col("causes").str.split(",").list.eval(_causes(say)).list.join(", ").fill_null(say("report.no_cause"))
    )
    table(
        say,
        told,
        completed=_addressed,
        key="changes",
        file_name=f"{say('report.changes')}_{name}",
        nothing=say("report.no_changes", at=say.instant(earlier)),
        shown=_CHANGED,
        headings=_headings(say),
        values={"quality_before": "quality", "quality_after": "quality", "register": "register"},
    )


def _causes(say: Words) -> pl.Expr:
    names = ("late_data", "exchange", "registry", "decision", "policy", "estimate", "backfill")
    return pl.element().replace({name: say(f"report.cause_{name}") for name in names})


def _differences(say: Words, rows: pl.DataFrame) -> None:
    sums = rows.group_by("register", "unit").agg(pl.col("before", "after").sum(), rows=pl.len()).sort("register")
    with st.container(horizontal=True):
        for line in sums.rows(named=True):
            st.metric(
                say("report.changed", register=say.named("register", line["register"]), rows=say.number(line["rows"])),
                say.amount(line["after"], line["unit"]),
                say.amount(line["after"] - line["before"], line["unit"]),
                delta_color="off",
                border=True,
                width="content",
            )


def _headings(say: Words) -> dict[str, str]:
    names = ("before", "after", "difference", "quality_before", "quality_after", "causes", "corrected_at")
    told = {name: say(f"report.{name}") for name in names}
    told |= {name: say(f"sheet.{text}") for name, text in (("name", "customer"), ("address", "address"))}
    told |= {name: say(f"sheet.{name}") for name in ("register_start", "register_end")}
    return told | {"customer_number": say("report.customer_number")}
