"""How long data is kept: the policy, what it lets go, holds, runs and certificates."""

from datetime import UTC, date, datetime

import polars as pl
import streamlit as st

from assets.steps.retention import EXPORTED, plan, run
from dashboards.components import asking
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.seen import seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.views.configuration.policies import RIGHT, put_in_force
from dashboards.words import Words
from registry import erasures, policies, retention
from registry.policies import Stored
from warehouse.policies import RetentionPolicy, presets, read_as

KIND = "retention"
_COUNTED = "retention_counted"


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    with installation().registry.begin(readonly=True) as session:
        now = policies.stored(session, organisation(), KIND)
    now = seen(say, f"policy_{KIND}", now)
    _policy(say, now)
    _preset(say, now)
    _plan(say, now)
    _holds(say)
    _certificates(say)


def _policy(say: Words, now: Stored) -> None:
    policy = read_as(RetentionPolicy, now.document)
    st.markdown(
        say("keeping.in_force", version=now.version)
        + " "
        + say("keeping.automatic" if policy.automatic else "keeping.by_hand")
    )
    rows = [
        (
            number,
            ", ".join(sorted(say.named("medium_name", name) for name in rule.media)) or say("keeping.everything"),
            ", ".join(sorted(say.named("retention_zone", name) for name in rule.zones)) or say("keeping.everything"),
            ", ".join(sorted(say.named("reading_source", name) for name in rule.sources)) or say("keeping.everything"),
            stage.after_months,
            stage.keep,
        )
        for number, rule in enumerate(policy.rules, start=1)
        for stage in rule.stages
    ]
    names = ("rule", "media", "zones", "sources", "after_months", "keep")
    types = {name: pl.Int64 if name in ("rule", "after_months") else pl.String for name in names}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    table(
        say,
        frame,
        key="rules",
        file_name="retention_rules",
        nothing=say("keeping.no_rules"),
        values={"keep": "retention_keep"},
    )


def _preset(say: Words, now: Stored) -> None:
    with st.expander(say("keeping.presets"), icon=":material/library_books:"):
        known = presets()
        name = st.selectbox(say("keeping.preset"), list(known), key="preset")
        st.code(known[name], language="yaml")
        reason = st.text_input(say("policies.reason"), key="preset_reason").strip()
        is_off = not reason or known[name] == now.document
        if st.button(say("policies.save"), type="primary", disabled=is_off, key="save_preset") and put_in_force(
            say, now, known[name], reason
        ):
            st.session_state.pop(_COUNTED, None)
            st.rerun()
        st.caption(say("keeping.own_document"))


def _plan(say: Words, now: Stored) -> None:
    st.subheader(say("keeping.plan"))
    if st.button(say("keeping.count"), icon=":material/calculate:", key="count"):
        with st.spinner(say("keeping.counting"), show_time=True):
            st.session_state[_COUNTED] = (now.version, datetime.now(UTC), plan(installation(), datetime.now(UTC)))
    version, at, counted = st.session_state.get(_COUNTED, (None, None, None))
    if version != now.version or counted is None:
        st.caption(say("keeping.count_first"))
        return
    rows = int(counted.filter(pl.col("stage") != EXPORTED)["rows"].sum())
    st.caption(say("keeping.counted", rows=say.number(rows), at=say.instant(at)))
    table(
        say,
        counted.rename({"table": "table_name", "stage": "keep"}),
        key="plan",
        file_name="retention_plan",
        nothing=say("keeping.nothing"),
        values={"keep": "retention_keep", "medium": "medium_name"},
    )
    if rows and confirmed(
        say, say("keeping.run"), say("keeping.run_help", rows=say.number(rows)), key="run", icon="delete_forever"
    ):
        with st.spinner(say("keeping.running"), show_time=True):
            is_done = asking.worked(
                RIGHT,
                lambda work: run(work.house, **work.by),
                said=lambda done: (
                    say("keeping.done", number=done.certificate, rows=say.number(sum(done.rows.values())))
                    if done
                    else say("keeping.nothing")
                ),
            )
        if is_done:
            st.session_state.pop(_COUNTED)
            st.rerun()


def _holds(say: Words) -> None:
    st.subheader(say("keeping.holds"))
    found = erasures.holds(installation().registry, organisation())
    columns = {"metering_point": TEXT, "first_day": pl.Date(), "last_day": pl.Date(), "reason": TEXT, "placed_at": WHEN}
    rows = rows_of(found, {"id": COUNT, **columns}).rename({"id": "number"})
    chosen = table(say, rows, key="holds", file_name="legal_holds", nothing=say("keeping.no_holds"), may_group=False)
    with st.container(horizontal=True):
        with st.popover(say("keeping.place"), icon=":material/lock:"), st.form("hold", border=False):
            point = st.text_input(say("column.metering_point")).strip()
            first = st.date_input(say("keeping.first_day"), None, format="YYYY-MM-DD")
            last = st.date_input(say("keeping.last_day"), None, format="YYYY-MM-DD")
            reason = st.text_input(say("policies.reason")).strip()
            if st.form_submit_button(say("config.save"), type="primary") and _place(say, point, first, last, reason):
                st.rerun()
        label = say("keeping.release")
        numbers = chosen["number"].to_list() if chosen.height else []
        if confirmed(
            say, label, say("keeping.release_help"), key="release", icon="lock_open", disabled=not numbers
        ) and _release(say, numbers):
            st.rerun()


def _place(say: Words, point: str, first: object, last: object, reason: str) -> bool:
    if not (point and reason):
        st.warning(say("keeping.hold_incomplete"), icon=":material/warning:")
        return False
    return asking.worked(
        RIGHT,
        lambda work: erasures.place_hold(
            work.house.registry,
            work.organisation,
            point,
            first_day=first if isinstance(first, date) else None,
            last_day=last if isinstance(last, date) else None,
            reason=reason,
            **work.by,
        ),
        said=lambda number: say("keeping.placed", number=number, point=point),
    )


def _release(say: Words, numbers: list[int]) -> bool:
    def release(work: asking.Working) -> int:
        for number in numbers:
            erasures.release_hold(work.house.registry, work.organisation, number, **work.by)
        return len(numbers)

    return asking.worked(RIGHT, release, said=lambda count: say("keeping.released", count=count))


def _certificates(say: Words) -> None:
    st.subheader(say("keeping.certificates"))
    with installation().registry.begin(readonly=True) as session:
        found = retention.certificates(session, organisation())
        columns = {
            "id": COUNT,
            "finished_at": WHEN,
            "as_of": WHEN,
            "policy_version": COUNT,
            "identity": TEXT,
            "digest": TEXT,
        }
        rows = named(rows_of(reversed(found), columns), "identity").rename({"id": "number"})
        chosen = table(say, rows, key="certificates", file_name="certificates", nothing=say("keeping.no_certificates"))
        if chosen.height:
            counts = retention.counts(session, chosen["number"][0])
            types = {"table_name": TEXT, "rows_before": COUNT, "rows_removed": COUNT, "rows_after": COUNT}
            table(
                say,
                rows_of(counts, types),
                key="counts",
                file_name="certificate",
                nothing="",
            )
