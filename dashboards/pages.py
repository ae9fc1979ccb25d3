"""The page map: areas in the order of the menu, and their pages; who may reach which."""

from collections.abc import Iterator, Mapping
from functools import partial

import streamlit as st

from dashboards.components import asking, links
from dashboards.components import help as context_help
from dashboards.installation import explained, installation
from dashboards.page import Page
from dashboards.viewer import Viewer, viewer, words
from dashboards.views import analysis, configuration, home, meters, operation
from settings.features import why_off

AREAS: Mapping[str, tuple[Page, ...]] = {
    "home": home.PAGES,
    "meters": meters.PAGES,
    "analysis": analysis.PAGES,
    "operation": operation.PAGES,
    "configuration": configuration.PAGES,
}
"""Pages by area; the first page of all is shown at first. ``area.<name>`` is the text of an area."""


_FIRST = "first"
"""Nobody sees it, but Streamlit wants a name."""


def every_page() -> Iterator[Page]:
    """All pages, in the order of the menu."""
    for pages in AREAS.values():
        yield from pages


def reachable(who: Viewer) -> list[str]:
    """Names of the pages that are on here and that somebody may see."""
    known = installation().settings
    return [
        page.name
        for page in every_page()
        if who.may(*page.rights) and not (page.feature and why_off(known, page.feature))
    ]


def navigation() -> dict[str, list[st.Page]]:
    """The menu of who looks: pages by the text of their area.

    Pages that are not for this person are no entries, and say so where somebody has their address.
    """
    say, shown = words(), reachable(viewer())
    links.keep(shown)
    menu: dict[str, list[st.Page]] = {}
    for area, pages in AREAS.items():
        entries = menu.setdefault(say(f"area.{area}"), [])
        for page in pages:
            entry = partial(
                st.Page, partial(open_page, page), title=say(f"page.{page.name}"), icon=f":material/{page.icon}:"
            )
            if page.name == shown[0]:  # Streamlit serves the first page without a name, and no longer under its own
                entries.append(entry(url_path=_FIRST, default=True))
            is_listed = page.name in shown[1:]
            entries.append(entry(url_path=page.name, visibility="visible" if is_listed else "hidden"))
    return {area: entries for area, entries in menu.items() if entries}


def open_page(page: Page) -> None:
    """Draws a page with its title and help, or says why it is not shown."""
    with explained():
        say = words()
        links.keep(reachable(viewer()))
        context_help.heading(say, page.name)
        asking.tell()
        if not viewer().may(*page.rights):
            st.warning(say("shell.no_right", page=say(f"page.{page.name}")), icon=":material/lock:")
        elif page.feature and why_off(installation().settings, page.feature):
            st.info(say("shell.feature_off", feature=page.feature), icon=":material/toggle_off:")
        else:
            page.draw()


def page_named(name: str) -> Page:
    """The page of a name.

    Raises:
        KeyError: There is none.
    """
    for page in every_page():
        if page.name == name:
            return page
    raise KeyError(name)
