"""Priority meters and pressure: levels, gradients, head between sensors, surges, districts, and how meters are read."""

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards.charts import pressure as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components import map as places
from dashboards.components.cells import Cell, draw_cells
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, words
from dashboards.words import Words
from registry.groups import PRIORITY
from registry.inventory.capacity import priority_quota
from warehouse.policies import DistrictsPolicy
from warehouse.queries import pressure as queries
from warehouse.queries import subjects, water

_PER_DAY = 288
"""Readings that a meter read every five minutes has a day."""

_EVENTS = ("low", "high", "surge", "drop")
_SENSORS = ("district", "metering_point", "level_bar", "gradient_bar_h", "head_m", "min_bar", "max_bar", "surge",
            "low", "high", "drop", "last_at")  # fmt: skip
_DIGITS = {"level_bar": 2, "gradient_bar_h": 2, "head_m": 1, "min_bar": 2, "mean_bar": 2, "max_bar": 2,
           "extreme_bar": 2, "resistance": 4, "usual": 4, "change_percent": 1, "loss_m": 2, "pressure_bar": 2,
           "flow_m3h": 2, "flow_temp_c": 1, "return_temp_c": 1, "longest_gap_min": 0}  # fmt: skip
_HEADINGS = ("kind", "until", "samples", "upstream", "downstream", "resistance", "usual", "change_percent", "loss_m")


def page() -> None:
    """Draws the page."""
    say = words()
    views: dict[str, Callable[[Words], None]] = {
        "sensors": _sensors,
        "two": _two,
        "events": _events,
        "stretches": _stretches,
        "priority": _priority,
    }
    chosen = filters.choice(
        say("pressure.view"),
        tuple(views),
        key="view",
        default="sensors",
        named=lambda name: say(f"pressure.view_{name}"),
    )
    views[chosen](say)


def _asked(say: Words, *, back: int, every: bool = True) -> tuple[DistrictsPolicy, water.Asked] | None:
    """Districts and days; ``None`` where there is nothing to ask about, which has been said."""
    districts = policy(DistrictsPolicy)
    if not any(one.sensors for one in districts.districts.values()):
        st.info(say("pressure.no_sensors"), icon=":material/info:")
        return None
    known = remembered(queries.extent, districts, say.zone)
    if known is None:
        st.info(say("pressure.no_samples"), icon=":material/info:")
        return None
    left, right = st.columns(2)
    district = ""
    if every:
        with left:
            names = ("", *districts.districts)
            district = filters.one_of(
                say("water.district"), names, key="district", named=lambda name: name or say("pressure.all_districts")
            )
    with right if every else left:
        days = filters.period(say, known, back=back, key=f"days_{back}")
    return None if days is None else (districts, water.Asked(say.zone, days[0], days[1], district))


def _sensors(say: Words) -> None:
    asked = _asked(say, back=6)
    if asked is None:
        return
    found = remembered(queries.sensors, *asked)
    sums = found.select(pl.col(_EVENTS).sum()).row(0, named=True)
    cells: list[Cell] = [(say("pressure.sensors"), say.number(found.height), None)]
    cells += [(say(f"pressure_event.{kind}"), say.number(sums[kind]), say(f"pressure_help.{kind}")) for kind in _EVENTS]
    draw_cells(cells)
    table(
        say,
        found,
        completed=places.located,
        key="sensors",
        file_name=f"pressure_{asked[1].first}_{asked[1].last}",
        nothing=say("pressure.no_samples"),
        shown=_SENSORS,
        headings={name: say(f"pressure_event.{name}") for name in _EVENTS} | {"samples": say("pressure.samples")},
        digits=_DIGITS,
        help_texts={name: say(f"pressure_help.{name}") for name in ("gradient_bar_h", "head_m", "surge", "drop")},
    )
    zones = remembered(water.zone_pressures, asked[1])
    if zones.height:
        st.subheader(say("pressure.zones"))
        st.plotly_chart(charts.zones(zones, say), config=CONFIG, key="zones", alt=say("pressure.zones"))
        st.caption(say("pressure.zone_method", method=say.named("pressure_method", zones["pressure_method"][-1])))


def _two(say: Words) -> None:
    asked = _asked(say, back=1, every=False)
    if asked is None:
        return
    districts, of = asked
    seen = set(remembered(subjects.metering_points)["metering_point"])
    named = dict.fromkeys(point for one in districts.districts.values() for point in one.sensors)
    names = tuple(point for point in named if point in seen)
    if not names:
        st.info(say("pressure.no_samples"), icon=":material/info:")
        return
    heights = {point: one.elevation_m for of_ in districts.districts.values() for point, one in of_.sensors.items()}
    left, right = st.columns(2)
    with left:
        first = filters.one_of(say("pressure.first"), names, key="first")
    with right:
        others = tuple(name for name in names if name != first) or names
        second = filters.one_of(say("pressure.second"), others, key="second")
    grid = remembered(water.pressures, districts, of).filter(pl.col("metering_point").is_in([first, second]))
    if grid.is_empty():
        st.info(say("pressure.none_in_days"), icon=":material/info:")
        return
    difference = remembered(queries.difference, districts, of, first, second)
    events = remembered(water.pressure_events, of).filter(pl.col("metering_point").is_in([first, second]))
    known = heights[first] is not None and heights[second] is not None
    title = say("pressure.head_difference" if known else "pressure.pressure_difference")
    if not known:
        st.caption(say("pressure.no_elevation"))
    middle = difference["difference_m"]
    cells = (
        (say("pressure.median"), say.amount(_of(middle.median()), "m", 2), title),
        (say("pressure.smallest"), say.amount(_of(middle.min()), "m", 2), None),
        (say("pressure.largest"), say.amount(_of(middle.max()), "m", 2), None),
        (say("pressure_event.surge"), say.number(events.filter(kind="surge").height), say("pressure_help.surge")),
    )
    draw_cells(cells)
    figure = charts.two(grid, difference, events, title, say)
    st.plotly_chart(figure, config=CONFIG, key="two", alt=f"{first}, {second}: {title}")
    table(
        say,
        grid,
        key="grid",
        file_name=f"pressure_{first}_{second}_{of.first}_{of.last}",
        nothing=say("pressure.none_in_days"),
        headings={"samples": say("pressure.samples")},
        digits=_DIGITS | {"range_bar": 2},
        may_group=False,
    )


def _of(value: object) -> float | None:
    return float(value) if isinstance(value, float) else None


def _events(say: Words) -> None:
    asked = _asked(say, back=30)
    if asked is None:
        return
    kinds = filters.several(say("pressure.kind"), _EVENTS, key="kind", named=lambda name: say(f"pressure_event.{name}"))
    found = remembered(water.pressure_events, asked[1])
    st.caption(say("pressure.hammer"))
    table(
        say,
        found.filter(pl.col("kind").is_in(kinds or _EVENTS)).sort("at", descending=True),
        key="events",
        file_name=f"pressure_events_{asked[1].first}_{asked[1].last}",
        nothing=say("pressure.no_events"),
        headings={name: say(f"pressure_column.{name}") for name in _HEADINGS},
        values={"kind": "pressure_event"},
        digits=_DIGITS,
    )


def _stretches(say: Words) -> None:
    asked = _asked(say, back=30)
    if asked is None:
        return
    found = remembered(water.stretches, *asked)
    table(
        say,
        found,
        key="stretches",
        file_name=f"stretches_{asked[1].first}_{asked[1].last}",
        nothing=say("pressure.no_stretches"),
        headings={name: say(f"pressure_column.{name}") for name in _HEADINGS},
        digits=_DIGITS,
        help_texts={"resistance": say("pressure_help.resistance")},
    )


def _priority(say: Words) -> None:
    end = datetime.combine(datetime.now(say.zone).date(), datetime.max.time(), say.zone).astimezone(UTC)
    found = remembered(queries.priority, PRIORITY, end)
    with installation().registry.begin(readonly=True) as session:
        quota = priority_quota(session, organisation())
    read = found.filter(pl.col("readings_24h") >= 0.9 * _PER_DAY).height
    cells = (
        (say("pressure.priority"), say.number(found.height), None),
        (say("pressure.quota"), say.number(quota), say("pressure.quota_help")),
        (say("pressure.well_read"), say.number(read), say("pressure.well_read_help", expected=say.number(_PER_DAY))),
    )
    draw_cells(cells)
    table(
        say,
        found,
        completed=places.located,
        key="priority",
        file_name="priority_meters",
        nothing=say("pressure.no_priority", group=PRIORITY),
        shown=(
            "metering_point",
            "address",
            "meter_id",
            "last_at",
            "readings_24h",
            "longest_gap_min",
            "pressure_bar",
            "flow_m3h",
        ),
        digits=_DIGITS,
    )
