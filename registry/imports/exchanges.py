"""Files of exchanges: one meter followed another, with the registers of both (ALGORITHMS §2.4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from registry import audit
from registry.csv_table import LINE, reject, reject_repeats, split
from registry.erasures import ErasedDays
from registry.errors import RegistryError
from registry.imports.identity import resolve
from registry.imports.instants import place
from registry.imports.report import CHANGES, MOST_CHANGES, WHOLE_FILE, ImportMode, ImportReport, remarks
from registry.inventory.exchanges import Correction, correct_registers, standing
from registry.inventory.new_exchanges import NewExchange, enter_many
from registry.models import Exchange
from registry.profiles import read_lines, shipped_profiles
from registry.profiles.fields import FINAL, INITIAL
from registry.store import Registry
from warehouse.schemas import REGISTER
from warehouse.schemas.registers import CUMULATIVE

SHORT = {"m3": "volume_m3"}
"""Names of registers in the profile, besides the canonical ones."""
PARTS = {FINAL: "final", INITIAL: "initial"}


def import_exchanges(
    registry: Registry,
    content: bytes,
    *,
    organisation: str,
    identity: str,
    zone: ZoneInfo,
    now: datetime,
    source_name: str,
    mode: ImportMode = WHOLE_FILE,
) -> ImportReport:
    """Enters exchanges by the rules of those by hand: the old meter's installation ends, the new one's begins.

    A line that tells of a known exchange corrects its registers, or adds those that it lacks.

    Args:
        registry: The registry.
        content: The file. ``new_initial_<register>`` must be given for at least one register and for each with an
            old final; a missing old final is estimated later, never taken for zero. Registers of days whose data
            of the point is erased are not kept.
        organisation: Owner of the points.
        identity: Who imports.
        zone: Zone of times without offset, where the profile names none.
        now: Instant of the import.
        source_name: Name of the file.
        mode: How it is imported.

    Returns:
        What was done.

    Raises:
        RegistryError: The file as a whole is unfit.
    """
    profile = mode.profile or shipped_profiles()["exchanges"]
    lines = read_lines(content, source_name, profile)
    table, registers = _registers(lines.table, source_name)
    zone = ZoneInfo(profile.time_zone) if profile.time_zone else zone
    table = place(table, "exchanged_at", zone).drop("time_flag")
    table = reject(
        table,
        [
            (pl.col("metering_point").is_null(), "no metering_point"),
            *((pl.col(f"bad:{r}"), f"a register {r} is no number") for r in registers),
            (pl.all_horizontal(pl.col(f"initial:{r}").is_null() for r in registers), "no new_initial register"),
            *(
                (pl.col(f"final:{r}").is_not_null() & pl.col(f"initial:{r}").is_null(), f"no new_initial of {r}")
                for r in registers
            ),
        ],
    )
    table = resolve(registry, organisation, table, "old_")
    table = resolve(registry, organisation, table, "new_")
    table = reject_repeats(table, ["metering_point", "at"], "the exchange stands in an earlier line")
    good, rejected = split(table)
    told = {line[LINE]: _told(line, registers) for line in good.to_dicts()}
    with registry.begin() as session:
        erased = ErasedDays.read(session, organisation, zone)
        known = standing(session, organisation, good["metering_point"])
        again = {
            number: rows
            for number, exchange in told.items()
            if (rows := known.get((exchange.metering_point, exchange.exchanged_at)))
            and rows[0].new_meter_id == exchange.new_meter_id
        }
        new = {number: exchange for number, exchange in told.items() if number not in again}
        refused = enter_many(
            session,
            organisation,
            list(new.values()),
            erased,
            identity=identity,
            now=now,
            reason=f"exchanged by {source_name}",
        )
        corrections = {
            number: Correction(rows, told[number].exchanged_at, told[number].new_meter_id, finals, initials)
            for number, rows in again.items()
            for finals, initials in [_news(rows, told[number])]
            if (finals or initials) and not erased.covers(rows[0].metering_point, rows[0].exchanged_at)
        }
        correct_registers(session, organisation, list(corrections.values()), erased, identity=identity, now=now)
        numbers = list(new)
        refusals = [(numbers[place], str(problem)) for place, problem in refused.items()]
        rejected = pl.concat([rejected, remarks(refusals)])
        added, updated = len(new) - len(refused), len(corrections)
        audit.record(
            session,
            organisation=organisation,
            event="exchanges.import",
            identity=identity,
            now=now,
            target=source_name,
            details={"added": added, "updated": updated, "rejected": rejected.height},
        )
        changes = _changes(corrections)
        stored = mode.settle(session, rejected)
    return ImportReport(
        added=added,
        updated=updated,
        unchanged=len(again) - updated,
        rejected=rejected.sort("source_line"),
        changes=changes,
        warnings=lines.warnings,
        stored=stored,
    )


def _told(line: Mapping[str, Any], registers: Sequence[str]) -> NewExchange:
    finals, initials = (
        {register: value for register in registers if (value := line[f"{part}:{register}"]) is not None}
        for part in ("final", "initial")
    )
    return NewExchange(
        metering_point=line["metering_point"],
        exchanged_at=line["at"],
        old_meter_id=line["old_meter_id"],
        new_meter_id=line["new_meter_id"],
        finals=finals,
        initials=initials,
    )


def _news(known: Sequence[Exchange], exchange: NewExchange) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Final and start registers that a file gives, and that a known exchange lacks or has otherwise."""
    finals = {row.register: row.old_final for row in known}
    initials = {row.register: row.new_initial for row in known}
    return (
        {register: value for register, value in exchange.finals.items() if value != finals.get(register)},
        {register: value for register, value in exchange.initials.items() if value != initials.get(register)},
    )


def _changes(corrections: Mapping[int, Correction]) -> pl.DataFrame:
    """What corrections change, in the order of lines."""
    rows: list[tuple[int, str, str, str | None, str]] = []
    for number, correction in sorted(corrections.items()):
        standing = {row.register: row for row in correction.known}
        for column, news in (("old_final", correction.finals), ("new_initial", correction.initials)):
            for register, value in news.items():
                before = getattr(standing[register], column) if register in standing else None
                told = (f"{column}_{register}", None if before is None else str(before), str(value))
                rows.append((number, correction.known[0].metering_point, *told))
    return pl.DataFrame(rows[:MOST_CHANGES], schema=CHANGES, orient="row")


def _registers(table: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[str]]:
    """Reads ``old_final_<register>`` and ``new_initial_<register>`` columns."""
    found: list[str] = []
    columns: list[pl.Expr] = []
    for column in table.columns:
        for begin, part in PARTS.items():
            if not column.startswith(begin):
                continue
            short = column.removeprefix(begin)
            register = SHORT.get(short, short)
            if register not in CUMULATIVE:
                raise RegistryError(f"{name}: {column} names no register; known are {', '.join(CUMULATIVE)}.")
            if short != register and f"{begin}{register}" in table.columns:
                raise RegistryError(f"{name}: {column} and {begin}{register} are the same register.")
            if register not in found:
                found.append(register)
            columns.append(pl.col(column).alias(f"{part}:{register}"))
    if not found:
        raise RegistryError(f"{name} lacks the columns old_final_m3 and new_initial_m3, or those of other registers.")
    table = table.with_columns(columns)
    absent = [f"{part}:{r}" for r in found for part in ("final", "initial") if f"{part}:{r}" not in table.columns]
    table = table.with_columns(pl.lit(None, pl.String).alias(column) for column in absent)
    parts = [f"{part}:{r}" for r in found for part in ("final", "initial")]
    numbers = {column: pl.col(column).str.to_decimal(scale=6).cast(REGISTER, strict=False) for column in parts}
    bad = [
        pl.any_horizontal(
            pl.col(f"{part}:{r}").is_not_null() & ~pl.col(f"{part}:{r}").str.contains(r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$")
            for part in ("final", "initial")
        ).alias(f"bad:{r}")
        for r in found
    ]
    table = table.with_columns(bad)
    return table.with_columns(
        pl.when(~pl.col(f"bad:{column.partition(':')[2]}")).then(expression).alias(column)
        for column, expression in numbers.items()
    ), found
