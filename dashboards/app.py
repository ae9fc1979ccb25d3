"""The pages' script, run by the door (``gateway``) with ``METERHOUSE_HOME`` set."""

import logging
from importlib.metadata import version

import streamlit as st

from dashboards.components import language
from dashboards.identity import admitted, links, refused
from dashboards.installation import explained
from dashboards.pages import navigation, reachable
from dashboards.viewer import organisation, viewer, words
from registry.people.sessions import Person

ICON = (  # drawn here, since Streamlit loads the icons it knows from elsewhere
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<path fill="#1f6fb2" d="M12 2C8 7 5 10.700 5 15a7 7 0 0 0 14 0c0-4.300-3-8-7-13z"/></svg>'
)
LOG = logging.getLogger("dashboards")


def _sidebar(person: Person) -> None:
    say = words()
    with st.sidebar:
        st.caption(say("shell.signed_in", name=person.name or person.email, organisation=organisation()))
        language.chooser(say)
        links({say("shell.profile"): "/profile", say("shell.sign_out"): "/logout"})
        st.caption(f"Meterhouse {version('meterhouse')}")


def _run() -> None:
    person = admitted()
    if person is None:
        return
    if not reachable(viewer()):
        refused(words())
        return
    page = st.navigation(navigation(), expanded=True)
    _sidebar(person)
    try:
        page.run()
    except Exception as exc:  # noqa: BLE001  nobody is shown a traceback
        place = exc.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "nowhere"
        # Without its message, which may hold what is somebody's own.
        LOG.error("The page %s failed with %s at %s.", page.url_path, type(exc).__name__, where)  # noqa: TRY400
        st.error(words()("shell.failed"), icon=":material/error:")


st.set_page_config(page_title="Meterhouse", page_icon=ICON, layout="wide")
with explained():
    _run()
