"""The exchange of a meter, step by step: the new meter, when, the registers of both, and what comes of it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import streamlit as st

from dashboards.components import asking, links
from dashboards.installation import installation
from dashboards.viewer import organisation, tables, viewer
from dashboards.views.meters.editing import RIGHT
from dashboards.views.meters.when import instant_of, local_time
from dashboards.words import Words
from registry.inventory import new_exchanges
from registry.inventory.listing import Filters, list_meters
from registry.inventory.meters import open_installation
from registry.inventory.new_exchanges import NewExchange
from registry.inventory.registers import parse_registers
from registry.models import Meter
from settings.features import require
from warehouse.queries import readings
from warehouse.schemas.registers import CUMULATIVE, MAIN_REGISTER_OF, UNITS

_OFFERED = 50
_NEW = ("stock", "removed")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def exchange(say: Words, old: Meter, point: str) -> None:
    """Draws the steps of an exchange.

    Args:
        say: Who reads it.
        old: The meter that is installed.
        point: Where.
    """
    key = f"exchange_{old.meter_id}"
    latest = readings.latest(tables(), organisation(), pl.Series([old.meter_id]))
    registers = _registers(old.medium, latest)
    st.markdown(f"**1. {say('exchange.new_meter')}**")
    new = _new_meter(say, old, key)
    st.markdown(f"**2. {say('exchange.when')}**")
    at = local_time(say, key=key)
    st.markdown(f"**3. {say('exchange.registers')}**")
    if latest.height:
        shown = say.instant(latest["measured_at"][0])
        st.caption(say("exchange.latest", at=shown))
    finals, initials = _typed(say, registers, latest, key)
    reason = st.text_input(say("meter.reason"), key=f"{key}_reason", help=say("meter.reason_help"), max_chars=200)
    st.markdown(f"**4. {say('exchange.check')}**")
    if new is None or not at:
        st.info(say("exchange.incomplete"), icon=":material/info:")
        return
    st.markdown(say("exchange.summary", point=point, old=old.meter_id, new=new, at=at.replace("T", " ")))
    for register, initial in initials.items():
        before = _said(say, finals.get(register), register)
        st.markdown(
            say("exchange.line", register=say.register(register), final=before, initial=_said(say, initial, register))
        )
    for register in _below(finals, latest):
        st.warning(say("exchange.below", register=say.register(register)), icon=":material/warning:")
    if not st.button(say("exchange.do"), type="primary", icon=":material/swap_horiz:", key=f"{key}_do"):
        return
    chosen: str = new

    def enter(doing: asking.Doing) -> bool:
        require(doing.house.settings, "meter_exchange")
        here = open_installation(doing.session, doing.organisation, metering_point=point)
        asking.unchanged(old.meter_id, here.meter_id if here else None, old.meter_id)
        told = NewExchange(
            metering_point=point,
            exchanged_at=instant_of(at),
            old_meter_id=old.meter_id,
            new_meter_id=chosen,
            finals=parse_registers(finals),
            initials=parse_registers(initials),
            reason=reason.strip() or None,
        )
        return new_exchanges.enter(
            doing.session,
            doing.organisation,
            told,
            vault=doing.house.vault,
            zone=doing.house.settings.zone,
            identity=doing.identity,
            now=doing.now,
        )

    def said(kept: bool) -> str:
        name = "exchange.done" if kept else "exchange.done_erased"
        return say(name, point=point, old=old.meter_id, new=chosen)

    if asking.done(RIGHT, enter, said=said):
        st.rerun()


def _new_meter(say: Words, old: Meter, key: str) -> str | None:
    """A meter of the same medium that is in stock, or was removed elsewhere."""
    text = st.text_input(say("exchange.search"), key=f"{key}_text", placeholder=say("exchange.search_what")).strip()
    with installation().registry.begin(readonly=True) as session:
        found = list_meters(
            session,
            organisation(),
            Filters(text=text, states=_NEW, media=(old.medium,), among=viewer().meters),
            now=datetime.now(UTC),
            columns=("serial", "model", "state", "key_status"),
            size=_OFFERED,
        )
    if not found.rows:
        st.warning(say("exchange.none_in_stock", medium=say.named("medium", old.medium)), icon=":material/inventory:")
        links.link("meters", say("exchange.stock"), {"state": "stock"}, icon="inventory_2")
        return None
    if found.total > len(found.rows):
        st.caption(say("exchange.more", count=say.number(found.total), shown=say.number(len(found.rows))))
    named = {
        str(row["meter_id"]): " · ".join(
            (
                str(row["serial"]),
                str(row["model"] or ""),
                say.named("state", row["state"]),
                say("exchange.key", status=say.named("key_status", row["key_status"])),
            )
        )
        for row in found.rows
    }
    return st.selectbox(
        say("exchange.new_meter"), list(named), index=None, format_func=named.__getitem__, key=f"{key}_new"
    )


def _registers(medium: str, latest: pl.DataFrame) -> list[str]:
    """Registers that the old meter shows: the main one of its medium, and those of its latest reading."""
    there = [name for name in CUMULATIVE if latest.height and latest[name][0] is not None]
    main = MAIN_REGISTER_OF.get(medium)
    return list(dict.fromkeys([*([main] if main else []), *there])) or [CUMULATIVE[0]]


def _typed(
    say: Words, registers: Sequence[str], latest: pl.DataFrame, key: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Final registers of the old meter (left out where empty) and start registers of the new one, as digits."""
    finals, initials = {}, {}
    for name in registers:
        known = latest[name][0] if latest.height else None
        hint = "" if known is None else say.number(known)
        left, right = st.columns(2)
        final = left.text_input(
            say("exchange.final", register=say.register(name)),
            key=f"{key}_final_{name}",
            placeholder=hint,
            help=say("exchange.final_help"),
        )
        initial = right.text_input(
            say("exchange.initial", register=say.register(name)), "0", key=f"{key}_initial_{name}"
        )
        if digits := _digits(say, final):
            finals[name] = digits
        if digits := _digits(say, initial):
            initials[name] = digits
    return finals, initials


def _digits(say: Words, text: str) -> str:
    """A number typed with the separators of the language, as files have it.

    What stands between thousands is taken out only where it stands between thousands: ``1,5`` stays what it is, and is
    refused where the comma separates no decimals.
    """
    decimal, group = map(re.escape, say.separators)
    plain = "".join(text.split())
    if re.fullmatch(rf"\d{{1,3}}({group}\d{{3}})+({decimal}\d+)?", plain):
        plain = re.sub(group, "", plain)
    return re.sub(decimal, ".", plain)


def _said(say: Words, digits: str | None, register: str) -> str:
    """How a value was understood."""
    if digits is None:
        return say("exchange.estimated")
    return say.amount(Decimal(digits), UNITS[register]) if _NUMBER.fullmatch(digits) else digits


def _below(finals: dict[str, str], latest: pl.DataFrame) -> list[str]:
    """Registers whose final value lies below the latest reading: typed wrong, or rolled over."""
    found = []
    for name, text in finals.items():
        known = latest[name][0] if latest.height else None
        if known is not None and _NUMBER.fullmatch(text) and Decimal(text) < known:
            found.append(name)
    return found
