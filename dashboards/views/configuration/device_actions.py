"""What is done about devices that are chosen: labels, and handing them over to another organisation."""

import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.words import Words
from registry import claims, labels
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, Right

RIGHT = Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS)
MOST_NAMED = 30
"""Labels that are named beside the field."""


def label(say: Words, meters: list[str], known: list[str]) -> None:
    """Draws what puts a label on devices, or takes it off.

    Args:
        say: Who reads it.
        meters: Devices of the organisation that are chosen.
        known: Labels that there are.
    """
    count = say.number(len(meters))
    with st.popover(say("devices.labels", count=count), icon=":material/label:", disabled=not meters):
        word = st.text_input(say("column.label"), max_chars=labels.LENGTH, key="label_word").strip()
        if known:
            st.caption(say("devices.known_labels", labels=", ".join(known[:MOST_NAMED])))
        with st.container(horizontal=True):
            for name, removes in (("put_label", False), ("take_label", True)):
                if st.button(say(f"devices.{name}"), disabled=not word, key=name):
                    _label(say, meters, word, removes=removes)


def _label(say: Words, meters: list[str], word: str, *, removes: bool) -> None:
    def change(doing: Doing) -> int:
        return labels.set_labels(doing.session, doing.organisation, meters, [word], remove=removes, **doing.by)

    if asking.done(RIGHT, change, said=lambda count: say("devices.labelled", count=say.number(count))):
        st.rerun()


def transfer(say: Words, meters: list[str]) -> None:
    """Draws what hands devices and their keys over to another organisation.

    Args:
        say: Who reads it.
        meters: Devices of the organisation that are chosen.
    """
    count = say.number(len(meters))
    with st.expander(say("devices.transfer"), icon=":material/move_up:"):
        st.caption(say("devices.transfer_help"))
        target = st.text_input(say("devices.target"), help=say("devices.target_help"), key="target").strip()
        reason = st.text_input(say("users.reason"), key="transfer_reason", max_chars=200).strip()
        question = say("devices.transfer_question", count=count, target=target)
        label_ = say("devices.transfer_these", count=count)
        if not confirmed(say, label_, question, key="transfer", icon="move_up", disabled=not (meters and target)):
            return

        def hand_over(doing: Doing) -> None:
            claims.transfer(
                doing.session,
                doing.house.vault,
                doing.organisation,
                meters,
                target,
                reason=reason or None,
                **doing.by,
            )

        if asking.done(RIGHT, hand_over, said=lambda _: say("devices.transferred", count=count, target=target)):
            st.rerun()
