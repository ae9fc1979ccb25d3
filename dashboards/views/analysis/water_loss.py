"""Water loss: balances of districts with their uncertainty, night flow, alarms, and leaks of customers."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import polars as pl
import streamlit as st

from dashboards.charts import water as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components.cells import draw_cells
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy, words
from dashboards.views.analysis import leaks
from dashboards.words import Words
from warehouse.policies import DistrictsPolicy
from warehouse.queries import water as queries
from warehouse.transforms.losses import CONNECTIONS_FROM, DENSITY_FROM, PRESSURES

Interval = Literal["daily", "monthly"]
_SHOWN = ("day", "state", "loss_m3_per_day", "loss_low_m3", "loss_m3", "loss_high_m3", "loss_l_per_connection_day",
          "ili", "coverage", "input_m3", "real_loss_m3", "apparent_loss_m3", "nrw_m3")  # fmt: skip
_NIGHT = ("day", "mnf_m3h", "lnu_m3h", "lnu_method", "lnu_coverage", "leak_night_m3h", "hdf_h", "leakage_m3")
_WHOLE = {"unbilled_m3", "uarl_m3", "members", "members_measured", "days", "days_balanced"}
_SHARES = {"coverage": 2, "lnu_coverage": 2, "ili": 1, "loss_percent": 1}


def page() -> None:
    """Draws the page."""
    say = words()
    views: dict[str, Callable[[Words], None]] = {
        "balance": _balance,
        "night": _night,
        "alarms": _alarms,
        "leaks": leaks.draw,
    }
    chosen = filters.choice(
        say("water.view"), tuple(views), key="view", default="balance", named=lambda name: say(f"water.view_{name}")
    )
    views[chosen](say)


def _asked(say: Words, *, back: int) -> queries.Asked | None:
    """District and days; ``None`` where there is nothing to ask about, which has been said."""
    names = tuple(policy(DistrictsPolicy).districts)
    if not names:
        st.info(say("water.no_districts"), icon=":material/info:")
        return None
    known = remembered(queries.extent)
    if known is None:
        st.info(say("water.nothing"), icon=":material/info:")
        return None
    left, right = st.columns(2)
    with left:
        district = filters.one_of(say("water.district"), names, key="district")
    with right:
        days = filters.period(say, known, back=back, key=f"days_{back}")
    return None if days is None else queries.Asked(say.zone, days[0], days[1], district)


def _balance(say: Words) -> None:
    interval: Interval = filters.choice(
        say("filter.interval"),
        get_args(Interval),
        key="interval",
        default="monthly",
        named=lambda name: say(f"interval.{name}"),
    )
    asked = _asked(say, back=364 if interval == "monthly" else 30)
    if asked is None:
        return
    rows = remembered(queries.balances, asked, interval)
    if rows.is_empty():
        st.info(say("water.none_in_days"), icon=":material/info:")
        return
    _figures(say, rows.row(-1, named=True), interval)
    st.subheader(say("water.losses"))
    st.plotly_chart(charts.losses(rows, interval, say), config=CONFIG, key="losses", alt=say("water.losses"))
    st.subheader(say("water.where"))
    st.plotly_chart(charts.balance(rows, interval, say), config=CONFIG, key="balance", alt=say("water.where"))
    table(
        say,
        rows,
        key="balances",
        file_name=f"water_loss_{asked.district}_{asked.first}_{asked.last}",
        nothing=say("water.none_in_days"),
        shown=_SHOWN,
        headings={"days": say("water.days")},
        values={"state": "loss_state"},
        digits=_digits(rows),
        help_texts={"loss_percent": say("water.percent_help"), "ili": say("water.ili_help")},
    )


def _digits(rows: pl.DataFrame) -> dict[str, int]:
    return {name: 0 if name.endswith("_m3") or name in _WHOLE else 1 for name in rows.columns} | _SHARES


def _figures(say: Words, last: dict[str, Any], interval: Interval) -> None:
    """The newest period."""
    st.caption(say("water.newest", period=say.periods(pl.Series([last["day"]]), interval)[0]))
    bounds = say("water.bounds", low=say.number(last["loss_low_m3"], 0), high=say.number(last["loss_high_m3"], 0))
    cells = (
        (
            say("water.loss"),
            say.amount(last["loss_m3"], "m3", 0),
            f"{say.named('loss_state', last['state'])}. {bounds}",
        ),
        (say("water.per_connection"), say.amount(last["loss_l_per_connection_day"], "l", 0), None),
        (say("water.ili"), say.number(last["ili"], 1), say("water.ili_help")),
        (say("water.coverage"), say.percent(last["coverage"], 1), say("water.coverage_help")),
    )
    draw_cells(cells)
    if last["state"] != "known":
        st.warning(say(f"water.state_{last['state']}"), icon=":material/warning:")
    if last["ili_warning"]:
        own = policy(DistrictsPolicy).districts[last["district"]]
        low, high = PRESSURES
        numbers = {
            "connections": say.number(CONNECTIONS_FROM),
            "density": say.number(DENSITY_FROM),
            "low": say.number(low),
            "high": say.number(high),
            "own": say.number(own.connections),
            "own_density": say.number(own.connections / own.mains_km, 1),
        }
        st.warning(say("water.ili_warning", **numbers), icon=":material/warning:")


def _night(say: Words) -> None:
    asked = _asked(say, back=90)
    if asked is None:
        return
    rows = remembered(queries.night_flows, asked)
    if rows.is_empty():
        st.info(say("water.none_in_days"), icon=":material/info:")
        return
    last = rows.row(-1, named=True)
    cells = (
        (say("water.mnf"), say.amount(last["mnf_median_m3h"], "m3/h", 2), say("water.mnf_help")),
        (
            say("water.lnu"),
            say.amount(last["lnu_median_m3h"], "m3/h", 2),
            say.named("lnu_method", last["lnu_method"] or "unknown"),
        ),
        (say("water.leak_night"), say.amount(last["leak_night_m3h"], "m3/h", 2), None),
        (say("water.leakage"), say.amount(last["leakage_m3"], "m3", 0), say("water.leakage_help")),
    )
    draw_cells(cells)
    alarms = remembered(queries.loss_alarms, asked)
    st.plotly_chart(charts.night_flow(rows, alarms, say), config=CONFIG, key="night", alt=say("water.view_night"))
    table(
        say,
        rows,
        key="nights",
        file_name=f"night_flow_{asked.district}_{asked.first}_{asked.last}",
        nothing=say("water.none_in_days"),
        shown=_NIGHT,
        headings={"hours": say("water.hours")},
        values={"lnu_method": "lnu_method", "hdf_method": "hdf_method"},
        digits={name: 2 for name in rows.columns if name.endswith("_m3h")}
        | {"leakage_m3": 0, "hdf_h": 1, "lnu_coverage": 2},
    )


def _alarms(say: Words) -> None:
    asked = _asked(say, back=364)
    if asked is None:
        return
    rows = remembered(queries.loss_alarms, asked)
    table(
        say,
        rows,
        key="alarms",
        file_name=f"loss_alarms_{asked.district}_{asked.first}_{asked.last}",
        nothing=say("water.no_alarms"),
        headings={
            name: say(f"alarm_column.{name}")
            for name in ("kind", "first_day", "last_day", "days", "peak", "limit", "usual", "sigma")
        },
        values={"kind": "loss_alarm"},
        digits=dict.fromkeys(("peak", "limit", "usual", "sigma"), 1),
    )
    if rows.height:
        nights = remembered(queries.night_flows, asked)
        st.plotly_chart(charts.night_flow(nights, rows, say), config=CONFIG, key="night", alt=say("water.view_night"))
