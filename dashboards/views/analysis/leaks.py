"""Leaks and bursts that consumption shows, the worst first, with where they are."""

from datetime import timedelta

import polars as pl
import streamlit as st

from dashboards.charts import water as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import filters, links
from dashboards.components import map as places
from dashboards.components.cells import draw_cells
from dashboards.components.choosing import chosen_row
from dashboards.components.table import table
from dashboards.remembering import remembered
from dashboards.viewer import policy
from dashboards.words import Words
from warehouse.policies import LeakPolicy
from warehouse.queries import consumption, leaks, subjects

KINDS = ("continuous_flow", "slow_leak", "step_change", "burst", "periodic_draws")
STATES = ("suspected", "confirmed", "chronic")
_SHOWN = ("metering_point", "name", "address", "kind", "state", "first_seen", "last_seen", "rate_lh", "lost_l")
_DIGITS = {"hours": 0, "rate_lh": 1, "rate_low_lh": 1, "rate_high_lh": 1, "lost_l": 0, "lost_money": 2,
           "confidence": 2, "severity_l": 0}  # fmt: skip
_COLUMNS = ("kind", "state", "first_seen", "last_seen", "hours", "currency", "confidence", "name")
_AROUND = timedelta(days=3)
_LONGEST = timedelta(days=60)


def draw(say: Words) -> None:
    """Draws the part of the page.

    Args:
        say: Who reads it.
    """
    known = remembered(leaks.extent, say.zone)
    if known is None:
        st.info(say("leak.nothing"), icon=":material/info:")
        return
    left, middle, right, last = st.columns([1.2, 1, 1.2, 1.2])
    with left:
        days = filters.period(say, known, back=30, key="leak_days")
    with middle:
        whom = filters.members(say)
    with right:
        kinds = filters.several(say("leak.kind"), KINDS, key="kind", named=lambda name: say(f"leak_kind.{name}"))
    with last:
        states = filters.several(say("leak.state"), STATES, key="state", named=lambda name: say(f"leak_state.{name}"))
    if days is None or whom is None:
        return
    asked = leaks.Asked(say.zone, days[0], days[1])
    rules = policy(LeakPolicy)
    every = remembered(leaks.report, rules, asked, whom[1])
    found = every.filter(pl.col("kind").is_in(kinds or KINDS), pl.col("state").is_in(states or STATES))
    if found.is_empty():
        st.success(say("leak.none_found"), icon=":material/check:")
        return
    _figures(say, found, rules)
    chosen = table(
        say,
        found,
        completed=places.located,
        key="leaks",
        file_name=f"leaks_{days[0]}_{days[1]}",
        nothing=say("leak.none_found"),
        shown=_SHOWN,
        headings={name: say(f"leak_column.{name}") for name in _COLUMNS},
        values={"kind": "leak_kind", "state": "leak_state"},
        digits=_DIGITS,
        help_texts={"confidence": say("leak.confidence_help"), "severity_l": say("leak.severity_help")},
    )
    _detail(say, found, chosen)


def _figures(say: Words, found: pl.DataFrame, rules: LeakPolicy) -> None:
    sums = leaks.summary(found)
    cells = (
        (say("leak.points"), say.number(sums["points"]), None),
        (say("leak.confirmed"), say.number(sums["confirmed"]), say("leak.confirmed_help")),
        (say("leak.lost"), say.amount(sums["lost_l"] / 1000, "m3", 1), say("leak.lost_help")),
        (
            say("leak.money"),
            say.amount(sums["lost_money"] if rules.price_per_m3 else None, rules.currency, 2),
            say("leak.money_help"),
        ),
    )
    draw_cells(cells)


def _detail(say: Words, found: pl.DataFrame, chosen: pl.DataFrame) -> None:
    """The hours around the leak that is chosen in the table, else in the list."""
    st.subheader(say("leak.evidence"))
    row = chosen_row(
        say("leak.which"),
        found,
        chosen,
        key="leak",
        mark=lambda one: f"{one['metering_point']}:{one['kind']}:{one['first_seen']:%Y-%m-%dT%H}",
        named=lambda one: (
            f"{one['metering_point']} · {say.named('leak_kind', one['kind'])} · {say.instant(one['first_seen'])}"
        ),
    )
    begin = max(row["first_seen"], row["last_seen"] - _LONGEST)  # of a leak of years the end tells enough
    first, last = ((at.astimezone(say.zone)).date() for at in (begin - _AROUND, row["last_seen"] + _AROUND))
    hours = remembered(
        consumption.figures,
        subjects.point(row["metering_point"]),
        interval="hourly",
        register="volume_m3",
        first=first,
        last=last,
    )
    if hours.is_empty():
        st.info(say("leak.no_hours"), icon=":material/info:")
        return
    figure = charts.leak(hours, begin, row["last_seen"], row["rate_lh"], say)
    st.plotly_chart(figure, config=CONFIG, key="leak_hours", alt=say("leak.evidence"))
    point, days = str(row["metering_point"]), [str(first), str(last)]
    address: dict[str, str | list[str]] = {"point": point, "interval": "daily", "days_daily": days}
    links.link("consumption", say("leak.consumption", point=point), address, icon="bar_chart")
