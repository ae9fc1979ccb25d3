"""Meter keys: wrapped at rest, handed out for decryption alone.

Each key is encrypted with AES-GCM under a data key, and that under a master key outside the database and, by default,
outside the installation (:mod:`registry.vault`). Organisation and meter are bound to it as associated data, so that a
wrapped key moved to another row does not open.

A key is tried for frames received from its ``valid_from`` until before its ``valid_to``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.frames import read_frame
from registry.models import Meter, MeterKey
from registry.store import Registry
from registry.vault import KeyVault

DECODABLE = ("AES-128", "DES")
"""Algorithms of telegrams; keys of others are kept, not handed out."""

VALIDITY = "keys.validity"
"""Type of the event of a key that is tried for frames of another time."""

INSTANT = pl.Datetime("us", "UTC")

KEYS: dict[str, pl.DataType | type[pl.DataType]] = {
    "meter_id": pl.String,
    "key_no": pl.Int32,
    "key": pl.Binary,
    "verified": pl.Boolean,
    "valid_from": INSTANT,
    "valid_to": INSTANT,
}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key for a meter.

    Attributes:
        meter_id: The meter.
        value: The key.
        key_class: ``oms`` (telegrams) or ``lora`` (LoRaWAN network); only the first decrypt telegrams.
        algorithm: ``AES-128``, ``AES-192``, ``AES-256`` or ``DES``.
        usage: What for: ``any`` or a security mode (``mode_5``); of LoRaWAN sets ``app_key`` and the like.
        device_eui: LoRaWAN device, 16 hex digits.
        join_eui: LoRaWAN join server, 16 hex digits.
        valid_from: First instant of reception for which it is tried; ``None``: from the beginning.
        valid_to: Instant from which on it is not; ``None``: without end.
    """

    meter_id: str
    value: bytes = field(repr=False)
    key_class: str = "oms"
    algorithm: str = "AES-128"
    usage: str = "any"
    device_eui: str | None = None
    join_eui: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


Became = Literal["new", "changed", "equal"]


_OPENS_TELEGRAMS = (MeterKey.key_class == "oms", MeterKey.algorithm.in_(DECODABLE))


def store_keys(
    session: Session, vault: KeyVault, organisation: str, keys: Iterable[NewKey], now: datetime, *, identity: str
) -> list[Became]:
    """Adds keys that are new to their meters.

    Args:
        session: A writing transaction.
        vault: The vault.
        organisation: Owner of the meters.
        keys: The keys; those of a meter in the order they are to be tried, after the ones it has.
        now: Instant of the change.
        identity: Who brings them; each new validity of a key that was there has its event in the audit log.

    Returns:
        What became of each: ``new``, the meter's first for this usage; ``changed``, there is another, or it comes with
        another DevEUI, and what was there is kept and tried, too, or it comes with another validity, which it has from
        now on; ``equal``, the meter has it already. A meter that was put in stock for want of a key is in use again.
    """
    keys = list(keys)
    counts: dict[str, int] = {}
    known: dict[tuple[str, str, str], dict[bytes, set[str | None]]] = {}
    k = MeterKey
    windows: dict[tuple[str, str, str, bytes], tuple[int, datetime | None, datetime | None]] = {}
    columns = (k.meter_id, k.key_no, k.key_class, k.usage, k.digest, k.device_eui, k.valid_from, k.valid_to)
    for meter_id, key_no, key_class, usage, digest, eui, start, end in session.execute(
        select(*columns).where(k.organisation == organisation)
    ):
        counts[meter_id] = max(counts.get(meter_id, 0), key_no)
        known.setdefault((meter_id, key_class, usage), {}).setdefault(digest, {None}).add(eui)
        windows[meter_id, key_class, usage, digest] = key_no, start, end
    rows, became, renewed = [], list[Became](), list[audit.Change]()
    for key in keys:
        digests = known.setdefault((key.meter_id, key.key_class, key.usage), {})
        digest = vault.digest(key.value)
        if key.device_eui in digests.get(digest, ()):
            window = windows.get((key.meter_id, key.key_class, key.usage, digest))
            other = window and (key.valid_from or key.valid_to) and window[1:] != (key.valid_from, key.valid_to)
            if window and other:
                between = key.valid_from, key.valid_to
                renewed.append(set_validity(session, organisation, key.meter_id, window[0], *between, now))
            became.append("changed" if other else "equal")
            continue
        became.append("changed" if digests else "new")
        digests.setdefault(digest, {None}).add(key.device_eui)
        counts[key.meter_id] = counts.get(key.meter_id, 0) + 1
        rows.append(
            {
                "organisation": organisation,
                "meter_id": key.meter_id,
                "key_no": counts[key.meter_id],
                "key_class": key.key_class,
                "algorithm": key.algorithm,
                "usage": key.usage,
                "device_eui": key.device_eui,
                "join_eui": key.join_eui,
                "wrapped": vault.wrap(key.value, organisation, key.meter_id),
                "digest": digest,
                "valid_from": key.valid_from,
                "valid_to": key.valid_to,
                "created_at": now,
            }
        )
    if rows:
        session.execute(insert(MeterKey), rows)
    audit.record_changes(
        session, organisation=organisation, event=VALIDITY, identity=identity, now=now, changes=renewed
    )
    return became


def set_validity(
    session: Session,
    organisation: str,
    meter_id: str,
    key_no: int,
    valid_from: datetime | None,
    valid_to: datetime | None,
    now: datetime,
) -> audit.Change:
    """Says for which instants of reception a key is tried; frames that wait for a key are tried again.

    Args:
        session: A writing transaction.
        organisation: Owner of the meter.
        meter_id: The meter.
        key_no: Number of its key.
        valid_from: First instant; ``None``: from the beginning.
        valid_to: Instant from which on it is not tried; ``None``: without end.
        now: Instant of the change.

    Returns:
        The change, which the caller records as :data:`VALIDITY`.

    Raises:
        RegistryError: There is no such key, or it would end before it begins.
    """
    key = session.get(MeterKey, (organisation, meter_id, key_no))
    if key is None:
        raise RegistryError(f"{meter_id} has no key number {key_no}: see 'meterhouse key status'.")
    if valid_from and valid_to and valid_to <= valid_from:
        raise RegistryError(f"Key {key_no} of {meter_id} would end before it begins.")
    before = {"key_no": key_no, "valid_from": key.valid_from, "valid_to": key.valid_to}
    key.valid_from, key.valid_to, key.changed_at = valid_from, valid_to, now
    return audit.Change(meter_id, before, {"key_no": key_no, "valid_from": valid_from, "valid_to": valid_to})


def load_keys(registry: Registry, vault: KeyVault, organisation: str) -> pl.DataFrame:
    """Opens the keys that decrypt telegrams, of all meters.

    Args:
        registry: The registry.
        vault: The vault.
        organisation: Owner of the meters; keys of no other one are handed out.

    Returns:
        ``meter_id``, ``key_no`` (from 1, the newest last), ``key``, ``verified`` (whether it has opened a frame),
        ``valid_from`` and ``valid_to`` (UTC, half open, null: no bound).
    """
    k = MeterKey
    statement = (
        select(k.meter_id, k.key_no, k.wrapped, k.verified_at.is_not(None), k.valid_from, k.valid_to)
        .where(k.organisation == organisation, *_OPENS_TELEGRAMS)
        .order_by(k.meter_id, k.key_no)
    )
    with registry.begin(readonly=True) as session:
        rows = session.connection().execute(statement).all()
    if not rows:
        return pl.DataFrame(schema=KEYS)
    meter_ids, numbers, wrapped, verified, *bounds = zip(*rows, strict=True)
    opened = [vault.unwrap(blob, organisation, meter_id) for meter_id, blob in zip(meter_ids, wrapped, strict=True)]
    columns = (meter_ids, numbers, opened, [bool(yes) for yes in verified], *bounds)
    return pl.DataFrame([pl.Series(name, column, KEYS[name]) for name, column in zip(KEYS, columns, strict=True)])


def device_euis(registry: Registry, organisation: str) -> pl.DataFrame:
    """Meters of LoRaWAN devices, as far as their keys name them.

    Args:
        registry: The registry.
        organisation: Owner of the meters.

    Returns:
        ``device_eui`` (upper-case hex, each once), ``meter_id``, ``valid_from`` and ``valid_to``: between these, null
        being open, uplinks of the device are this meter's.
    """
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(MeterKey.device_eui, MeterKey.meter_id, MeterKey.valid_from, MeterKey.valid_to)
            .where(MeterKey.organisation == organisation, MeterKey.device_eui.is_not(None))
            .order_by(MeterKey.created_at, MeterKey.key_no)
        ).all()
    schema = pl.Schema({"device_eui": pl.String, "meter_id": pl.String})
    schema.update(dict.fromkeys(("valid_from", "valid_to"), INSTANT))
    named = pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
    return named.unique("device_eui", keep="last")


def key_list(registry: Registry, organisation: str) -> pl.DataFrame:
    """The keys of all meters, without the keys themselves; a meter without one has one row.

    Args:
        registry: The registry.
        organisation: Owner of the meters.

    Returns:
        ``meter_id``, ``state``, ``state_reason``, ``key_no``, ``key_class``, ``algorithm``, ``usage``, ``valid_from``,
        ``valid_to``, ``created_at``, ``verified_at``, ``failed_at``, by meter and number.
    """
    m, k = Meter, MeterKey
    columns = (m.meter_id, m.state, m.state_reason, k.key_no, k.key_class, k.algorithm, k.usage)
    instants = (k.valid_from, k.valid_to, k.created_at, k.verified_at, k.failed_at)
    statement = (
        select(*columns, *instants)
        .outerjoin(k, (k.organisation == m.organisation) & (k.meter_id == m.meter_id))
        .where(m.organisation == organisation)
        .order_by(m.meter_id, k.key_no)
    )
    with registry.begin(readonly=True) as session:
        rows = [tuple(row) for row in session.execute(statement)]
    schema = pl.Schema({column.key: pl.Int32 if column.key == "key_no" else pl.String for column in columns})
    schema.update({column.key: INSTANT for column in instants})
    return pl.DataFrame(rows, schema=schema, orient="row")


def key_news(registry: Registry, organisation: str) -> pl.DataFrame:
    """When each meter's keys last gave reason to try again.

    Args:
        registry: The registry.
        organisation: Owner of the meters.

    Returns:
        ``meter_id`` and ``news_at`` (UTC): the latest instant a key came, first opened a frame or got a new validity.
    """
    events = {
        name: func.max(getattr(MeterKey, name)).label(name) for name in ("created_at", "verified_at", "changed_at")
    }
    statement = (
        select(MeterKey.meter_id, *events.values())
        .where(MeterKey.organisation == organisation, *_OPENS_TELEGRAMS)
        .group_by(MeterKey.meter_id)
    )
    with registry.begin(readonly=True) as session:
        table = read_frame(session, statement, {"meter_id": pl.String} | dict.fromkeys(events, INSTANT))
    return table.select("meter_id", news_at=pl.max_horizontal(*events))


def record_results(
    registry: Registry, organisation: str, verified: pl.DataFrame, failed: pl.DataFrame, now: datetime
) -> int:
    """Notes which keys have verified a frame for the first time, and which have failed.

    Args:
        registry: The registry.
        organisation: Owner of the meters.
        verified: ``meter_id`` and ``key_no`` of keys that verified a frame.
        failed: ``meter_id`` and ``key_no`` of keys that failed and never verified one.
        now: Instant of the pass.

    Returns:
        How many of these are news.
    """
    news = 0
    with registry.begin() as session:
        for column, pairs in ((MeterKey.verified_at, verified), (MeterKey.failed_at, failed)):
            for meters in _by_number(pairs):
                statement = (
                    update(MeterKey)
                    .where(MeterKey.organisation == organisation, column.is_(None))
                    .where(MeterKey.key_no == meters[0], MeterKey.meter_id.in_(meters[1]))
                    .values({column: now})
                )
                news += session.connection().execute(statement).rowcount
    return news


def _by_number(pairs: pl.DataFrame, at_once: int = 10_000) -> list[tuple[int, Sequence[str]]]:
    return [
        (number, part["meter_id"].to_list())
        for (number,), rows in pairs.select("meter_id", "key_no").unique().group_by("key_no")
        for part in rows.iter_slices(at_once)
    ]
