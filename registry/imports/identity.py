"""Which meter a line means: by its serial, with manufacturer, version and device type where they are given."""

import polars as pl

from registry.csv_table import LINE, REASON
from registry.store import Registry
from registry.tables import meter_index
from warehouse.phrases import phrase

_PARTS = ("manufacturer", "version", "device_type")


def resolve(registry: Registry, organisation: str, lines: pl.DataFrame, prefix: str = "") -> pl.DataFrame:
    """Finds the registered meter of each line.

    Args:
        registry: The registry.
        organisation: Owner of the meters.
        lines: ``source_line``, ``reason`` and, behind ``prefix``, ``serial`` and, null where not given,
            ``manufacturer``, ``version`` and ``device_type``.
        prefix: Beginning of the columns' names, e.g. ``old_``.

    Returns:
        The lines with ``{prefix}meter_id``; a line without exactly one meter has its reason.
    """
    names = {part: f"{prefix}{part}" for part in ("serial", *_PARTS)}
    meters = meter_index(registry, organisation)
    asked = lines.select(
        LINE,
        manufacturer=pl.col(names["manufacturer"]).str.to_uppercase(),
        serial=pl.col(names["serial"]).str.zfill(8).str.to_lowercase(),
        version=pl.col(names["version"]).str.to_lowercase().str.zfill(2),
        device_type=pl.col(names["device_type"]).str.to_lowercase().str.zfill(2),
    )
    same = [pl.col(part).is_null() | (pl.col(part) == pl.col(f"{part}_known")) for part in _PARTS]
    found = asked.join(meters, on="serial", suffix="_known").filter(*same)
    matches = found.group_by(LINE).agg(
        pl.col("meter_id").first(), count=pl.len(), makers=pl.col("manufacturer_known").unique().sort()
    )
    meter = pl.concat_str(names["manufacturer"], names["serial"], separator=" ", ignore_nulls=True)
    several = pl.col("makers").list.len() > 1
    reason = (
        pl.when(pl.col(names["serial"]).is_null())
        .then(pl.lit(f"no {names['serial']}"))
        .when(pl.col("count").is_null())
        .then(phrase("meter {} is not registered", meter))
        .when(several)
        .then(
            phrase(
                "meter {} is ambiguous: {} have one of this serial, give the manufacturer",
                meter,
                pl.col("makers").list.join(" and "),
            )
        )
        .when(pl.col("count") > 1)
        .then(phrase("meter {} is ambiguous: give version and device_type", meter))
    )
    return (
        lines.join(matches, on=LINE, how="left", maintain_order="left")
        .with_columns(pl.coalesce(REASON, reason).alias(REASON))
        .rename({"meter_id": f"{prefix}meter_id"})
        .drop("count", "makers")
    )
