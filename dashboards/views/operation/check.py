"""One meter or collector by its serial number, for somebody in the field: a phone comes first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
import streamlit as st
from sqlalchemy import select

from dashboards.components import filters, links
from dashboards.components.facts import facts
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, tables, viewer, words
from dashboards.words import Words
from registry.key_status import MISSING, statuses
from registry.models import Collector, Meter
from warehouse.queries import checking, readings
from warehouse.schemas.registers import CUMULATIVE, UNITS

_SERIAL = 8


def page() -> None:
    """Draws the page."""
    say = words()
    asked = filters.text(say("check.serial"), key="serial", placeholder=say("check.placeholder"))
    if not asked:
        st.info(say("check.ask"), icon=":material/info:")
        return
    found = _meters(asked)
    if found and viewer().meters is not None:
        found = [meter for meter in found if meter.meter_id in (viewer().meters or ())]
    if len(found) > 1:
        st.warning(say("check.several", asked=asked), icon=":material/help:")
        for meter in found:
            links.link("check", f"{meter.meter_id} · {say.named('medium', meter.medium)}", {"serial": meter.meter_id})
    elif found:
        _meter(say, found[0])
    elif _is_collector(asked):
        _collector(say, asked)
    else:
        _unknown(say, asked)


def _meters(asked: str) -> list[Meter]:
    """Meters of an id or a serial number, with or without leading zeros."""
    wanted = asked.upper() if "-" in asked else asked
    with installation().registry.begin(readonly=True) as session:
        rows = session.scalars(
            select(Meter)
            .where(
                Meter.organisation == organisation(),
                (Meter.serial == asked.zfill(_SERIAL).lower())
                | (Meter.meter_id == asked)
                | (Meter.meter_id == _id_of(wanted)),
            )
            .order_by(Meter.meter_id)
        ).all()
        session.expunge_all()
    return list(rows)


def _id_of(text: str) -> str:
    """A meter id whose case was lost on the way: three capitals, then hex digits in small letters."""
    head, dash, rest = text.partition("-")
    return head.upper() + dash + rest.lower()


def _is_collector(asked: str) -> bool:
    if viewer().meters is not None:
        return False
    with installation().registry.begin(readonly=True) as session:
        registered = session.get(Collector, (organisation(), asked)) is not None
    return registered or checking.collector_now(tables(), organisation(), asked) is not None


def _meter(say: Words, meter: Meter) -> None:
    st.subheader(meter.meter_id)
    st.caption(
        " · ".join(filter(None, (meter.model, say.named("medium", meter.medium), say.named("state", meter.state))))
    )
    frame = remembered(checking.last_frame, meter.meter_id)
    contact = remembered(checking.last_contact, meter.meter_id)
    heard = remembered(checking.heard_by, meter.meter_id)
    newest = remembered(readings.recent, meter.meter_id, 1)
    with installation().registry.begin(readonly=True) as session:
        key = statuses(session, organisation(), datetime.now(UTC), [meter.meter_id]).get(meter.meter_id, MISSING)
    _verdict(say, frame, key, heard=contact is not None or heard.height > 0, read=newest.height > 0)
    last = max((at for at in (contact, frame and frame["received_at"]) if at), default=None)
    facts(
        {
            say("check.last_contact"): say.instant(last) if last else say("check.never"),
            say("check.key"): say.named("key_status", key),
            say("check.decoding"): _frame(say, frame),
            say("check.reading"): _reading(say, newest),
        }
    )
    st.markdown(f"**{say('check.heard_by')}**")
    table(
        say,
        heard,
        key="heard",
        file_name=f"collectors_of_{meter.meter_id}",
        nothing=say("check.nobody"),
        digits={"rssi_p50_dbm": 0, "error_rate": 1},
        may_group=False,
    )
    links.link("meters", say("meters.open", meter=meter.meter_id), {"meter": meter.meter_id}, icon="speed")


def _verdict(say: Words, frame: Mapping[str, Any] | None, key: str, *, heard: bool, read: bool) -> None:
    """One sentence: whether somebody has to do something here."""
    if frame is None and not heard:
        st.warning(say("check.silent"), icon=":material/signal_disconnected:")
    elif frame is not None and frame["outcome"] not in ("decoded", "partial"):
        text = "check.needs_key" if frame["outcome"] in ("no_key", "wrong_key") else "check.not_decoded"
        st.warning(say(text, key=say.named("key_status", key)), icon=":material/key_off:")
    elif read:
        st.success(say("check.fine"), icon=":material/check_circle:")
    else:
        st.info(say("check.heard_only"), icon=":material/info:")


def _frame(say: Words, frame: Mapping[str, Any] | None) -> str:
    """What became of the newest frame, and how well it was heard."""
    if frame is None:
        return say("check.no_frame")
    signal = say.amount(frame["rssi_dbm"], "dBm", 0) if frame["rssi_dbm"] is not None else None
    parts = (say.named("outcome", frame["outcome"]), say.instant(frame["received_at"]), frame["collector"], signal)
    return " · ".join(filter(None, parts))


def _reading(say: Words, newest: pl.DataFrame) -> str:
    """The main register of the newest reading, and when that was."""
    if newest.is_empty():
        return say("common.none")
    there = [name for name in CUMULATIVE if name in newest.columns]
    at = say.instant(newest["measured_at"][0])
    value = say.amount(newest[there[0]][0], UNITS[there[0]]) if there else say("common.unknown")
    return f"{value} · {at}"


def _collector(say: Words, name: str) -> None:
    st.subheader(name)
    now = remembered(checking.collector_now, name)
    with installation().registry.begin(readonly=True) as session:
        row = session.get(Collector, (organisation(), name))
        comment = row.comment if row else None
    st.caption(" · ".join(filter(None, (say("check.collector"), comment))))
    if now is None:
        st.warning(say("check.collector_silent"), icon=":material/signal_disconnected:")
    else:
        day = say.date(now["day"])
        facts(
            {
                say("check.last_contact"): say.instant(now["last_contact"]),
                say("check.meters"): f"{say.number(now['meters'])} · {day}",
                say("check.receptions"): f"{say.number(now['receptions'])} · {day}",
            }
        )
    st.markdown(f"**{say('check.hears')}**")
    chosen = table(
        say,
        remembered(checking.meters_heard, name),
        key="hears",
        file_name=f"meters_of_{name}",
        nothing=say("check.hears_none"),
        digits={"rssi_p50_dbm": 0},
    )
    for meter in chosen.head(3)["meter_id"] if chosen.height else ():
        links.link("check", meter, {"serial": meter})


def _unknown(say: Words, asked: str) -> None:
    """What a number that nothing has may be."""
    st.warning(say("check.unknown", asked=asked), icon=":material/help:")
    digits = asked.zfill(_SERIAL).lower()
    if asked.isalnum() and len(digits) == _SERIAL:
        found = remembered(checking.unregistered, digits)
        if found.height:
            st.info(say("check.unregistered", asked=asked), icon=":material/sensors:")
            table(say, found, key="strange", file_name="frames", nothing="", may_group=False)
            return
    st.markdown(say("check.may_be"))
