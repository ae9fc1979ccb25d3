"""Consumption of a metering point or group, with what happened to its meters."""

import re
from datetime import date, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboards import charts, identity, wording
from dashboards.installation import Installation, installation
from warehouse.published import render
from warehouse.queries import consumption as queries
from warehouse.queries import subjects
from warehouse.queries.consumption import Interval

_BACK = {"hourly": 6, "daily": 30, "monthly": 364, "yearly": 3650}
_POINT, _GROUP = "Metering point", "Group"


def page() -> None:
    """Draws the page."""
    st.title("Consumption")
    house = installation()
    points = subjects.metering_points(identity.tables(), identity.organisation())
    if points.is_empty():
        st.info(
            "No metering points are registered yet. Import the meters and where they are installed: "
            "`meterhouse import meters FILE`, then `meterhouse import customers FILE`.",
            icon=":material/info:",
        )
        return
    left, right = st.columns([1, 3])
    with left:
        kind = st.segmented_control(
            "Show", [_POINT, _GROUP], default=_POINT, key="show", bind="query-params", required=True
        )
    with right:
        chosen = _group() if kind == _GROUP else _point(points)
    if chosen is None:
        return
    name, subject = chosen
    registers = queries.registers(identity.tables(), identity.organisation(), subject)
    if not registers:
        st.info(
            f"There is no consumption of {name} yet: none of its meters' readings has arrived, or the figures are not "
            "reckoned. Deliver its frames with `meterhouse ingest FILE`, or run `meterhouse materialize`.",
            icon=":material/info:",
        )
        return
    _show(house, name, subject, registers, together=kind == _GROUP)


def _point(points: pl.DataFrame) -> tuple[str, pl.DataFrame] | None:
    """Lets the user choose one metering point, by its name or by a meter."""
    meters = subjects.meters(identity.tables(), identity.organisation())
    asked = st.selectbox(
        "Metering point, meter or serial number",
        [*points["metering_point"], *meters["meter_id"]],
        key="point",
        bind="query-params",
        accept_new_options=True,
    )
    found = subjects.find(points, meters, str(asked).strip())
    if len(found) == 1:
        return found[0], subjects.point(*found)
    if found:
        st.warning(
            f"Several meters have the serial number {asked}; they are at {', '.join(found)}. Choose one of them."
        )
    elif meters.filter((pl.col("meter_id") == asked) | (pl.col("serial") == asked)).height:
        st.warning(
            f"Meter {asked} is registered but was never installed at a metering point. Import where it is installed: "
            "`meterhouse import customers FILE`."
        )
    else:
        st.warning(
            f"No metering point, meter or serial number {asked} is registered. Choose one from the list, or import "
            "it: `meterhouse import meters FILE`, then `meterhouse import customers FILE`."
        )
    return None


def _group() -> tuple[str, pl.DataFrame] | None:
    groups = subjects.groups(identity.tables(), identity.organisation())
    if groups.is_empty():
        st.info("No groups exist yet. Show a metering point instead.", icon=":material/info:")
        return None
    name = str(st.selectbox("Group", groups["group"].to_list(), key="group", bind="query-params"))
    subject = subjects.group(identity.tables(), identity.organisation(), name)
    if subject.is_empty():
        st.info(f"The group {name} has no metering points.", icon=":material/info:")
        return None
    return name, subject


def _show(house: Installation, name: str, subject: pl.DataFrame, registers: list[str], *, together: bool) -> None:
    lake, organisation, zone = identity.tables(), identity.organisation(), house.settings.zone
    first_column, second_column, third_column = st.columns([1.2, 1.4, 1.4])
    with first_column:
        register = str(
            st.selectbox("Register", registers, format_func=wording.register, key="register", bind="query-params")
        )
    with second_column:
        interval = _interval()
    known = queries.extent(lake, organisation, subject, register)
    if known is None:
        st.info(f"No consumption of {name} is known in {wording.register(register)} yet.", icon=":material/info:")
        return
    with third_column:
        days = st.date_input(
            f"Days ({zone.key})",
            (max(known[0], known[1] - timedelta(days=_BACK[interval])), known[1]),
            key=f"days_{interval}",
            bind="query-params",
            format="YYYY-MM-DD",
        )
    # One day is what the address keeps of a range from a day to itself, and what a half-made choice gives.
    chosen = (days,) if isinstance(days, date) else days
    if not chosen:
        st.info("Choose the days to show.", icon=":material/info:")
        return
    first, last = chosen[0], chosen[-1]
    figures = queries.figures(lake, organisation, subject, interval=interval, register=register, first=first, last=last)
    shown = queries.total(lake, organisation, subject, figures) if together else figures
    if shown.is_empty():
        st.info(
            f"No figures of {name} lie between {first} and {last}; some are known from {known[0]} to {known[1]}.",
            icon=":material/info:",
        )
        return
    whole = _days_of(shown, zone)
    events = queries.register_events(lake, organisation, subject, register=register, zone=zone, **whole)
    codes = queries.info_codes(lake, organisation, subject, zone=zone, **whole)
    _key_figures(house, subject, shown, codes, register, together=together)
    st.plotly_chart(
        charts.consumption(shown, interval=interval, register=register, zone=zone, events=events, info_codes=codes),
        config=charts.CONFIG,
        key="chart",
    )
    _tables(house, shown, events, codes, _file_name(name, register, interval, first, last))


def _interval() -> Interval:
    asked = st.segmented_control(
        "Interval",
        get_args(Interval),
        default="daily",
        format_func=str.capitalize,
        key="interval",
        bind="query-params",
        required=True,
    )
    return next((interval for interval in get_args(Interval) if interval == asked), "daily")


def _key_figures(
    house: Installation,
    subject: pl.DataFrame,
    shown: pl.DataFrame,
    codes: pl.DataFrame,
    register: str,
    *,
    together: bool,
) -> None:
    unit = wording.unit(charts.register_unit(shown))
    unknown = shown["consumption"].null_count()
    measured = shown["quality"].is_in(["M", "A"]).sum() / shown.height
    total = shown.select(pl.col("consumption").sum()).item() if unknown < shown.height else None
    cells = st.columns(4)
    cells[0].metric(
        "Consumption",
        wording.amount(total, unit),
        help=f"Sum of the {shown.height - unknown} of {shown.height} periods shown whose consumption is known.",
        border=True,
    )
    cells[1].metric(
        "Measured",
        f"{measured:.0%}",
        help="Share of the periods with a measured register at both boundaries (quality M or A).",
        border=True,
    )
    if together:
        cells[2].metric("Metering points", subject["metering_point"].n_unique(), border=True)
    else:
        latest = queries.latest_reading(identity.tables(), identity.organisation(), subject).head(1)
        at = latest["measured_at"].dt.convert_time_zone(house.settings.timezone)
        cells[2].metric(
            "Latest reading",
            wording.amount(latest[register][0], unit) if latest.height else "none",
            help=f"{at[0]:%Y-%m-%d %H:%M %Z} · {latest['meter_id'][0]}" if latest.height else None,
            border=True,
        )
    names = codes["code"].unique().sort().to_list()
    cells[3].metric("Info codes", len(names), help=", ".join(names) or "None was active in these days.", border=True)


def _tables(
    house: Installation, shown: pl.DataFrame, events: pl.DataFrame, codes: pl.DataFrame, file_name: str
) -> None:
    figures, happened, info = st.tabs(
        [f"Figures ({shown.height})", f"Register events ({events.height})", f"Info codes ({codes.height})"]
    )
    local = [_local(frame, house.settings.timezone) for frame in (shown, events, codes)]
    with figures:
        with st.container(horizontal=True):
            st.download_button(
                "Download CSV",
                render(local[0], "csv", for_people=True),
                f"{file_name}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                "Download Parquet",
                render(local[0], "parquet"),
                f"{file_name}.parquet",
                "application/vnd.apache.parquet",
                icon=":material/download:",
                on_click="ignore",
            )
        _table(local[0])
    with happened:
        _table(local[1], "No exchange, roll-over or other event of this register lies in the days shown.")
    with info:
        _table(local[2], "No info code was active in the days shown.")


def _table(frame: pl.DataFrame, nothing: str = "") -> None:
    if frame.is_empty() and nothing:
        st.caption(nothing)
        return
    instants = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    amounts = [name for name, dtype in frame.schema.items() if dtype.is_decimal()]
    st.dataframe(
        frame.with_columns(
            pl.col(instants).dt.strftime("%Y-%m-%d %H:%M %Z"),
            pl.col(amounts).cast(pl.Float64),
        ),
        hide_index=True,
        column_config={name: st.column_config.Column(name.replace("_", " ").capitalize()) for name in frame.columns}
        | {name: st.column_config.NumberColumn(name.replace("_", " ").capitalize(), format="%.3f") for name in amounts},
    )


def _local(frame: pl.DataFrame, timezone: str) -> pl.DataFrame:
    instants = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(instants).dt.convert_time_zone(timezone))


def _days_of(shown: pl.DataFrame, zone: ZoneInfo) -> dict[str, date]:
    """The local days that the periods shown reach over: whole months and years."""
    ends = shown.select(
        first=pl.col("period_start").min().dt.convert_time_zone(zone.key).dt.date(),
        last=(pl.col("period_end").max() - pl.duration(microseconds=1)).dt.convert_time_zone(zone.key).dt.date(),
    )
    return ends.row(0, named=True)


def _file_name(name: str, register: str, interval: str, first: date, last: date) -> str:
    plain = re.sub(r"[^\w.-]+", "_", name)
    return f"{plain}_{register}_{interval}_{first}_{last}"
