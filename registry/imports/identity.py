"""Which meter a line means: by manufacturer and serial, with version and device type where they are given."""

import polars as pl

from registry.csv_table import LINE, REASON
from registry.store import Registry
from registry.tables import meter_index


def resolve(
    registry: Registry, organisation: str, lines: pl.DataFrame, prefix: str = "", *, optional: bool = False
) -> pl.DataFrame:
    """Finds the registered meter of each line.

    Args:
        registry: The registry.
        organisation: Owner of the meters.
        lines: ``source_line``, ``reason`` and, behind ``prefix``, ``manufacturer``, ``serial`` and, null where not
            given, ``version`` and ``device_type``.
        prefix: Beginning of the columns' names, e.g. ``old_``.
        optional: Whether a line may name no meter.

    Returns:
        The lines with ``{prefix}meter_id``; a line without exactly one meter has its reason.
    """
    names = {part: f"{prefix}{part}" for part in ("manufacturer", "serial", "version", "device_type")}
    meters = meter_index(registry, organisation)
    asked = lines.select(
        LINE,
        manufacturer=pl.col(names["manufacturer"]).str.to_uppercase(),
        serial=pl.col(names["serial"]).str.zfill(8).str.to_lowercase(),
        version=pl.col(names["version"]).str.to_lowercase(),
        device_type=pl.col(names["device_type"]).str.to_lowercase(),
    )
    found = asked.join(meters, on=["manufacturer", "serial"], suffix="_known").filter(
        (pl.col("version").is_null() | (pl.col("version") == pl.col("version_known")))
        & (pl.col("device_type").is_null() | (pl.col("device_type") == pl.col("device_type_known")))
    )
    matches = found.group_by(LINE).agg(pl.col("meter_id").first(), count=pl.len())
    named = pl.col(names["serial"]).is_not_null()
    absent = pl.lit(None, pl.String) if optional else pl.lit(f"no {names['serial']}")
    meter = pl.format("{} {}", names["manufacturer"], names["serial"])
    reason = (
        pl.when(~named)
        .then(absent)
        .when(pl.col("count").is_null())
        .then(pl.format("meter {} is not registered", meter))
        .when(pl.col("count") > 1)
        .then(pl.format("meter {} is ambiguous: give version and device_type", meter))
    )
    return (
        lines.join(matches, on=LINE, how="left", maintain_order="left")
        .with_columns(pl.coalesce(REASON, reason).alias(REASON))
        .rename({"meter_id": f"{prefix}meter_id"})
        .drop("count")
    )
