"""Encrypted files of keys; their password is chosen by who downloads them, and kept nowhere."""

from collections.abc import Callable, Hashable

import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.viewer import viewer
from dashboards.words import Words
from registry import key_export
from registry.people.rights import DATA_ACCESS, KEYS, Right

RIGHT = Right(DATA_ACCESS, KEYS)


def download(say: Words, meters: list[str]) -> None:
    """Draws what makes the file of chosen devices, and once it is made, what hands it over.

    Args:
        say: Who reads it.
        meters: Devices of the organisation that are chosen.
    """

    def make(doing: Doing, password: str) -> bytes:
        locale = viewer().locale
        return key_export.download(
            doing.session, doing.house.vault, doing.organisation, meters, password, locale=locale, **doing.by
        )

    with st.popover(
        say("keys.download", count=say.number(len(meters))), icon=":material/enhanced_encryption:", disabled=not meters
    ):
        st.markdown(say("keys.download_help"))
        said = say("keys.file_made", count=len(meters))
        sealed(say, make, key="key", mark=tuple(meters), file_name="meter-keys.mhk", said=said)


def sealed(
    say: Words,
    make: Callable[[Doing, str], bytes],
    *,
    key: str,
    mark: Hashable,
    file_name: str,
    said: str,
    ready: bool = True,
) -> None:
    """Draws what makes an encrypted file with a password, and once it is made, what hands it over.

    Args:
        say: Who reads it.
        make: Makes it in a transaction, with the password.
        key: Unique on the page.
        mark: What it holds: where that changes, a file that was made before is not handed over any more.
        file_name: What it is called.
        said: What to say when it is made.
        ready: Whether all is there that it needs besides a password.
    """
    password = st.text_input(say("keys.password"), type="password", key=f"{key}_password")
    again = st.text_input(say("keys.password_again"), type="password", key=f"{key}_password_again")
    if password and again and password != again:
        st.warning(say("keys.passwords_differ"), icon=":material/warning:")
    is_ready = ready and bool(password) and password == again
    kept = f"{key}_file"

    def keep(content: bytes) -> str:
        st.session_state[kept] = (mark, content)
        return said

    if st.button(say("keys.make_file"), type="primary", disabled=not is_ready, key=f"make_{key}_file"):
        asking.done(RIGHT, lambda doing: make(doing, password), said=keep)
        asking.tell()
    made = st.session_state.get(kept)
    if made is not None and made[0] == mark:
        st.download_button(
            say("keys.take_file"),
            made[1],
            file_name,
            "application/octet-stream",
            key=f"take_{key}_file",
            on_click=st.session_state.pop,
            args=(kept, None),
        )
