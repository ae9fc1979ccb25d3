"""Meter keys: wrapped at rest, handed out for decryption alone.

Each key is encrypted with AES-GCM under a master key that lies in a file outside the database and, by default, outside
the installation. Organisation and meter are bound to it as associated data, so that a wrapped key moved to another row
does not open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from registry.models import MeterKey
from registry.store import Registry
from registry.vault import KeyVault

DECODABLE = ("AES-128", "DES")
"""Algorithms of telegrams; keys of others are kept, not handed out."""

KEYS: dict[str, pl.DataType | type[pl.DataType]] = {
    "meter_id": pl.String,
    "key_no": pl.Int32,
    "key": pl.Binary,
    "verified": pl.Boolean,
    "created_at": pl.Datetime("us", "UTC"),
    "verified_at": pl.Datetime("us", "UTC"),
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
    """

    meter_id: str
    value: bytes = field(repr=False)
    key_class: str = "oms"
    algorithm: str = "AES-128"
    usage: str = "any"
    device_eui: str | None = None
    join_eui: str | None = None


Became = Literal["new", "changed", "equal"]


_OPENS_TELEGRAMS = (MeterKey.key_class == "oms", MeterKey.algorithm.in_(DECODABLE))


def store_keys(
    session: Session, vault: KeyVault, organisation: str, keys: Iterable[NewKey], now: datetime
) -> list[Became]:
    """Adds keys that are new to their meters.

    Args:
        session: A writing transaction.
        vault: The vault.
        organisation: Owner of the meters.
        keys: The keys; those of a meter in the order they are to be tried, after the ones it has.
        now: Instant of the change.

    Returns:
        What became of each: ``new``, the meter's first for this usage; ``changed``, there is another, or it comes with
        another DevEUI, and what was there is kept and tried, too; ``equal``, the meter has it already.
    """
    counts: dict[str, int] = {}
    known: dict[tuple[str, str, str], dict[bytes, set[str | None]]] = {}
    k = MeterKey
    columns = (k.meter_id, k.key_no, k.key_class, k.usage, k.digest, k.device_eui)
    for meter_id, key_no, key_class, usage, digest, eui in session.execute(
        select(*columns).where(k.organisation == organisation)
    ):
        counts[meter_id] = max(counts.get(meter_id, 0), key_no)
        known.setdefault((meter_id, key_class, usage), {}).setdefault(digest, {None}).add(eui)
    rows, became = [], list[Became]()
    for key in keys:
        digests = known.setdefault((key.meter_id, key.key_class, key.usage), {})
        digest = vault.digest(key.value)
        if key.device_eui in digests.get(digest, ()):
            became.append("equal")
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
                "created_at": now,
            }
        )
    if rows:
        session.execute(insert(MeterKey), rows)
    return became


def load_keys(registry: Registry, vault: KeyVault, organisation: str) -> pl.DataFrame:
    """Opens the keys that decrypt telegrams, of all meters.

    Args:
        registry: The registry.
        vault: The vault.
        organisation: Owner of the meters.

    Returns:
        ``meter_id``, ``key_no`` (from 1, the newest last), ``key``, ``verified``, ``created_at``, ``verified_at``.
    """
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(MeterKey.meter_id, MeterKey.key_no, MeterKey.wrapped, MeterKey.created_at, MeterKey.verified_at)
            .where(MeterKey.organisation == organisation, *_OPENS_TELEGRAMS)
            .order_by(MeterKey.meter_id, MeterKey.key_no)
        ).all()
    return pl.DataFrame(
        [
            (meter_id, key_no, vault.unwrap(wrapped, organisation, meter_id), verified is not None, created, verified)
            for meter_id, key_no, wrapped, created, verified in rows
        ],
        schema=KEYS,
        orient="row",
    )


def device_euis(registry: Registry, organisation: str) -> pl.DataFrame:
    """Meters of LoRaWAN devices, as far as their keys name them.

    Args:
        registry: The registry.
        organisation: Owner of the meters.

    Returns:
        ``device_eui`` (upper-case hex, each once) and ``meter_id``.
    """
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(MeterKey.device_eui, MeterKey.meter_id)
            .where(MeterKey.organisation == organisation, MeterKey.device_eui.is_not(None))
            .order_by(MeterKey.created_at, MeterKey.key_no)
        ).all()
    named = pl.DataFrame(
        [tuple(row) for row in rows], schema={"device_eui": pl.String, "meter_id": pl.String}, orient="row"
    )
    return named.unique("device_eui", keep="last")


def key_news(registry: Registry, organisation: str) -> pl.DataFrame:
    """When each meter's keys last gave reason to try again.

    Args:
        registry: The registry.
        organisation: Owner of the meters.

    Returns:
        ``meter_id`` and ``news_at`` (UTC): the latest instant a key came or first verified a frame.
    """
    with registry.begin(readonly=True) as session:
        rows = session.execute(
            select(MeterKey.meter_id, func.max(MeterKey.created_at), func.max(MeterKey.verified_at))
            .where(MeterKey.organisation == organisation, *_OPENS_TELEGRAMS)
            .group_by(MeterKey.meter_id)
        ).all()
    news = [(meter_id, max(created, verified or created)) for meter_id, created, verified in rows]
    return pl.DataFrame(news, schema={"meter_id": pl.String, "news_at": pl.Datetime("us", "UTC")}, orient="row")


def record_results(
    registry: Registry, organisation: str, verified: pl.DataFrame, failed: pl.DataFrame, now: datetime
) -> None:
    """Notes which keys have verified a frame for the first time, and which have failed.

    Args:
        registry: The registry.
        organisation: Owner of the meters.
        verified: ``meter_id`` and ``key_no`` of keys that verified a frame.
        failed: ``meter_id`` and ``key_no`` of keys that failed and never verified one.
        now: Instant of the pass.
    """
    with registry.begin() as session:
        for column, pairs in ((MeterKey.verified_at, verified), (MeterKey.failed_at, failed)):
            for meters in _by_number(pairs):
                session.execute(
                    update(MeterKey)
                    .where(MeterKey.organisation == organisation, column.is_(None))
                    .where(MeterKey.key_no == meters[0], MeterKey.meter_id.in_(meters[1]))
                    .values({column: now})
                )


def _by_number(pairs: pl.DataFrame, at_once: int = 10_000) -> list[tuple[int, Sequence[str]]]:
    return [
        (number, part["meter_id"].to_list())
        for (number,), rows in pairs.select("meter_id", "key_no").unique().group_by("key_no")
        for part in rows.iter_slices(at_once)
    ]
