"""Heat reports: cooling, inlet and outlet temperature; heat without the weather, signatures, motivation tariff."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import polars as pl
import streamlit as st

from dashboards.charts import heat as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters
from dashboards.components import map as places
from dashboards.components.cells import draw_cells
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy, words
from dashboards.views.analysis import heat_normalised, heat_ratings, heat_signatures, motivation_tariff
from dashboards.words import Words
from warehouse.policies import HeatPolicy, RatingsPolicy, WeatherPolicy
from warehouse.queries import heat, heat_days

KINDS: tuple[heat.Kind, ...] = ("cooling", "inlet", "outlet")
COLUMN: dict[heat.Kind, str] = {"cooling": "cooling_k", "inlet": "flow_temp_c", "outlet": "return_temp_c"}
_DIGITS = {"flow_temp_c": 1, "return_temp_c": 1, "cooling_k": 1, "volume_m3": 2, "energy_kwh": 0, "excess_m3": 1}
_MORE_DIGITS = {"error_k": 2, "target_k": 1, "energy_cooling_k": 1, "target_m3": 1}
_LIST, _MAP = "list", "map"


def page() -> None:
    """Draws the page."""
    say = words()
    views: dict[str, Callable[[Words], None]] = {
        "report": _report,
        "normalised": heat_normalised.draw,
        "signatures": heat_signatures.draw,
        "tariff": motivation_tariff.draw,
        "ratings": heat_ratings.draw,
    }
    chosen = filters.choice(
        say("heat.view"), tuple(views), key="view", default="report", named=lambda name: say(f"heat.view_{name}")
    )
    views[chosen](say)


def _report(say: Words) -> None:
    known = remembered(heat_days.extent)
    if known is None:
        st.info(say("heat.no_figures"), icon=":material/info:")
        return
    kind = filters.choice(
        say("heat.kind"), KINDS, key="type", default="cooling", named=lambda name: say(f"heat.kind_{name}")
    )
    left, right = st.columns(2)
    with left:
        days = filters.period(say, known, back=29)
    with right:
        whom = filters.members(say)
    if days is None or whom is None:
        return
    group, points = whom
    asked = _limited(say, heat.Asked(days[0], days[1], say.zone, kind, group=group))
    if asked.from_k is not None and asked.to_k is not None and asked.to_k < asked.from_k:
        st.warning(say("heat.limits_crossed"), icon=":material/warning:")
        return
    found = remembered(heat.report, policy(HeatPolicy), policy(RatingsPolicy), asked, points)
    if found.is_empty():
        st.info(say("heat.none_found"), icon=":material/info:")
        return
    _figures(say, found, kind)
    shown = filters.choice(
        say("heat.shown"), (_LIST, _MAP), key="shown", default=_LIST, named=lambda name: say(f"heat.shown_{name}")
    )
    if shown == _MAP:
        labels = partial(charts.labels, column=COLUMN[kind], say=say)
        places.draw(say, places.placed(charts.rated(found)), key="map", labels=labels, rules=charts.rules(say))
        return
    _chart(say, found, asked)
    chosen = _table(say, found, kind, f"heat_{kind}_{days[0]}_{days[1]}")
    _course(say, chosen, asked)


def _limited(say: Words, asked: heat.Asked) -> heat.Asked:
    """What is asked with the filters of its kind."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ratings = filters.several(
            say("heat.rating"), heat.RATINGS, key="rating", named=lambda name: say(f"rating.{name}")
        )
        if asked.kind == "cooling":
            from_k = filters.number(say("heat.from_k"), key="from_k", unit="K")
            to_k = filters.number(say("heat.to_k"), key="to_k", unit="K")
            return replace(asked, ratings=frozenset(ratings), from_k=from_k, to_k=to_k)
        higher = filters.number(say("heat.higher_than"), key="higher_than", unit="°C")
        return replace(asked, ratings=frozenset(ratings), higher_than=higher)


def _figures(say: Words, found: pl.DataFrame, kind: heat.Kind) -> None:
    sums = heat.summary(found)
    cells = (
        (say("heat.points"), say.number(sums["points"]), say("heat.unknown_help", count=say.number(sums["unknown"]))),
        (
            say(f"heat.mean_{kind}"),
            say.amount(sums[COLUMN[kind]], "K" if kind == "cooling" else "degC", 1),
            say("heat.mean_help"),
        ),
        (say("heat.poor"), say.number(sums["poor"]), say("heat.poor_help")),
        (say("heat.excess"), say.amount(sums["excess_m3"], "m3", 0), say("heat.excess_help")),
    )
    draw_cells(cells)


def _chart(say: Words, found: pl.DataFrame, asked: heat.Asked) -> None:
    column = COLUMN[asked.kind]
    if asked.kind != "cooling":
        figure = charts.distribution(found, column, say.heading(column), say, limit=asked.higher_than)
        st.plotly_chart(figure, config=CONFIG, key="chart", alt=say("heat.distribution_alt"))
        return
    if heat.summary(found)["excess_m3"]:
        st.subheader(say("heat.ranking"))
        st.plotly_chart(charts.ranking(found, say), config=CONFIG, key="chart", alt=say("heat.ranking"))


def _table(say: Words, found: pl.DataFrame, kind: heat.Kind, file_name: str) -> pl.DataFrame:
    temperatures = (
        ("flow_temp_c", "return_temp_c", "cooling_k", "rating") if kind == "cooling" else (COLUMN[kind], "rating")
    )
    st.caption(say("heat.choose_row"))
    return table(
        say,
        found,
        completed=places.located,
        key="report",
        file_name=file_name,
        nothing=say("heat.none_found"),
        shown=("metering_point", "address", "volume_m3", "energy_kwh", *temperatures, "excess_m3", "rank"),
        values={"rating": "rating", "weighting": "weighting", "quality": "quality"},
        digits=_DIGITS | _MORE_DIGITS,
        absent=say("heat.na"),
        help_texts={name: say(f"heat_help.{name}") for name in ("excess_m3", "rank", "rating", "error_k")},
    )


def _course(say: Words, chosen: pl.DataFrame, asked: heat.Asked) -> None:
    """The days of the row that is chosen, a month at least."""
    if chosen.is_empty():
        return
    name = str(chosen["metering_point"][0])
    first = min(asked.first, asked.last - timedelta(days=30))
    days = remembered(heat_days.of_point, policy(WeatherPolicy), heat_days.Asked(name, first, asked.last, asked.zone))
    st.subheader(say("heat.course", point=name))
    st.plotly_chart(charts.course(days, say), config=CONFIG, key="course", alt=say("heat.course", point=name))
