"""Keys of devices as an encrypted file; its password is chosen by who downloads it, and kept nowhere."""

import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.installation import installation
from dashboards.viewer import viewer
from dashboards.words import Words
from registry import key_export
from registry.people.rights import DATA_ACCESS, KEYS, Right

RIGHT = Right(DATA_ACCESS, KEYS)
_MADE = "key_file"


def download(say: Words, meters: list[str]) -> None:
    """Draws what makes the file, and once it is made, what hands it over.

    Args:
        say: Who reads it.
        meters: Devices of the organisation that are chosen.
    """
    with st.popover(
        say("keys.download", count=say.number(len(meters))), icon=":material/enhanced_encryption:", disabled=not meters
    ):
        st.markdown(say("keys.download_help"))
        password = st.text_input(say("keys.password"), type="password", key="key_password")
        again = st.text_input(say("keys.password_again"), type="password", key="key_password_again")
        if password and again and password != again:
            st.warning(say("keys.passwords_differ"), icon=":material/warning:")
        is_ready = bool(password) and password == again

        if st.button(say("keys.make_file"), type="primary", disabled=not is_ready, key="make_file"):
            vault = installation().vault  # opening it writes, which the transaction would wait for

            def make(doing: Doing) -> bytes:
                return key_export.download(
                    doing.session,
                    vault,
                    doing.organisation,
                    meters,
                    password,
                    locale=viewer().locale,
                    **doing.by,
                )

            asking.done(RIGHT, make, said=lambda content: _keep(say, meters, content))
        kept = st.session_state.get(_MADE)
        if kept is not None and kept[0] == meters:
            st.download_button(
                say("keys.take_file"), kept[1], "meter-keys.mhk", "application/octet-stream", key="take_file",
                on_click=_forget,
            )  # fmt: skip


def _keep(say: Words, meters: list[str], content: bytes) -> str:
    st.session_state[_MADE] = (meters, content)
    return say("keys.file_made", count=len(meters))


def _forget() -> None:
    st.session_state.pop(_MADE, None)
