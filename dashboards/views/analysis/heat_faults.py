"""Faults of district-heating substations: ranked, with evidence, and what people found of them."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import plotly.graph_objects as go
import polars as pl
import streamlit as st

from dashboards.charts import heat as charts
from dashboards.charts.frame import CONFIG
from dashboards.components import asking, filters
from dashboards.components import map as places
from dashboards.components.cells import draw_cells
from dashboards.components.choosing import chosen_row
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, viewer, words
from dashboards.views.analysis.heat_signatures import heating_year, lines_of
from dashboards.words import Words
from registry import heat_faults as registry
from registry.people.rights import READING_MANAGEMENT, Right
from warehouse.policies import WeatherPolicy
from warehouse.queries import heat_days, weather
from warehouse.queries import heat_faults as queries
from warehouse.transforms.heat_fault_rules import CONTROL, LOAD, LOW_COOLING, OUTLIER, RETURN, RULES, SHIFT, WEATHER

RIGHT = Right(READING_MANAGEMENT)
_SHOWN = ("rank", "metering_point", "address", "rule", "since", "score", "value", "limit", "excess_m3", "verdict")
_DIGITS = {"score": 2, "value": 2, "limit": 2, "excess_m3": 0, "cost": 2}
_COLUMNS = ("rank", "rule", "since", "score", "reason", "cost", "verdict", "verdict_reason", "value", "limit")
_IN_DEGREES = (LOW_COOLING, OUTLIER, RETURN)


def page() -> None:
    """Draws the page."""
    say = words()
    years = remembered(queries.years)
    if years.is_empty():
        st.info(say("fault.nothing"), icon=":material/info:")
        return
    left, middle, right = st.columns([1.2, 1, 1.6])
    with left:
        begin, end = heating_year(say, years)
    with middle:
        whom = filters.members(say)
    with right:
        rules = filters.several(say("fault.rule"), RULES, key="rule", named=lambda rule: say(f"fault_rule.{rule}"))
    dismissed = st.toggle(say("fault.with_dismissed"), key="dismissed", bind="query-params")
    if whom is None:
        return
    found = remembered(queries.report, at=begin, points=whom[1], with_dismissed=dismissed)
    shown = found.filter(pl.col("rule").is_in(rules)) if rules else found
    if shown.is_empty():
        st.success(say("fault.none_found"), icon=":material/check:")
        return
    _figures(say, shown)
    chosen = table(
        say,
        shown,
        completed=places.located,
        key="faults",
        file_name=f"heat_faults_{begin.astimezone(say.zone):%Y-%m}",
        nothing=say("fault.none_found"),
        shown=_SHOWN,
        headings={name: say(f"fault_column.{name}") for name in _COLUMNS},
        values={"rule": "fault_rule", "verdict": "verdict"},
        digits=_DIGITS,
        help_texts={"score": say("fault.score_help"), "value": say("fault.value_help")},
    )
    _detail(say, shown, chosen, begin, end)


def _figures(say: Words, shown: pl.DataFrame) -> None:
    sums = queries.summary(shown)
    cells = (
        (say("fault.faults"), say.number(sums["faults"]), None),
        (say("fault.points"), say.number(sums["points"]), None),
        (say("fault.excess"), say.amount(sums["excess_m3"], "m3", 0), say("fault.excess_help")),
        (say("fault.cost"), say.number(sums["cost"], 2), say("fault.cost_help")),
    )
    draw_cells(cells)


def _detail(say: Words, shown: pl.DataFrame, chosen: pl.DataFrame, begin: datetime, end: datetime) -> None:
    """The fault that is chosen in the table, else in the list, with its evidence and its verdicts."""
    st.subheader(say("fault.evidence"))
    row = chosen_row(
        say("fault.which"),
        shown,
        chosen,
        key="fault",
        mark=lambda one: f"{one['metering_point']}:{one['rule']}",
        named=lambda one: f"{one['metering_point']} · {say.named('fault_rule', one['rule'])}",
    )
    rule = row["rule"]
    why = say(f"fault_why.{rule}")
    st.markdown(f"**{row['metering_point']} · {say.named('fault_rule', rule)}** — {why}")
    last = min((end - timedelta(seconds=1)).astimezone(say.zone).date(), datetime.now(say.zone).date())
    asked = heat_days.Asked(row["metering_point"], begin.astimezone(say.zone).date(), last, say.zone)
    days = remembered(heat_days.of_point, policy(WeatherPolicy), asked)
    if days.is_empty():
        st.info(say("fault.no_days"), icon=":material/info:")
    else:
        figure = _evidence(say, row, days, begin)
        st.plotly_chart(figure, config=CONFIG, key="evidence", alt=say("fault.evidence"))
    _verdicts(say, row)


def _evidence(say: Words, row: dict[str, Any], days: pl.DataFrame, begin: datetime) -> go.Figure:
    """What the rule looked at."""
    rule, since, limit = row["rule"], row["since"], row["limit"]
    if rule in (WEATHER, SHIFT) and days["outdoor_temp_c"].count():
        years = remembered(weather.signature_years)["period_start"].to_list()
        before = [start for start in years if start < begin][:1] if rule == SHIFT else []
        lines: dict[str, tuple[float, float, float]] = {}
        for start in (begin, *before):
            lines |= lines_of(say, row["metering_point"], remembered(weather.signature_report, start))
        return charts.signature(days, lines, say)
    if rule == LOAD and days["night_energy_share"].count():
        night = limit if limit is not None and limit < 0.5 else None  # the ratio of weekends lies above
        return charts.shares(days, "night_energy_share", say("fault.night_share"), say, limit=night, since=since)
    if rule == CONTROL and days["hunting_share"].count():
        return charts.shares(days, "hunting_share", say("fault.hunting"), say, limit=limit, since=since)
    return charts.course(days, say, limit=limit if rule in _IN_DEGREES else None, since=since)


def _verdicts(say: Words, row: dict[str, Any]) -> None:
    point, rule, start = row["metering_point"], row["rule"], row["period_start"]
    with installation().registry.begin(readonly=True) as session:
        known = registry.reviews(session, organisation(), point, rule, start)
    for one in known:
        who = asking.name_of(one.identity, organisation())
        verdict = say.named("verdict", one.verdict)
        st.caption(say("fault.reviewed", verdict=verdict, who=who, at=say.instant(one.known_from), reason=one.reason))
    if not viewer().may(RIGHT):
        return
    key = f"{point}:{rule}:{start.astimezone(UTC):%Y-%m}"
    latest = known[0].known_from if known else None
    # What somebody saw who writes a reason, not what another one has said meanwhile.
    read = st.session_state.setdefault(f"read_{key}", (latest,))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input(say("fault.reason"), key=f"reason_{key}", help=say("fault.reason_help")).strip()
        for verdict in get_args(registry.Verdict):
            if st.button(say(f"fault.say_{verdict}"), disabled=not reason, key=f"{verdict}_{key}"):
                _review(say, row, verdict, reason, read, key)


def _review(
    say: Words, row: dict[str, Any], verdict: registry.Verdict, reason: str, read: tuple[object], key: str
) -> None:
    point, rule, start = row["metering_point"], row["rule"], row["period_start"]

    def review(doing: asking.Doing) -> None:
        known = registry.reviews(doing.session, doing.organisation, point, rule, start)
        asking.unchanged(read, (known[0].known_from if known else None,), point)
        registry.review(
            doing.session,
            doing.organisation,
            point,
            rule,
            start,
            verdict,
            reason=reason,
            identity=doing.identity,
            now=doing.now,
        )

    named = say.named("fault_rule", rule)
    if asking.done(
        RIGHT, review, said=lambda _: say("fault.done", point=point, rule=named, verdict=say.named("verdict", verdict))
    ):
        del st.session_state[f"read_{key}"]
        st.rerun()
