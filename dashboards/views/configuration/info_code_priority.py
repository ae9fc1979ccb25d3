"""What info codes mean here: priority, icon and text, by code and medium."""

from typing import Any, get_args

import polars as pl
import streamlit as st

from dashboards.components.seen import seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.views.configuration.policies import INFO_CODES, RIGHT, put_in_force
from dashboards.words import LANGUAGES, Words
from decoders.info_codes import PRIORITIES
from registry import policies
from registry.policies import Stored
from warehouse.policies import InfoCodePolicy, read_as, written
from warehouse.policies.info_codes import CodeMeaning, Priority
from warehouse.policies.retention import Medium
from warehouse.queries.info_code_meanings import meanings
from warehouse.transforms.info_codes import ANY

MEDIA = (ANY, *get_args(Medium))
CHOICES = ("", *get_args(Priority))


def page() -> None:
    """Draws the page."""
    say = words()
    with installation().registry.begin(readonly=True) as session:
        now = policies.stored(session, organisation(), INFO_CODES)
    now = seen(say, f"policy_{INFO_CODES}", now)
    policy = read_as(InfoCodePolicy, now.document)
    shipped = dict(PRIORITIES.select("code", "priority").rows())
    language: Any = say.language
    known = meanings(policy, shipped, language).rename({"name": "code_text"})
    counts = known.group_by("priority").len()
    with st.container(horizontal=True):
        for priority in get_args(Priority):
            count = counts.filter(pl.col("priority") == priority)["len"].sum()
            st.metric(say.named("priority", priority).capitalize(), say.number(count), border=True, width=150)
    chosen = table(
        say,
        known,
        key="codes",
        file_name="info_codes",
        nothing="",
        shown=("medium", "code", "code_text", "priority", "shipped_priority", "decided"),
        values={
            "priority": "priority",
            "shipped_priority": "priority",
            "medium": "medium_name",
        },
    )
    if viewer().may(RIGHT):
        place = (chosen["medium"][0], chosen["code"][0]) if chosen.height else (ANY, None)
        _edit(say, now, policy, sorted(known["code"].unique()), place)


def _edit(say: Words, now: Stored, policy: InfoCodePolicy, codes: list[str], place: tuple[str, str | None]) -> None:
    st.subheader(say("info_code.change"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        code = st.selectbox(
            say("column.code"),
            codes,
            index=codes.index(place[1]) if place[1] else None,
            placeholder=say("info_code.choose"),
            key=f"code_{place}",
        )
        medium = st.selectbox(
            say("column.medium"),
            MEDIA,
            index=MEDIA.index(place[0]) if place[0] in MEDIA else 0,
            format_func=lambda name: say.named("medium_name", name),
            key=f"medium_{place}",
        )
    if code is None:
        return
    own = policy.codes.get(str(medium), {}).get(code, CodeMeaning())
    mark = f"{medium}_{code}_{now.version}"
    priority = st.radio(
        say("column.priority"),
        CHOICES,
        index=CHOICES.index(own.priority or ""),
        format_func=lambda name: say.named("priority", name) if name else say("info_code.as_shipped"),
        horizontal=True,
        key=f"priority_{mark}",
    )
    texts = {}
    with st.expander(say("info_code.texts"), icon=":material/translate:"):
        for language, name in LANGUAGES.items():
            held = own.text.get(language, "")  # type: ignore[call-overload]
            texts[language] = st.text_input(name, held, key=f"text_{language}_{mark}", max_chars=200).strip()
    reason = st.text_input(say("policies.reason"), key=f"reason_{mark}").strip()
    said: dict[str, Any] = {"priority": priority} if priority else {}
    said |= {"icon": own.icon} if own.icon else {}
    kept = {language: text for language, text in own.text.items() if language not in texts}
    said |= {"text": words_of} if (words_of := kept | {name: text for name, text in texts.items() if text}) else {}
    after = policy.saying(str(medium), code, CodeMeaning(**said) if said else None)
    if st.button(
        say("config.save"), type="primary", disabled=not reason or after == policy, key="save"
    ) and put_in_force(say, now, written(after), reason):
        st.rerun()
    if not reason:
        st.caption(say("info_code.how"))
