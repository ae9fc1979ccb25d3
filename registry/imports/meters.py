"""``meters.csv``: devices and their keys."""

from datetime import datetime

import polars as pl
from sqlalchemy import insert, select, update

from registry import audit
from registry.csv_table import read_table, reject, reject_repeats, split
from registry.imports.report import ImportReport
from registry.key_text import parse_key
from registry.keys import NO_KEY, NewKey, store_keys
from registry.limits import too_long
from registry.models import Meter
from registry.store import Registry
from registry.vault import KeyVault

REQUIRED = ("manufacturer", "serial", "version", "device_type")
OPTIONAL = ("model", "medium", "key")

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
) -> ImportReport:
    """Adds meters, updates known ones, fills in keys.

    Args:
        registry: The registry.
        content: The CSV file.
        organisation: Owner of the meters.
        identity: Who imports.
        vault: Vault that wraps the keys.
        now: Instant of the import.
        source_name: Name of the file.
        target_state: State of new meters.
        stock_without_key: Whether new meters without a key go to stock, with that as the reason, until it comes.

    Returns:
        What was done. A line that repeats a meter of the same file is rejected.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    good, rejected = split(_checked(read_table(content, source_name, REQUIRED, OPTIONAL)))
    keys = [
        NewKey(meter_id, parsed)
        for meter_id, text in good.select("meter_id", "key").rows()
        if text and (parsed := parse_key(text))
    ]
    fields = ("meter_id", "manufacturer", "serial", "version", "device_type", "medium", "model")
    rows = good.select(fields)
    with registry.begin() as session:
        statement = select(*(getattr(Meter, name) for name in fields)).where(Meter.organisation == organisation)
        known = pl.DataFrame(
            [tuple(row) for row in session.execute(statement)], schema=dict.fromkeys(fields, pl.String), orient="row"
        )
        new = good.join(known, on="meter_id", how="anti").with_columns(
            pl.coalesce("medium", "usual_medium").alias("medium")
        )
        new = new.select(fields)
        both = rows.join(known, on="meter_id", suffix="_known").with_columns(
            pl.coalesce("model", "model_known").alias("model"), pl.coalesce("medium", "medium_known").alias("medium")
        )
        changed = both.filter(
            pl.col("medium").ne_missing(pl.col("medium_known")) | pl.col("model").ne_missing(pl.col("model_known"))
        )
        if new.height:
            held = pl.lit(stock_without_key) & ~pl.col("meter_id").is_in([key.meter_id for key in keys])
            session.execute(
                insert(Meter),
                new.with_columns(
                    imported_at=pl.lit(now),
                    organisation=pl.lit(organisation),
                    state=pl.when(held).then(pl.lit("stock")).otherwise(pl.lit(target_state)),
                    state_reason=pl.when(held).then(pl.lit(NO_KEY)),
                ).to_dicts(),
            )
        if changed.height:
            session.execute(
                update(Meter),
                changed.select("meter_id", "medium", "model", organisation=pl.lit(organisation)).to_dicts(),
            )
        keyless = set(new["meter_id"]) - {key.meter_id for key in keys}
        became = store_keys(session, vault, organisation, keys, now)
        keyed = {key.meter_id for key, what in zip(keys, became, strict=True) if what != "equal"}
        updated = set(changed["meter_id"]) | (keyed - set(new["meter_id"]))
        audit.record(
            session,
            organisation=organisation,
            event="meters.import",
            identity=identity,
            now=now,
            target=source_name,
            details={"added": new.height, "updated": len(updated), "keys": len(keyed), "rejected": rejected.height},
        )
    return ImportReport(
        added=new.height,
        updated=len(updated),
        unchanged=rows.height - new.height - len(updated),
        rejected=rejected,
        without_key=tuple(sorted(keyless)),
    )


def _checked(table: pl.DataFrame) -> pl.DataFrame:
    """Normalises the columns and finds the lines that name no meter or no key."""
    table = table.with_columns(
        pl.col("manufacturer").str.to_uppercase(),
        pl.col("serial").str.zfill(8).str.to_lowercase(),
        pl.col("version", "device_type").str.to_lowercase().str.zfill(2),
        pl.col("key").str.to_uppercase(),
    ).with_columns(
        usual_medium=pl.col("device_type").replace_strict(MEDIA, default="other"),
        meter_id=pl.format("{}-{}-{}-{}", "manufacturer", "serial", "version", "device_type"),
    )
    two_hex = "^[0-9a-f]{2}$"
    checked = reject(
        table,
        [
            (pl.any_horizontal(pl.col(REQUIRED).is_null()), "manufacturer, serial, version or device_type is missing"),
            (~pl.col("manufacturer").str.contains("^[A-Z@]{3}$"), "the manufacturer is not three letters"),
            (~pl.col("serial").str.contains("^[0-9a-f]{8}$"), "the serial is not up to eight digits"),
            (~pl.col("version").str.contains(two_hex), "the version is not two hex digits"),
            (~pl.col("device_type").str.contains(two_hex), "the device_type is not two hex digits"),
            (~pl.col("medium").is_in(KNOWN_MEDIA), f"the medium is none of {', '.join(KNOWN_MEDIA)}"),
            (~pl.col("key").str.contains("^[0-9A-F]{32}$"), "the key is not 32 hex digits"),
            *too_long([Meter.model]),
        ],
    )
    return reject_repeats(checked, ["meter_id"], "the meter stands in an earlier line")
