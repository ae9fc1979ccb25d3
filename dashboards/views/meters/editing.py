"""What can be changed of a meter: what is noted of it, its state, how it is set.

What the page read when it was opened is compared with what is stored when it is saved, so that nobody writes over what
somebody else has changed meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from dashboards.components import asking
from dashboards.views.meters.when import instant_of, local_time
from dashboards.words import Words
from registry.inventory import lifecycle
from registry.inventory.by_hand import edit_meter
from registry.inventory.configurations import LONGEST_S, SETTINGS, SHORTEST_S
from registry.inventory.configurations import configure as note_configuration
from registry.inventory.fields import Entity, Field, Type, values
from registry.inventory.lifecycle import MOVES
from registry.inventory.meters import find_meter
from registry.inventory.updates import EMPTY
from registry.models import Meter
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, Right
from warehouse.schemas.registers import MAIN_REGISTER_OF

RIGHT = Right(DEVICE_AND_CUSTOMER_MANAGEMENT)

_NOTED = ("model", "medium", "meter_number")
_ACTIONS: Mapping[str, Callable[..., None]] = {
    "stock": lifecycle.put_in_stock,
    "removed": lifecycle.remove,
    "scrapped": lifecycle.scrap,
}


def edit(say: Words, meter: Meter, custom: Mapping[str, str], defined: Mapping[str, Field]) -> None:
    """Draws what changes what is noted of a meter: model, medium, number, the utility's own fields."""
    key = f"edit_{meter.meter_id}"
    held = {name: getattr(meter, name) or "" for name in _NOTED} | {name: custom.get(name, "") for name in defined}
    read = _as_opened(key, f"{key}_model", held)
    with st.form(key):
        typed = {
            "model": st.text_input(say("column.model"), held["model"], key=f"{key}_model", max_chars=64),
            "medium": _medium(say, held["medium"], key=f"{key}_medium"),
            "meter_number": st.text_input(
                say("column.meter_number"), held["meter_number"], key=f"{key}_meter_number", max_chars=64
            ),
        }
        for name, field in defined.items():
            typed[name] = _own(field, held[name], key=f"{key}_{name}")
        reason = _reason(say, key)
        sent = st.form_submit_button(say("meter.save"), type="primary", icon=":material/save:")
    changes = {name: text.strip() or EMPTY for name, text in typed.items() if text.strip() != read[name]}
    if not sent:
        return
    if not changes:
        st.info(say("meter.nothing_changed"), icon=":material/info:")
        return

    def save(doing: asking.Doing) -> None:
        row = find_meter(doing.session, doing.organisation, meter.meter_id)
        own = values(doing.session, doing.organisation, Entity.meter, [row.meter_id]).get(row.meter_id, {})
        stored = {name: getattr(row, name) or "" for name in _NOTED} | {name: own.get(name, "") for name in defined}
        asking.unchanged(read, stored, row.meter_id)
        edit_meter(
            doing.session,
            doing.organisation,
            row.meter_id,
            changes,
            identity=doing.identity,
            now=doing.now,
            reason=reason or None,
        )

    if asking.done(RIGHT, save, said=lambda _: say("meter.saved", meter=meter.meter_id)):
        _forget(key)
        st.rerun()


def state(say: Words, meter: Meter, point: str | None) -> None:
    """Draws what changes a meter's state, of the changes that its state allows."""
    key = f"state_{meter.meter_id}"
    allowed = [name for name in lifecycle.STATES if name in _offered(meter, installed=point is not None)]
    if meter.state == "deleted":
        allowed = ["restore"]
    read = _as_opened(key, f"{key}_action", (meter.state, meter.state_since))
    action = st.selectbox(
        say("meter.action"), allowed, format_func=lambda name: say(f"meter.action_{name}"), key=f"{key}_action"
    )
    if action is None:
        return
    where = ""
    if action == "in_use":
        where = st.text_input(say("meter.at_point"), key=f"{key}_point", max_chars=64, help=say("meter.at_point_help"))
    at = local_time(say, key=key) if action in ("in_use", *_ACTIONS) else ""
    reason = _reason(say, key)
    if not st.button(say(f"meter.action_{action}"), type="primary", key=f"{key}_do"):
        return
    if action == "in_use" and not where.strip():
        st.warning(say("meter.point_missing"), icon=":material/edit:")
        return

    def change(doing: asking.Doing) -> None:
        row = find_meter(doing.session, doing.organisation, meter.meter_id)
        asking.unchanged(read, (row.state, row.state_since), row.meter_id)
        told: dict[str, Any] = {"identity": doing.identity, "now": doing.now, "reason": reason or None}
        if action == "in_use":
            lifecycle.install(
                doing.session, doing.organisation, row, metering_point=where.strip(), at=instant_of(at), **told
            )
        elif action in _ACTIONS:
            _ACTIONS[action](doing.session, row, at=instant_of(at), **told)
        elif action == "deleted":
            lifecycle.delete(doing.session, row, **told)
        else:
            lifecycle.restore(doing.session, row, **told)

    if asking.done(RIGHT, change, said=lambda _: say("meter.moved", meter=meter.meter_id)):
        _forget(key)
        st.rerun()


def configure(say: Words, meter: Meter) -> None:
    """Draws what notes that a meter was set in another way."""
    key = f"configure_{meter.meter_id}"
    with st.expander(say("meter.configure"), icon=":material/settings:"), st.form(key):
        interval = st.number_input(
            say("column.interval_s"), SHORTEST_S, LONGEST_S, value=None, step=60, key=f"{key}_interval_s"
        )
        texts = {name: st.text_input(say.heading(name), key=f"{key}_{name}", max_chars=200) for name in SETTINGS[1:]}
        at = local_time(say, key=key)
        reason = _reason(say, key)
        sent = st.form_submit_button(say("meter.save"), icon=":material/save:")
    news: dict[str, int | str | None] = {name: text for name, text in texts.items() if text.strip()}
    if interval is not None:
        news["interval_s"] = int(interval)
    if not sent:
        return
    if not news:
        st.info(say("meter.nothing_changed"), icon=":material/info:")
        return

    def note(doing: asking.Doing) -> bool:
        return note_configuration(
            doing.session,
            doing.organisation,
            meter.meter_id,
            news,
            at=min(instant_of(at), doing.now),
            identity=doing.identity,
            now=doing.now,
            reason=reason or None,
        )

    if asking.done(RIGHT, note, said=lambda _: say("meter.saved", meter=meter.meter_id)):
        st.rerun()


def _offered(meter: Meter, *, installed: bool) -> set[str]:
    """States that the meter may take from here; one that is installed leaves its place first, by an exchange or so."""
    next_ones = set(MOVES[meter.state])
    if meter.state == "in_use" and not installed:
        next_ones.add("in_use")
    return next_ones - ({"deleted", "in_use"} if installed else set())


def _as_opened(key: str, widget: str, held: Any) -> Any:
    """What the page showed when its widgets were made; they keep what was typed while the page is drawn anew."""
    name = f"{key}_read"
    if widget not in st.session_state or name not in st.session_state:
        st.session_state[name] = held
    return st.session_state[name]


def _forget(key: str) -> None:
    """Lets the widgets begin anew with what is stored now."""
    for name in [name for name in st.session_state if str(name).startswith(f"{key}_")]:
        del st.session_state[name]


def _medium(say: Words, held: str, *, key: str) -> str:
    offered = list(dict.fromkeys((held, *MAIN_REGISTER_OF)))
    return str(
        st.selectbox(say("column.medium"), offered, format_func=lambda name: say.named("medium", name), key=key) or held
    )


def _own(field: Field, held: str, *, key: str) -> str:
    """A field of the utility's own; what it takes is judged when it is saved."""
    if field.type is Type.choice:
        offered = ["", *field.choices]
        return str(st.selectbox(field.label, offered, index=offered.index(held) if held in offered else 0, key=key))
    if field.type is Type.boolean:
        offered = ["", "true", "false"]
        return str(st.selectbox(field.label, offered, index=offered.index(held) if held in offered else 0, key=key))
    return st.text_input(field.label, held, key=key, max_chars=200)


def _reason(say: Words, key: str) -> str:
    return st.text_input(say("meter.reason"), key=f"{key}_reason", help=say("meter.reason_help"), max_chars=200).strip()
