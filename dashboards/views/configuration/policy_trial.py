"""A policy's document run over past days before it holds: what it would find anew, and what no more."""

import json
from datetime import datetime, timedelta

import polars as pl
import streamlit as st

from assets.steps.trying import try_policy
from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.words import Words
from registry import trials
from registry.models import PolicyTrial
from registry.people.rights import SYSTEM_CONFIGURATION, Right
from warehouse.transforms.validation.catalogue import RULES

RIGHT = Right(SYSTEM_CONFIGURATION)
COUNTS = ("new", "vanished", "changed", "unchanged")
_BACK = timedelta(days=6)


def trial(say: Words, kind: str, document: str) -> None:
    """Draws what tries a document, and the result of its newest trial.

    Args:
        say: Who reads it.
        kind: Name of the policy.
        document: YAML, as it stands on the page.
    """
    if organisation() != installation().organisation:
        return
    st.subheader(say("trial.title"))
    yesterday = datetime.now(say.zone).date() - timedelta(days=1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = st.date_input(
            say("filter.days", zone=say.zone.key), (yesterday - _BACK, yesterday), key="trial_days", format="YYYY-MM-DD"
        )
        if st.button(say("trial.run"), icon=":material/science:", key="try") and len(days) == 2:
            first, last = days

            def run(work: Working) -> pl.DataFrame:
                return try_policy(work.house, document, first, last, **work.by)

            with st.spinner(say("trial.running"), show_time=True):
                is_done = asking.worked(RIGHT, run, said=lambda _: say("trial.done"))
            if is_done:
                st.rerun()
    with installation().registry.begin(readonly=True) as session:
        newest = trials.newest(session, organisation(), kind, document)
    if newest is None:
        st.caption(say("trial.none"))
    else:
        _draw(say, newest)


def _draw(say: Words, newest: PolicyTrial) -> None:
    st.markdown(
        say(
            "trial.ran",
            who=asking.name_of(newest.identity, organisation()),
            at=say.instant(newest.run_at),
            first=say.date(newest.first_day),
            last=say.date(newest.last_day),
        )
    )
    found = json.loads(newest.result)
    names = {code: rule.name for code, rule in RULES.items()}
    rows = pl.DataFrame(
        [(code, names.get(code), *(counts[name] for name in COUNTS)) for code, counts in found.items()],
        schema={"rule": pl.String, "rule_name": pl.String, **dict.fromkeys(COUNTS, pl.Int64)},
        orient="row",
    )
    differing = rows.filter(pl.sum_horizontal("new", "vanished", "changed") > 0)
    shown = {f"found_{name}": name for name in COUNTS}
    table(
        say,
        (rows if differing.is_empty() else differing).select(
            "rule", "rule_name", **{column: pl.col(name) for column, name in shown.items()}
        ),
        key="trial",
        file_name="policy_trial",
        nothing=say("trial.nothing"),
    )
    st.caption(say("trial.no_difference" if differing.is_empty() else "trial.differing"))
