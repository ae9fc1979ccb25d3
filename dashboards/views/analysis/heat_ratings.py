"""What cooling is good or poor, by group: shown to all, changed by those who may configure the system."""

from typing import Literal

import polars as pl
import streamlit as st

from dashboards.components import asking, filters
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, viewer
from dashboards.words import Words
from registry import policies
from registry.people.rights import SYSTEM_CONFIGURATION, Right
from warehouse.policies import RatingsPolicy, read_as
from warehouse.policies.heat import Rating
from warehouse.queries import subjects

RIGHT = Right(SYSTEM_CONFIGURATION)
_KIND = "ratings"
_READ = "ratings_read"
_MEDIA: tuple[Literal["heating", "cooling"], ...] = ("heating", "cooling")
_LIMITS = ("good_k", "poor_k", "target_k")


def draw(say: Words) -> None:
    """Draws the part of the page.

    Args:
        say: Who reads it.
    """
    with installation().registry.begin(readonly=True) as session:
        stored = policies.stored(session, organisation(), _KIND)
    found = read_as(RatingsPolicy, stored.document)
    table(
        say,
        _rows(say, found),
        key="ratings",
        file_name="ratings",
        nothing="",
        headings={"group": say("ratings.group"), "medium": say("ratings.medium")},
        digits=dict.fromkeys(_LIMITS, 1),
        may_group=False,
    )
    st.caption(say("ratings.order"))
    if stored.known_from is not None:
        name = asking.name_of(stored.identity, organisation())
        st.caption(say("ratings.decided", who=name, at=say.instant(stored.known_from), reason=stored.reason))
    if viewer().may(RIGHT):
        # What somebody saw who fills the form in, not what another one has decided meanwhile.
        st.session_state.setdefault(_READ, stored.version)
        _edit(say, found)


def _rows(say: Words, found: RatingsPolicy) -> pl.DataFrame:
    names = ["", *(of.group for of in found.groups)]
    rated = [(name, medium, found.rating_of(medium, name)) for name in names for medium in _MEDIA]
    return pl.DataFrame(
        [
            {
                "group": name or say("ratings.everybody"),
                "medium": say(f"ratings.{medium}"),
                **{limit: getattr(rating, limit) for limit in _LIMITS},
            }
            for name, medium, rating in rated
            if rating is not None
        ]
    )


def _edit(say: Words, found: RatingsPolicy) -> None:
    with st.expander(say("ratings.change"), icon=":material/edit:"):
        groups = remembered(subjects.groups)["group"].to_list()
        left, right = st.columns(2)
        group = left.selectbox(
            say("ratings.group"),
            ["", *groups],
            format_func=lambda name: name or say("ratings.everybody"),
            key="ratings_group",
        )
        with right:
            medium = filters.choice(
                say("ratings.medium"),
                _MEDIA,
                key="medium",
                default=_MEDIA[0],
                named=lambda name: say(f"ratings.{name}"),
            )
        own = found.rating_of(medium, group)
        before = own or found.rating_of(medium)
        values = [
            place.number_input(
                say.heading(limit),
                min_value=0.1,
                max_value=100.0,
                value=float(getattr(before, limit)),
                step=1.0,
                format="%.1f",
                key=f"{limit}_{medium}_{group}",
            )
            for place, limit in zip(st.columns(3), _LIMITS, strict=True)
        ]
        reason = st.text_input(say("ratings.reason"), key="ratings_reason").strip()
        good, poor, _ = values
        if poor > good:
            st.warning(say("ratings.crossed"), icon=":material/warning:")
        with st.container(horizontal=True):
            ready = bool(reason) and poor <= good
            if st.button(say("ratings.save"), type="primary", disabled=not ready, key="ratings_save"):
                rating = Rating(good_k=values[0], poor_k=values[1], target_k=values[2])
                _decide(say, found.with_rating(medium, rating, group), reason)
            if group and own and st.button(say("ratings.remove"), disabled=not reason, key="ratings_remove"):
                _decide(say, found.with_rating(medium, None, group), reason)


def _decide(say: Words, wanted: RatingsPolicy, reason: str) -> None:
    def decide(doing: asking.Doing) -> int:
        stored = policies.stored(doing.session, doing.organisation, _KIND)
        asking.unchanged(st.session_state[_READ], stored.version, _KIND)
        return policies.decide(
            doing.session,
            doing.organisation,
            _KIND,
            wanted.written(),
            reason=reason,
            identity=doing.identity,
            now=doing.now,
        )

    if asking.done(RIGHT, decide, said=lambda version: say("ratings.done", version=say.number(version))):
        del st.session_state[_READ]
        st.rerun()
