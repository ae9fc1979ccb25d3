"""The queue of what validation questions: its evidence, and decisions about it."""

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

import polars as pl
import streamlit as st

from assets.installation import Installation
from assets.steps.deciding import Choice, note, publish_decisions
from dashboards.charts.frame import CONFIG
from dashboards.charts.operation import questioned as chart
from dashboards.components import asking, filters, leading, members
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, viewer, words
from dashboards.words import Words
from registry import decisions
from registry.decisions import Subject
from registry.people.rights import READING_MANAGEMENT, Right
from warehouse.policies import ValidationPolicy
from warehouse.queries import exceptions as queries
from warehouse.queries.subjects import meters as every_meter
from warehouse.schemas.registers import CUMULATIVE, MAIN_REGISTER_OF, UNITS
from warehouse.transforms.validation.catalogue import RULES
from warehouse.transforms.validation.effects import STATES

RIGHT = Right(READING_MANAGEMENT)
_COLUMNS = (
    *("at", "rule", "kind", "severity", "address", "postal_code", "city", "serial", "metering_point", "meter_id"),
    *("register", "reason", "state", "waits", "reason_code", "value", "decided_by", "decided_at", "policy_version"),
)
_SHOWN = ("at", "rule", "severity", "state", "address", "serial", "register", "reason", "waits")
_STATES = ("open", "estimated", "approved", "rejected", "overridden", "resolved")
_ALL = "all"
_KEY = ("meter_id", "register", "at", "rule")


def page() -> None:
    """Draws the page."""
    say = words()
    known = remembered(queries.extent, say.zone)
    if known is None:
        st.info(say("exceptions.none_yet"), icon=":material/info:")
        return
    state = filters.choice(
        say("exceptions.state"),
        (*_STATES, _ALL),
        key="state",
        default="open",
        named=lambda name: say("exceptions.all") if name == _ALL else say(f"exception_state.{name}"),
    )
    left, middle, right = st.columns([1.2, 1.4, 1.2])
    with left:
        chosen = members.choose(say)
    with middle:
        days = filters.period(say, known, back=365)
    with right:
        rule = st.selectbox(
            say("exceptions.rule"),
            list(RULES),
            index=None,
            placeholder=say("exceptions.every_rule"),
            format_func=lambda code: f"{code} {say(f'rule.{code}')}",
            key="rule",
        )
    if chosen is None or days is None:
        return
    found = remembered(queries.exceptions, zone=say.zone, states=(), rule=rule or "", first=days[0], last=days[1])
    if chosen.points is not None:
        found = found.join(chosen.points, on="metering_point", how="semi", maintain_order="left")
    rows = _standing(found)
    kept = rows if state == _ALL else rows.filter(pl.col("state") == state)
    _list(say, kept)


def _standing(found: pl.DataFrame) -> pl.DataFrame:
    """Exceptions with decisions that figures do not follow yet."""
    with installation().registry.begin(readonly=True) as session:
        told = decisions.told(session, organisation(), found["meter_id"].unique().to_list())
    return decisions.standing(found, told)


def _list(say: Words, rows: pl.DataFrame) -> None:
    serials = remembered(every_meter).select("meter_id", "serial", "medium")
    full = rows.join(serials, on="meter_id", how="left", maintain_order="left")
    chosen = table(
        say,
        full.with_columns(asking.names(full["decided_by"]).alias("decided_by")),
        completed=lambda some: located(some).select(*_COLUMNS, "evidence", "medium", "number"),
        key="queue",
        file_name="exceptions",
        nothing=say("exceptions.nothing"),
        shown=_SHOWN,
        values={
            "state": "exception_state",
            "severity": "severity",
            "register": "register",
            "rule": "rule",
        },
    )
    if chosen.is_empty():
        if rows.height:
            st.caption(say("exceptions.choose"))
        return
    first = chosen.row(0, named=True)
    leading.from_row(first["metering_point"], first["meter_id"])
    left, right = st.columns([1.6, 1])
    with left:
        _evidence(say, first)
    with right:
        if viewer().may(RIGHT):
            _decision(say, chosen)


def _evidence(say: Words, row: dict[str, object]) -> None:
    code, at = str(row["rule"]), row["at"]
    st.markdown(f"**{code} {say.named('rule', code)}** · {row['meter_id']} · {row['reason']}")
    register = str(row["register"])
    register = register if register in UNITS else MAIN_REGISTER_OF.get(str(row["medium"]), "")
    if register and isinstance(at, datetime):
        readings = remembered(queries.around, str(row["meter_id"]), register, at)
        if readings.is_empty():
            st.info(say("exceptions.no_readings"), icon=":material/info:")
        else:
            st.plotly_chart(
                chart(readings, at, register, say),
                config=CONFIG,
                key="evidence_chart",
                alt=say("exceptions.chart", readings=say.number(readings.height), at=say.instant(at)),
            )
    told = json.loads(str(row["evidence"] or "{}"))
    if told:
        with st.expander(say("exceptions.evidence"), icon=":material/fact_check:"):
            st.table({say("exceptions.fact"): list(told), say("exceptions.value"): [str(one) for one in told.values()]})


def _decision(say: Words, chosen: pl.DataFrame) -> None:
    known = policy(ValidationPolicy)
    single = chosen.height == 1 and chosen["register"][0] in CUMULATIVE
    subjects = [(Subject(*row[:-1]), row[-1]) for row in chosen.select(*_KEY, "number").iter_rows()]
    with st.form("decision"):
        st.markdown(say("exceptions.decide", count=say.number(chosen.height)))
        st.radio(
            say("exceptions.decision"),
            [name for name in STATES if name != "override" or single],
            format_func=lambda name: say(f"decision.{name}"),
            key="decision_kind",
        )
        if single:
            label = say("exceptions.true_value", register=say.register(chosen["register"][0]))
            st.text_input(label, key="decision_value", help=say("exceptions.true_value_help"))
            st.toggle(say("exceptions.force"), key="decision_force", help=say("exceptions.force_help"))
        st.selectbox(
            say("exceptions.code"),
            list(known.reason_codes),
            format_func=lambda name: say.texts.get(f"reason_code.{name}", known.reason_codes[name]),
            key="decision_code",
        )
        st.text_input(say("exceptions.reason"), key="decision_reason", help=say("exceptions.reason_help"))
        if known.four_eyes:
            st.caption(say("exceptions.four_eyes"))
        st.form_submit_button(
            say("exceptions.save"), type="primary", icon=":material/gavel:", on_click=_decide, args=(subjects,)
        )


def _number(text: str) -> Decimal | None:
    """A register as people type it; ``None`` where it is none."""
    plain = text.strip().replace("\N{NARROW NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".")
    whole, _, part = plain.partition(".")
    is_number = whole.isascii() and whole.isdecimal() and len(whole) <= 12
    return Decimal(plain) if is_number and (not part or part.isdecimal()) and len(part) <= 6 else None


def _choice(say: Words) -> Choice | None:
    """What the form says; ``None`` where something is missing, which has been said."""
    form = st.session_state
    decision, reason = str(form["decision_kind"]), str(form["decision_reason"])
    value = _number(str(form["decision_value"])) if decision == "override" else None
    if decision == "override" and value is None:
        st.warning(say("exceptions.no_number"), icon=":material/edit:")
        return None
    if not reason.strip():
        st.warning(say("exceptions.no_reason"), icon=":material/edit:")
        return None
    return Choice(decision, str(form["decision_code"]), reason, value, forced=bool(form.get("decision_force")))


def _decide(subjects: Sequence[tuple[Subject, int]]) -> None:
    """Decides about exceptions as the form showed them: each with the last decision about it then, 0 for none."""
    say = words()
    choice = _choice(say)
    if choice is None:
        return
    known = policy(ValidationPolicy)
    in_effect: list[Subject] = []

    def decide(doing: asking.Doing) -> int:
        for subject, seen in subjects:
            last = decisions.latest(doing.session, doing.organisation, subject)
            asking.unchanged(seen, last.id if last else 0, subject.target)
            lake, organisation = doing.house.lake, doing.organisation
            if note(doing.session, lake, organisation, known, subject, choice, identity=doing.identity, now=doing.now):
                in_effect.append(subject)
        return len(subjects)

    if asking.done(RIGHT, decide, said=partial(_said, say, in_effect), publish=partial(_publish, in_effect)):
        st.session_state["decision_reason"] = ""


def _publish(in_effect: Sequence[Subject], house: Installation) -> None:
    publish_decisions(house, organisation(), in_effect, viewer().identity)


def _said(say: Words, in_effect: Sequence[Subject], count: int) -> str:
    if not in_effect:
        return say("exceptions.waits", count=say.number(count))
    return say("exceptions.done", count=say.number(len(in_effect)))
