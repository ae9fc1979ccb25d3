"""Who looks at the pages in this rerun, and what that one may see and do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st

from dashboards.installation import installation
from dashboards.words import Words, words_in
from registry import policies
from registry.people.locale import Locale
from registry.people.rights import ANALYTICS, DATA_ACCESS, MANAGER, Right
from registry.policies import Model
from warehouse.excerpt import Excerpt, Readable
from warehouse.versions import Past

SEE = (Right(DATA_ACCESS, MANAGER), Right(DATA_ACCESS, ANALYTICS))
"""Rights of which one is enough to look at figures."""

_KEPT = "viewer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, as the registry knew it at the beginning of the rerun.

    Attributes:
        identity: ``user:<id>``; for the audit log.
        organisation: Whose figures are shown.
        meters: ``meter_id`` of those that may be seen; ``None`` for all of the organisation.
        language: Two letters, one of those that the pages speak.
        locale: How the person's files are written.
        areas: Areas by service, for menus; actions ask the registry again.
        capabilities: Advanced functions of the key service.
    """

    identity: str
    organisation: str
    meters: frozenset[str] | None = None
    language: str = "en"
    locale: Locale = field(default_factory=Locale)
    areas: Mapping[str, frozenset[str]] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()

    def may(self, *rights: Right) -> bool:
        """Whether one of these rights is held."""
        return any(
            right.area in self.areas.get(right.service, frozenset())
            and (not right.capability or right.capability in self.capabilities)
            for right in rights
        )


def viewer() -> Viewer:
    """Who was let in at the beginning of this rerun."""
    found: Viewer = st.session_state[_KEPT]
    return found


def keep(found: Viewer) -> None:
    """Lets the rest of the rerun know who looks."""
    st.session_state[_KEPT] = found


def organisation() -> str:
    """Whose figures the pages show."""
    return viewer().organisation


def tables(at: datetime | None = None) -> Readable:
    """What the pages read from: the lake, or of it what belongs to the meters the person may see.

    Args:
        at: As it was known at this instant (UTC); ``None`` for now.
    """
    return readable(installation().lake, viewer().meters, at)


def readable(lake: Readable, meters: frozenset[str] | None, at: datetime | None) -> Readable:
    """The part of a lake that belongs to some meters, as it was known at an instant; ``None`` for all, and for now."""
    known = lake if at is None else Past(lake, at)
    return known if meters is None else Excerpt(known, meters)


def words() -> Words:
    """The texts and formats of who looks, times in the utility's zone."""
    return words_in(viewer().language, installation().settings.timezone)


def policy(model: type[Model]) -> Model:
    """The policy in force of the organisation whose figures are shown.

    Raises:
        PolicyError: The document of an older release is not understood any more.
    """
    with installation().registry.begin(readonly=True) as session:
        return policies.current(session, organisation(), model)
