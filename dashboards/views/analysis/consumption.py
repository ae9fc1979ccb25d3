"""Consumption of a metering point or group, with what happened to its meters."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import polars as pl
import streamlit as st

from dashboards.charts.consumption import consumption as chart
from dashboards.charts.frame import CONFIG
from dashboards.charts.stacks import part_name, tariff_headings
from dashboards.components import filters, grouping, links, sending
from dashboards.components.cells import Cell, draw_cells
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import AsKnown, remembered
from dashboards.sheets.consumption import Shown, consumption_sheet
from dashboards.sheets.pdf import pdf
from dashboards.sheets.sheet import Sheet, html
from dashboards.viewer import organisation, policy, tables, viewer, words
from dashboards.words import Words
from registry import places
from registry.errors import RegistryError
from registry.mail import Attachment
from warehouse.policies import ConsumptionPolicy
from warehouse.queries import consumption as queries
from warehouse.queries import subjects, tariffs
from warehouse.queries.consumption import Interval
from warehouse.schemas.registers import UNITS

_BACK = {"hourly": 6, "daily": 30, "monthly": 364, "yearly": 3650}
_SHOWN = (
    *("metering_point", "meter_id", "register", "period_start", "period_end", "consumption", "unit", "quality"),
    *("points", "missing"),
)
_POINT, _GROUP = "point", "group"
_TOTAL, _TARIFF = "total", "tariff"
_STACKS = {
    "electricity": ("energy_import_kwh", "energy_export_kwh"),
    "thermal": ("energy_kwh", "cooling_energy_kwh"),
}
"""Registers of one unit that are shown in one figure, by the name of both in the address."""


def page() -> None:
    """Draws the page."""
    say = words()
    if remembered(subjects.metering_points).is_empty():
        st.info(say("consumption.no_points"), icon=":material/info:")
        return
    left, middle, right = st.columns([1, 2, 1])
    with left:
        kind = filters.choice(
            say("consumption.show"),
            (_POINT, _GROUP),
            key="show",
            default=_POINT,
            named=lambda name: say(f"consumption.{name}"),
        )
    with right:
        at = filters.as_of(say)
    with middle:
        chosen = _group(say, at) if kind == _GROUP else _point(say)
    if chosen is None:
        return
    filters.told_past(say, at)
    name, subject = chosen
    registers = remembered(AsKnown(queries.registers, at), subject)
    if not registers:
        st.info(say("consumption.no_figures", name=name), icon=":material/info:")
        return
    _show(say, name, subject, registers, at, together=kind == _GROUP)


def _point(say: Words) -> tuple[str, pl.DataFrame] | None:
    name = filters.point(say)
    return None if name is None else (name, subjects.point(name))


def _group(say: Words, at: datetime | None) -> tuple[str, pl.DataFrame] | None:
    name = filters.group(say, optional=False)
    if name is None:
        st.info(say("consumption.no_groups"), icon=":material/info:")
        return None
    subject = subjects.group(tables(at), organisation(), name)
    if subject.is_empty():
        st.info(say("consumption.empty_group", group=name), icon=":material/info:")
        return None
    return name, subject


def _show(
    say: Words, name: str, subject: pl.DataFrame, offered: list[str], at: datetime | None, *, together: bool
) -> None:
    first_column, second_column, third_column = st.columns([1.2, 1.4, 1.4])
    stacks = [stack for stack, parts in _STACKS.items() if set(parts) <= set(offered)]
    with first_column:
        asked = filters.one_of(
            say("filter.register"),
            [*offered, *stacks],
            key="register",
            named=lambda one: say(f"consumption.stack_{one}") if one in _STACKS else say.register(one),
        )
    registers = _STACKS.get(asked, (asked,))
    with second_column:
        interval = filters.interval(say)
    extents = [remembered(AsKnown(queries.extent, at), subject, register) for register in registers]
    days_known = [extent for extent in extents if extent is not None]
    if not days_known:
        st.info(say("consumption.no_register", name=name, register=say.register(registers[0])), icon=":material/info:")
        return
    known = (min(first for first, _ in days_known), max(last for _, last in days_known))
    with third_column:
        days = filters.period(say, known, back=_BACK[interval], key=f"days_{interval}")
    if days is None:
        return
    query = AsKnown(queries.summed if together else queries.figures, at)
    figures = pl.concat(
        remembered(query, subject, interval=interval, register=register, first=days[0], last=days[1]).with_columns(
            register=pl.lit(register)
        )
        for register in registers
    )
    if figures.is_empty():
        dates = {
            name: say.date(day) for name, day in zip(("first", "last", "from_", "to"), (*days, *known), strict=True)
        }
        st.info(say("consumption.none_in_days", name=name, **dates), icon=":material/info:")
        return
    whole = _days_of(say, figures)
    events = pl.concat(
        remembered(AsKnown(queries.register_events, at), subject, register=register, zone=say.zone, **whole)
        for register in registers
    )
    codes = remembered(AsKnown(queries.info_codes, at), subject, zone=say.zone, **whole)
    by_tariff = None if together or len(registers) > 1 else _by_tariff(say, name, registers[0], interval, days, at)
    shown = Shown(name, figures, events, codes, registers, interval, days, at, by_tariff)
    _draw(say, subject, shown, together=together)


def _by_tariff(
    say: Words, point: str, register: str, interval: Interval, days: tuple[date, date], at: datetime | None
) -> pl.DataFrame | None:
    """The figures by tariff, where there are any and they are asked for."""
    asked = {"first": days[0], "last": days[1]}
    if not remembered(tariffs.sent, point, register=register, **asked):
        return None
    if at is not None:
        st.caption(say("consumption.tariffs_past"))
        return None
    by = filters.choice(
        say("consumption.bars"),
        (_TOTAL, _TARIFF),
        key="by",
        default=_TOTAL,
        named=lambda name: say(f"consumption.by_{name}"),
    )
    if by == _TOTAL:
        return None
    limit = timedelta(days=policy(ConsumptionPolicy).gap_limit_days)
    found = remembered(tariffs.figures, point, interval=interval, register=register, gap_limit=limit, **asked)
    if found.is_empty():
        st.info(say("consumption.no_tariffs"), icon=":material/info:")
        return None
    return found


def _draw(say: Words, subject: pl.DataFrame, shown: Shown, *, together: bool) -> None:
    _key_figures(say, subject, shown, together=together)
    several = len(shown.registers) > 1
    title = say.unit(UNITS[shown.registers[0]]) if several else say.register(shown.registers[0])
    clicked = st.plotly_chart(
        chart(
            shown.drawn(shown.figures),
            interval=shown.interval,
            title=title,
            events=shown.events,
            info_codes=shown.codes,
            say=say,
        ),
        config=CONFIG,
        key="chart",
        on_select="rerun",
        selection_mode="points",
        alt=say("consumption.chart", register=title, periods=say.number(shown.figures.height)),
    )
    bars = [point.get("customdata") for point in clicked.selection.points]
    days = [bar[2] for bar in bars if isinstance(bar, list) and len(bar) > 2]
    untold = shown.untold(shown.figures, say)
    if untold:
        st.caption(untold)
    with st.container(horizontal=True):
        _report(say, shown, together=together)
        if viewer().may(grouping.RIGHT):
            points = subject["metering_point"]
            grouping.adder(say, points, points.clear(), key="subject")
        way = st.container()
    chosen = _tables(say, shown)
    days += chosen["period_start"].dt.convert_time_zone(say.zone.key).dt.date().cast(pl.String).to_list()
    with way:
        _lead(say, shown, days[0] if days else None, together=together)


def _lead(say: Words, shown: Shown, day: str | None, *, together: bool) -> None:
    """The way on from a figure: of a day to its readings, of a group to its members."""
    known: dict[str, str | list[str]] = {} if shown.at is None else {"as_of": filters.day_of(say, shown.at)}
    if together:
        first, last = (str(one) for one in shown.days)
        address = {"group": shown.name, "period": "days", "days": [first, last], **known}
        links.link("consumption_report", say("consumption.members"), address, icon="groups")
    elif shown.interval in ("hourly", "daily"):
        if day is None:
            st.caption(say("consumption.click"))
        else:
            label = say("consumption.explain", day=say.date(date.fromisoformat(day)))
            links.link("explain", label, {"point": shown.name, "day": day, **known}, icon="account_tree")


def _report(say: Words, shown: Shown, *, together: bool) -> None:
    """The report of what is shown, written when it is asked for."""

    def sheet() -> Sheet | None:
        resident = None
        if not together:
            with installation().registry.begin(readonly=True) as session:
                resident = places.resident(session, organisation(), shown.name)
        return consumption_sheet(shown, resident, say, datetime.now(UTC))

    def written(form: str) -> bytes:
        found = sheet()
        if found is None:
            return say("consumption.not_theirs").encode()
        return pdf(found) if form == "pdf" else html(found)

    def attached() -> list[Attachment]:
        found = sheet()
        if found is None:
            raise RegistryError(say("consumption.not_theirs"))
        return [Attachment(f"{name}.pdf", "application/pdf", pdf(found))]

    name = f"{shown.name}_{shown.days[0]}_{shown.days[1]}"
    with st.popover(say("consumption.report"), icon=":material/description:"):
        st.caption(say("consumption.report_help"))
        for form, kind in {"pdf": "application/pdf", "html": "text/html"}.items():
            st.download_button(
                form.upper(),
                partial(written, form),
                f"{name}.{form}",
                kind,
                key=f"report_{form}",
                on_click="ignore",
                width="stretch",
            )
        sending.by_mail(say, f"{say('page.consumption')} · {shown.name}", attached, target=shown.name, key="report")


def _key_figures(say: Words, subject: pl.DataFrame, shown: Shown, *, together: bool) -> None:
    figures, codes = shown.figures, shown.codes
    names = codes["code"].unique().sort().to_list()
    cells: list[Cell] = [_sum(say, shown, register) for register in shown.registers]
    cells += [
        (
            say("consumption.measured"),
            say.percent(figures.filter(pl.col("quality").is_in(["M", "A"])).height / figures.height),
            say("consumption.measured_help"),
        ),
        _points(say, subject) if together else _latest(say, subject, shown),
        (say("consumption.codes"), say.number(len(names)), ", ".join(names) or say("consumption.no_codes")),
    ]
    draw_cells(cells)
    if shown.tariffs is not None:
        each = shown.tariffs.partition_by("tariff", as_dict=True, maintain_order=True).items()
        draw_cells(
            [
                _sum_of(say, part_name("tariff", str(name), say), rows["consumption"], shown.registers[0])
                for (name,), rows in each
            ]
        )


def _sum(say: Words, shown: Shown, register: str) -> Cell:
    rows = shown.figures.filter(register=register)
    label = say.named("register", register) if len(shown.registers) > 1 else say("consumption.sum")
    return _sum_of(say, label, rows["consumption"], register)


def _sum_of(say: Words, label: str, amounts: pl.Series, register: str) -> Cell:
    known = amounts.drop_nulls()
    counts = {"known": say.number(known.len()), "periods": say.number(amounts.len())}
    return (
        label,
        say.amount(known.sum() if known.len() else None, UNITS[register]),
        say("consumption.sum_help", **counts),
    )


def _points(say: Words, subject: pl.DataFrame) -> tuple[str, str, None]:
    return say("consumption.points"), say.number(subject["metering_point"].n_unique()), None


def _latest(say: Words, subject: pl.DataFrame, shown: Shown) -> tuple[str, str, str | None]:
    latest = remembered(AsKnown(queries.latest_reading, shown.at), subject).head(1)
    if latest.is_empty():
        return say("consumption.latest"), say("common.none"), None
    register = shown.registers[0]
    at, meter = say.instant(latest["measured_at"][0]), latest["meter_id"][0]
    return say("consumption.latest"), say.amount(latest[register][0], UNITS[register]), f"{at} · {meter}"


def _tables(say: Words, shown: Shown) -> pl.DataFrame:
    """Draws what the chart shows as tables; the figures that are chosen."""
    figures = shown.listed(shown.figures)
    named = {"quality": "quality", "register": "register", "tariff_reason": "tariff_reason"}
    parts = (
        ("figures", figures, say("consumption.no_figures_in_days"), named),
        ("events", shown.events, say("consumption.no_events"), {"kind": "event"}),
        ("codes", shown.codes, say("consumption.no_codes"), {"priority": "priority"}),
    )
    tabs = st.tabs([say(f"consumption.tab_{name}", rows=say.number(frame.height)) for name, frame, _, _ in parts])
    file_name = f"{shown.name}_{'_'.join(shown.registers)}_{shown.interval}_{shown.days[0]}_{shown.days[1]}"
    chosen = figures.clear()
    headings = {name: say(f"sheet.{name}") for name in ("register_start", "register_end")}
    by_tariff = {} if shown.tariffs is None else tariff_headings(shown.tariffs, say)
    told = ("period_start", "period_end", "consumption", *by_tariff, "unit", "quality", "tariff_reason")
    shown_first = told if by_tariff else _SHOWN
    for tab, (name, frame, nothing, values) in zip(tabs, parts, strict=True):
        with tab:
            rows = table(
                say,
                frame,
                # Columns that were chosen without the tariffs would hide them.
                key=f"{name}_by_tariff" if by_tariff and name == "figures" else name,
                file_name=f"{file_name}_{name}",
                nothing=nothing,
                shown=shown_first if name == "figures" else (),
                headings=headings | by_tariff,
                values=values,
                may_group=False,
            )
            chosen = rows if name == "figures" else chosen
    return chosen


def _days_of(say: Words, shown: pl.DataFrame) -> dict[str, date]:
    """The local days that the periods shown reach over: whole months and years."""
    ends = shown.select(
        first=pl.col("period_start").min().dt.convert_time_zone(say.zone.key).dt.date(),
        last=(pl.col("period_end").max() - pl.duration(microseconds=1)).dt.convert_time_zone(say.zone.key).dt.date(),
    )
    return ends.row(0, named=True)
