"""Files of readings: those of another system or a person's hand."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from registry.csv_table import reject, reject_repeats, split
from registry.errors import RegistryError
from registry.imports.identity import resolve
from registry.imports.instants import place
from registry.imports.parsed import ParsedRows
from registry.profiles import Profile, read_lines, shipped_profiles
from registry.store import Registry
from warehouse.schemas import READINGS
from warehouse.schemas.registers import REGISTERS

SOURCES = ("import", "logger")
"""What a line may say of its source: another system, which is meant where it says nothing, or the meter's logger."""


def parse_readings(
    registry: Registry,
    content: bytes,
    *,
    organisation: str,
    zone: ZoneInfo,
    now: datetime,
    source_name: str,
    profile: Profile | None = None,
    info_code_kinds: Collection[str] = (),
) -> ParsedRows:
    """Reads a file of readings; whoever calls writes them to the lake.

    Args:
        registry: The registry.
        content: The file: the meter, ``measured_at`` and canonical registers; where it has them ``source``, and
            ``info_code`` as the meter sends it, a decimal number, with its ``info_code_kind``.
        organisation: Owner of the meters.
        zone: Zone of times without offset, where the profile names none.
        now: Instant of the import.
        source_name: Name of the file.
        profile: How to read it; by default the predefined one.
        info_code_kinds: Bit tables of info codes that there are.

    Returns:
        Rows of ``readings``.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    profile = profile or shipped_profiles()["readings"]
    lines = read_lines(content, source_name, profile)
    table, zone = lines.table, ZoneInfo(profile.time_zone) if profile.time_zone else zone
    registers = [register for register in REGISTERS if register.name in table.columns]
    if not registers and table["info_code"].is_null().all():
        raise RegistryError(f"{source_name} has no register column, such as {REGISTERS[0].name}.")
    names = [register.name for register in registers]
    table = place(table, "measured_at", zone, pl.concat_str("manufacturer", "serial", ignore_nulls=True))
    kind = pl.col("info_code_kind")
    number = r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"
    table = reject(
        table,
        [
            (pl.col("at") > now, "measured_at lies in the future"),
            (pl.all_horizontal(pl.col([*names, "info_code"]).is_null()), "no register has a value"),
            (~pl.col("source").is_in(SOURCES), f"source is none of {', '.join(SOURCES)}"),
            (~pl.col("info_code").str.contains(r"^[0-9]{1,18}$"), "info_code is no whole number"),
            (
                pl.col("info_code").is_not_null() & ~kind.is_in(sorted(info_code_kinds)).fill_null(value=False),
                f"info_code_kind is none of {', '.join(sorted(info_code_kinds))}",
            ),
            *((~pl.col(name).str.contains(number), f"{name} is no number with up to six decimals") for name in names),
        ],
    )
    table = resolve(registry, organisation, table)
    table = reject_repeats(table, ["meter_id", "at"], "the reading stands in an earlier line")
    good, rejected = split(table)
    values = [
        (pl.col(r.name).str.to_decimal(scale=6) if r.kind == "cumulative" else pl.col(r.name)).cast(r.column().dtype)
        for r in registers
    ]
    readings = good.select(
        "meter_id",
        *values,
        organisation=pl.lit(organisation),
        measured_at="at",
        received_at="at",
        landed_at=pl.lit(now),
        source=pl.col("source").fill_null(SOURCES[0]),
        info_code=pl.col("info_code").cast(pl.Int64),
        info_code_kind=pl.when(pl.col("info_code").is_not_null()).then(kind),
        quality=pl.lit("M"),
        flags="time_flag",
        source_file=pl.lit(source_name),
        source_line="source_line",
        month=pl.col("at").dt.strftime("%Y-%m"),
    )
    return ParsedRows(READINGS.conform(readings), good["source_line"], rejected, lines.warnings)
