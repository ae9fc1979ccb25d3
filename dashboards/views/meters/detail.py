"""One meter: what it is, where it is, what it showed, what was done with it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

import polars as pl
import streamlit as st
from sqlalchemy import select

from dashboards.components import asking, filters, links
from dashboards.components.facts import facts
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, tables, viewer
from dashboards.views.meters import editing, exchanging, subscribing
from dashboards.words import Words
from registry import comments, places
from registry.inventory.configurations import SETTINGS, configurations
from registry.inventory.errors import InventoryError
from registry.inventory.fields import Entity, Field, fields, values
from registry.inventory.meters import find_meter
from registry.key_status import MISSING, statuses
from registry.models import Installation, Meter
from registry.people.rights import READING_MANAGEMENT, Right
from settings.features import why_off
from warehouse.policies import InfoCodePolicy
from warehouse.queries import info_codes, readings

_COMMENT = Right(READING_MANAGEMENT)
_INSTANT = pl.Datetime("us", "UTC")
_IDENTITY = ("manufacturer", "serial", "version", "device_type", "medium", "model", "meter_number")


class Known(NamedTuple):
    """A meter as the registry knows it in this rerun.

    Attributes:
        meter: Its row.
        stays: ``metering_point``, ``installed_at``, ``removed_at`` (UTC), the latest first.
        settings: How it was set since when, the latest first.
        custom: Value by the utility's own field.
        defined: These fields.
        key_status: What decoding found of its key.
        place: Point, address and customer where it is installed; empty where it is nowhere.
        comments: The newest first.
    """

    meter: Meter
    stays: pl.DataFrame
    settings: pl.DataFrame
    custom: dict[str, str]
    defined: dict[str, Field]
    key_status: str
    place: dict[str, str | None]
    comments: pl.DataFrame


def show(say: Words, text: str) -> None:
    """Draws a meter.

    Args:
        say: Who reads it.
        text: Its id, or a serial that one meter has.
    """
    links.link("meters", say("meter.all"), icon="arrow_back")
    try:
        known = _known(text)
    except InventoryError as exc:
        several = "several" in str(exc)
        st.warning(say("meter.several" if several else "meter.unknown", asked=text), icon=":material/help:")
        links.link("meters", say("meter.search"), {"text": text}, icon="search")
        links.link("check", say("meter.check"), {"serial": text}, icon="sensors")
        return
    _head(say, known)
    offered = ["readings", "codes", "history", "configuration", "comments"]
    if viewer().may(editing.RIGHT):
        offered += ["edit", "state"]
        if known.place:
            offered.append("subscriptions")
        if known.place and not why_off(installation().settings, "meter_exchange"):
            offered.append("exchange")
    part = filters.choice(
        say("meter.part"), offered, key="part", default="readings", named=lambda name: say(f"meter.part_{name}")
    )
    match part:
        case "readings":
            _readings(say, known)
        case "codes":
            _codes(say, known)
        case "history":
            _history(say, known)
        case "configuration":
            _configuration(say, known)
        case "comments":
            _comments(say, known)
        case "edit":
            editing.edit(say, known.meter, known.custom, known.defined)
        case "state":
            editing.state(say, known.meter, known.place.get("metering_point"))
        case "subscriptions":
            subscribing.subscriptions(say, known.place["metering_point"] or "", known.meter.medium)
        case "exchange":
            exchanging.exchange(say, known.meter, known.place["metering_point"] or "")


def _known(text: str) -> Known:
    """Reads a meter.

    Raises:
        InventoryError: There is none of this name that may be seen.
    """
    mine = organisation()
    with installation().registry.begin(readonly=True) as session:
        meter = find_meter(session, mine, text)
        seen = viewer().meters
        if seen is not None and meter.meter_id not in seen:
            raise InventoryError(f"No meter is called {text}.")
        row = Installation
        stays = session.execute(
            select(row.metering_point, row.installed_at, row.removed_at)
            .where(row.organisation == mine, row.meter_id == meter.meter_id, row.known_to.is_(None))
            .order_by(row.installed_at.desc())
        ).all()
        settings = [
            (each.valid_from, each.valid_to, *(getattr(each, name) for name in SETTINGS))
            for each in reversed(configurations(session, mine, meter.meter_id))
        ]
        here = next((stay.metering_point for stay in stays if stay.removed_at is None), None)
        living = places.places(session, mine, [here] if here else [])
        place: dict[str, str | None] = {"metering_point": here} if here else {}
        if living.height:
            place |= living.select("metering_point", "address", "postal_code", "city", "name", "customer_number").row(
                0, named=True
            )
        known = Known(
            meter,
            pl.DataFrame(
                [tuple(stay) for stay in stays],
                schema={"metering_point": pl.String, "installed_at": _INSTANT, "removed_at": _INSTANT},
                orient="row",
            ),
            pl.DataFrame(
                settings,
                schema={
                    **dict.fromkeys(("valid_from", "valid_to"), _INSTANT),
                    "interval_s": pl.Int64,
                    **dict.fromkeys(SETTINGS[1:], pl.String),
                },
                orient="row",
            ),
            values(session, mine, Entity.meter, [meter.meter_id]).get(meter.meter_id, {}),
            fields(session, mine, Entity.meter),
            statuses(session, mine, datetime.now(UTC), [meter.meter_id]).get(meter.meter_id, MISSING),
            place,
            comments.comments_on(session, mine, meter.meter_id),
        )
        session.expunge(meter)
    return known


def _head(say: Words, known: Known) -> None:
    meter, place = known.meter, known.place
    st.subheader(meter.meter_id)
    if meter.state == "deleted":
        st.warning(say("meter.deleted", at=say.instant(meter.deleted_at)), icon=":material/delete:")
    known_facts = {
        "state": say("meter.state_since", state=say.named("state", meter.state), at=say.instant(meter.state_since))
        if meter.state_since
        else say.named("state", meter.state),
        **{name: getattr(meter, name) for name in _IDENTITY},
        "key_status": say.named("key_status", known.key_status),
    }
    known_facts["medium"] = say.named("medium", meter.medium)
    where = {
        "metering_point": place.get("metering_point"),
        "address": ", ".join(
            part
            for part in (
                place.get("address"),
                " ".join(filter(None, (place.get("postal_code"), place.get("city")))) or None,
            )
            if part
        ),
        "customer_name": place.get("name"),
        "customer_number": place.get("customer_number"),
        "installed_at": say.instant(known.stays["installed_at"][0]) if place else None,
    }
    own = {known.defined[name].label: value for name, value in known.custom.items() if name in known.defined}
    left, right = st.columns(2)
    with left, st.container(border=True):
        facts({say.heading(name): value for name, value in known_facts.items()} | own)
    with right, st.container(border=True):
        if place:
            facts({say.heading(name): value for name, value in where.items()})
        else:
            st.markdown(say("meter.nowhere"))
        with st.container(horizontal=True):
            if place:
                links.link(
                    "consumption", say("meter.consumption"), {"point": place["metering_point"] or ""}, icon="bar_chart"
                )
            links.link("check", say("meter.check"), {"serial": meter.meter_id}, icon="sensors")


def _readings(say: Words, known: Known) -> None:
    found = remembered(readings.recent, known.meter.meter_id)
    table(
        say,
        found,
        key="readings",
        file_name=f"readings_{known.meter.meter_id}",
        nothing=say("meter.no_readings"),
        values={"quality": "quality", "source": "source"},
    )


def _codes(say: Words, known: Known) -> None:
    found = info_codes.of_meter(
        tables(),
        organisation(),
        policy(InfoCodePolicy),
        say.language,  # type: ignore[arg-type]
        known.meter.meter_id,
        known.meter.medium,
    )
    _table(say, known, found, "codes", "info_codes", say("meter.no_codes"), values={"priority": "priority"})


def _history(say: Words, known: Known) -> None:
    _table(say, known, known.stays, "stays", "installations", say("meter.never_installed"))


def _configuration(say: Words, known: Known) -> None:
    _table(say, known, known.settings, "settings", "configurations", say("meter.no_settings"))
    if viewer().may(editing.RIGHT):
        editing.configure(say, known.meter)


def _comments(say: Words, known: Known) -> None:
    _table(say, known, known.comments, "comments", "comments", say("meter.no_comments"))
    if not viewer().may(_COMMENT):
        return
    with st.form("comment", clear_on_submit=True):
        text = st.text_area(say("meter.comment"), max_chars=comments.LONGEST, help=say("meter.comment_help"))
        sent = st.form_submit_button(say("meter.comment_write"), icon=":material/add_comment:")
    if not sent:
        return

    def write(doing: asking.Doing) -> int:
        return comments.comment(
            doing.session, doing.organisation, known.meter.meter_id, text, identity=doing.identity, now=doing.now
        )

    if asking.done(_COMMENT, write, said=lambda _: say("meter.commented"), publish=asking.publish_events):
        st.rerun()


def _table(
    say: Words,
    known: Known,
    rows: pl.DataFrame,
    key: str,
    name: str,
    nothing: str,
    values: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """A table about this one meter; its files carry the meter's name."""
    file_name = f"{name}_{known.meter.meter_id}"
    table(say, rows, key=key, file_name=file_name, nothing=nothing, values=values, may_group=False)
