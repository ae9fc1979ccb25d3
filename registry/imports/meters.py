"""Files of meters: devices and their keys."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import polars as pl
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, reject, reject_repeats, split
from registry.imports.collectors import CLASSES, put_collectors
from registry.imports.degrees import degree_rules
from registry.imports.report import (
    CHANGES,
    MOST_CHANGES,
    MOST_NAMED,
    WHOLE_FILE,
    ImportMode,
    ImportReport,
    before_and_after,
    changes_between,
)
from registry.inventory import capacity
from registry.inventory.lifecycle import NO_KEY, end_wait_for_keys
from registry.key_text import parse_key
from registry.keys import NewKey, store_keys
from registry.limits import too_long
from registry.models import Meter
from registry.people import access
from registry.people.errors import Denied
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS
from registry.profiles import read_lines, shipped_profiles
from registry.store import Registry
from registry.vault import KeyVault
from warehouse.phrases import phrase

REQUIRED = ("manufacturer", "serial", "version", "device_type")
FIELDS = ("meter_id", "manufacturer", "serial", "version", "device_type", "medium", "model")
_CHANGING = ("medium", "model")
"""Attributes that a file changes of a meter that is known."""
METER = "meter"
SHARED_SHOWN = 10

MEDIA = {
    "02": "electricity",
    "03": "gas",
    "04": "heat",
    "06": "warm_water",
    "07": "water",
    "0a": "cooling",
    "0b": "cooling",
    "0c": "heat",
    "0d": "heat_cooling",
    "15": "warm_water",
    "16": "water",
    "17": "water",
    "18": "pressure",
}
"""Medium by device type (EN 13757-3), for lines that name none."""

KNOWN_MEDIA = sorted({*MEDIA.values(), "other"})


def import_meters(
    registry: Registry,
    content: bytes,
    *,
    organisation: str,
    identity: str,
    vault: KeyVault,
    now: datetime,
    source_name: str,
    target_state: str = "in_use",
    stock_without_key: bool = False,
    mode: ImportMode = WHOLE_FILE,
) -> ImportReport:
    """Adds meters and the collectors that come with them, updates known ones, fills in keys.

    Keys are a matter of the key service: who may not bring them in there imports meters without keys.

    Args:
        registry: The registry.
        content: The file.
        organisation: Owner of the meters.
        identity: Who imports.
        vault: Vault that wraps the keys.
        now: Instant of the import.
        source_name: Name of the file.
        target_state: State of new meters: ``in_use`` or ``stock``.
        stock_without_key: Whether new meters without a key go to stock, with that as the reason, until it comes.
        mode: How it is imported.

    Returns:
        What was done. A line that repeats a meter of the same file is rejected.

    Raises:
        RegistryError: The file as a whole is unfit.
        Denied: It holds keys, and who imports may not bring them in; nothing is stored, not in a dry run either, since
            what becomes of a key tells whether it is the one that is known.
    """
    lines = read_lines(content, source_name, mode.profile or shipped_profiles()["meters"])
    good, rejected = split(check_meters(lines.table))
    collectors = good.filter(pl.col("device_class").is_in(CLASSES))
    good = good.filter(pl.col("device_class") == METER)
    keys = [
        (number, NewKey(meter_id, parsed))
        for number, meter_id, text in good.select(LINE, "meter_id", "key").rows()
        if text and (parsed := parse_key(text))
    ]
    with registry.begin() as session:
        if keys:
            _authorise_keys(session, identity, organisation, now, source_name, len(keys))
        known = _known(session, organisation)
        new = good.join(known, on="meter_id", how="anti").with_columns(
            pl.coalesce("medium", "usual_medium").alias("medium")
        )
        both = good.join(known, on="meter_id", suffix="_known", maintain_order="left").with_columns(
            pl.coalesce("model", "model_known").alias("model"), pl.coalesce("medium", "medium_known").alias("medium")
        )
        changed = both.filter(
            pl.col("medium").ne_missing(pl.col("medium_known")) | pl.col("model").ne_missing(pl.col("model_known"))
        )
        owner = pl.lit(organisation).alias("organisation")
        keyless = set(new["meter_id"]) - {key.meter_id for _, key in keys}
        if new.height:
            held = pl.lit(stock_without_key) & pl.col("meter_id").is_in(list(keyless))
            rows = new.select(
                *FIELDS,
                owner,
                state=pl.when(held).then(pl.lit("stock")).otherwise(pl.lit(target_state)),
                state_reason=pl.when(held).then(pl.lit(NO_KEY)),
                imported_at=pl.lit(now),
            )
            capacity.check(session, organisation, rows.filter(pl.col("state") == "in_use").height)
            session.execute(insert(Meter), rows.to_dicts())
        if changed.height:
            session.execute(update(Meter), changed.select("meter_id", "medium", "model", owner).to_dicts())
        became = store_keys(session, vault, organisation, [key for _, key in keys], now, identity=identity)
        waited = end_wait_for_keys(session, organisation, identity, now)
        keyed = [
            (number, key.meter_id, what) for (number, key), what in zip(keys, became, strict=True) if what != "equal"
        ]
        heard, moved = put_collectors(session, organisation, collectors, identity=identity, now=now)
        updated = set(changed["meter_id"]) | ({meter_id for _, meter_id, _ in keyed} - set(new["meter_id"]))
        classes = dict(Counter(good["device_class"].to_list()) + Counter(collectors["device_class"].to_list()))
        audit.record(
            session,
            organisation=organisation,
            event="meters.import",
            identity=identity,
            now=now,
            target=source_name,
            details={
                "added": new.height,
                "updated": len(updated) + moved,
                "keys": len(keyed),
                "collectors": heard,
                "classes": classes,
                "rejected": rejected.height,
                "keyed": list(dict.fromkeys(meter_id for _, meter_id, _ in keyed))[:MOST_NAMED],
            },
        )
        audit.record_changes(
            session,
            organisation=organisation,
            event="meters.update",
            identity=identity,
            now=now,
            changes=_audited(changed),
            details={"file": source_name},
        )
        stored = mode.settle(session, rejected)
    return ImportReport(
        added=new.height + heard,
        updated=len(updated) + moved,
        unchanged=good.height + collectors.height - new.height - heard - len(updated) - moved,
        rejected=rejected,
        changes=_changes(changed, keyed, set(new["meter_id"])),
        classes=classes if collectors.height else {},
        warnings=(
            *lines.warnings,
            *_shared_serials(pl.concat([known, new.select(FIELDS)]), good),
            *waited.warnings,
        ),
        stored=stored,
        without_key=tuple(sorted(keyless)),
    )


def _authorise_keys(
    session: Session, identity: str, organisation: str, now: datetime, source_name: str, count: int
) -> None:
    try:
        access.authorise(session, identity, organisation, DEVICE_AND_CUSTOMER_MANAGEMENT, now, service=KEYS)
    except Denied as exc:
        raise Denied(
            f"{source_name} holds keys in {count} of its lines, and nothing of it is stored: {exc} "
            "Leave the field key empty, or ask an administrator for that right."
        ) from exc


def _known(session: Session, organisation: str) -> pl.DataFrame:
    statement = select(*(getattr(Meter, name) for name in FIELDS)).where(Meter.organisation == organisation)
    rows = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(rows, schema=dict.fromkeys(FIELDS, pl.String), orient="row")


def _audited(changed: pl.DataFrame) -> list[audit.Change]:
    """Attributes that change, for the audit log."""
    rows = changed.select("meter_id", *_CHANGING, *(f"{name}_known" for name in _CHANGING)).to_dicts()
    return [audit.Change(row["meter_id"], *before_and_after(row, _CHANGING)) for row in rows]


def _changes(changed: pl.DataFrame, keyed: Sequence[tuple[int, str, str]], added: set[str]) -> pl.DataFrame:
    """Changed fields; of keys only that there is one more, never the key."""
    before = {"new": None, "changed": "another key, which is kept"}
    keys = pl.DataFrame(
        [(line, meter_id, "key", before[what], "this key") for line, meter_id, what in keyed if meter_id not in added],
        schema=CHANGES,
        orient="row",
    )
    fields = changes_between(changed, "meter_id", _CHANGING)
    return pl.concat([fields, keys]).sort(LINE, maintain_order=True).head(MOST_CHANGES)


def _shared_serials(meters: pl.DataFrame, lines: pl.DataFrame) -> list[str]:
    """Serial numbers of the file that several meters have, since a line that names one alone is ambiguous."""
    shared = (
        meters.join(lines.select("serial").unique(), on="serial", how="semi")
        .group_by("serial")
        .agg(pl.len(), makers=pl.col("manufacturer").unique().sort().str.join(" and "))
        .filter(pl.col("len") > 1)
        .sort("serial")
    )
    told = [f"Serial {serial} is that of {count} meters, of {makers}." for serial, count, makers in shared.rows()]
    more = len(told) - SHARED_SHOWN
    return [*told[:SHARED_SHOWN], *([f"{more} more serials are those of several meters."] if more > 0 else [])]


def check_meters(table: pl.DataFrame) -> pl.DataFrame:
    """Normalises the columns of lines and finds those that name no meter or no key.

    Args:
        table: ``source_line``, ``reason`` and the columns of the profile ``meters``.

    Returns:
        The lines with ``meter_id`` and ``usual_medium``, that of the device type.
    """
    table = table.with_columns(
        pl.col("manufacturer").str.to_uppercase(),
        pl.col("serial").str.to_lowercase(),
        pl.col("version", "device_type").str.to_lowercase().str.zfill(2),
        pl.col("key").str.to_uppercase(),
        pl.col("device_class").fill_null(METER),
        pl.coalesce("collector", "serial").alias("collector"),
    ).with_columns(
        serial=pl.when(device_class=METER).then(pl.col("serial").str.zfill(8)).otherwise("serial"),
        usual_medium=pl.col("device_type").replace_strict(MEDIA, default="other"),
    )
    table = table.with_columns(meter_id=phrase("{}-{}-{}-{}", "manufacturer", "serial", "version", "device_type"))
    two_hex = "^[0-9a-f]{2}$"
    meter = pl.col("device_class") == METER
    missing = pl.any_horizontal(pl.col(REQUIRED).is_null())
    classes = [METER, *CLASSES]
    checked = reject(
        table,
        [
            (~pl.col("device_class").is_in(classes), f"the device_class is none of {', '.join(classes)}"),
            (~meter & pl.col("collector").is_null(), "the collector has no name and no serial"),
            (meter & missing, "manufacturer, serial, version or device_type is missing"),
            (meter & ~pl.col("manufacturer").str.contains("^[A-Z@]{3}$"), "the manufacturer is not three letters"),
            (meter & ~pl.col("serial").str.contains("^[0-9a-f]{8}$"), "the serial is not up to eight digits"),
            (meter & ~pl.col("version").str.contains(two_hex), "the version is not two hex digits"),
            (meter & ~pl.col("device_type").str.contains(two_hex), "the device_type is not two hex digits"),
            (meter & ~pl.col("medium").is_in(KNOWN_MEDIA), f"the medium is none of {', '.join(KNOWN_MEDIA)}"),
            (~pl.col("key").str.contains("^[0-9A-F]{32}$"), "the key is not 32 hex digits"),
            *too_long([Meter.model]),
            (~meter & pl.col("key").is_not_null(), "a collector has no key here"),
            *((~meter & rule, reason) for rule, reason in degree_rules()),
        ],
    )
    device = pl.when(device_class=METER).then("meter_id").otherwise("collector").alias("device")
    checked = reject_repeats(
        checked.with_columns(device), ["device_class", "device"], "the meter stands in an earlier line"
    )
    return checked.drop("device")
