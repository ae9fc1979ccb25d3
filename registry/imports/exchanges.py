"""Files of exchanges: one meter followed another, with the registers of both (ALGORITHMS §2.4)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import reject, split
from registry.erasures import erased_periods
from registry.errors import RegistryError
from registry.imports.identity import resolve
from registry.imports.instants import place
from registry.imports.report import CHANGES, MOST_CHANGES, WHOLE_FILE, ImportMode, ImportReport
from registry.inventory.versions import supersede
from registry.models import Exchange, Installation, Meter
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
    """Ends the old meter's installation and begins the new one's.

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
    told_in = ZoneInfo(profile.time_zone) if profile.time_zone else zone
    table = place(table, "exchanged_at", told_in).drop("time_flag")
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
    added = updated = unchanged = 0
    refusals: list[tuple[int, str]] = []
    changes: list[tuple[int, str, str, str | None, str]] = []
    good, rejected = split(table)
    good = _with_erased(good, erased_periods(registry, organisation), zone)
    with registry.begin() as session:
        current_ones = (
            Installation.organisation == organisation,
            Installation.removed_at.is_(None),
            Installation.known_to.is_(None),
        )
        for line in good.sort("at").to_dicts():
            point, at, old, new = line["metering_point"], line["at"], line["old_meter_id"], line["new_meter_id"]
            known = session.scalars(
                select(Exchange).where(
                    Exchange.organisation == organisation,
                    Exchange.metering_point == point,
                    Exchange.exchanged_at == at,
                    Exchange.known_to.is_(None),
                )
            ).all()
            if known and known[0].new_meter_id == new:
                changed = [] if line["erased"] else _correct(session, known, line, identity, now)
                if changed:
                    changes += [(line["source_line"], point, *change) for change in changed]
                    updated += 1
                else:
                    unchanged += 1
                continue
            current = session.scalar(select(Installation).where(*current_ones, Installation.metering_point == point))
            elsewhere = session.scalar(
                select(Installation.metering_point).where(*current_ones, Installation.meter_id == new)
            )
            reason = _refusal(current, elsewhere, old, at)
            if reason or current is None:
                refusals.append((line["source_line"], reason or ""))
                continue
            current.known_to = now
            session.add(
                Installation(
                    organisation=organisation,
                    metering_point=point,
                    meter_id=old,
                    installed_at=current.installed_at,
                    removed_at=at,
                    known_from=now,
                )
            )
            session.add(
                Installation(
                    organisation=organisation, metering_point=point, meter_id=new, installed_at=at, known_from=now
                )
            )
            for meter_id, state in ((old, "removed"), (new, "in_use")):
                meter = session.get(Meter, (organisation, meter_id))
                if meter is not None:
                    meter.state = state
            session.execute(
                insert(Exchange),
                [
                    {
                        "organisation": organisation,
                        "metering_point": point,
                        "exchanged_at": at,
                        "register": register,
                        "old_meter_id": old,
                        "new_meter_id": new,
                        "old_final": None if line["erased"] else line[f"final:{register}"],
                        "new_initial": None if line["erased"] else line[f"initial:{register}"],
                        "known_from": now,
                    }
                    for register in registers
                    if line[f"initial:{register}"] is not None
                ],
            )
            session.flush()
            added += 1
        rejected = pl.concat([rejected, pl.DataFrame(refusals, schema=rejected.schema, orient="row")])
        audit.record(
            session,
            organisation=organisation,
            event="exchanges.import",
            identity=identity,
            now=now,
            target=source_name,
            details={"added": added, "updated": updated, "rejected": rejected.height},
        )
        stored = mode.settle(session, rejected)
    return ImportReport(
        added=added,
        updated=updated,
        unchanged=unchanged,
        rejected=rejected.sort("source_line"),
        changes=pl.DataFrame(changes[:MOST_CHANGES], schema=CHANGES, orient="row"),
        warnings=lines.warnings,
        stored=stored,
    )


def _with_erased(lines: pl.DataFrame, periods: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Adds ``erased``: whether the point's data of the line's day is erased."""
    days = lines.select("source_line", "metering_point", day=pl.col("at").dt.convert_time_zone(zone.key).dt.date())
    hit = days.join(periods, on="metering_point").filter(pl.col("day").is_between("first_day", "last_day"))
    return lines.with_columns(erased=pl.col("source_line").is_in(hit["source_line"].implode()))


def _correct(
    session: Session, known: Sequence[Exchange], line: dict[str, Any], identity: str, now: datetime
) -> list[tuple[str, str | None, str]]:
    """Takes over registers that the file gives and the exchange lacks or has otherwise; what was known before stays.

    Returns:
        Field, before and after of each.
    """
    changed: list[tuple[str, str | None, str]] = []
    for exchange in known:
        given = {
            name: line.get(f"{part}:{exchange.register}")
            for part, name in (("final", "old_final"), ("initial", "new_initial"))
        }
        news = {name: value for name, value in given.items() if value not in (None, getattr(exchange, name))}
        for name, value in news.items():
            stands = getattr(exchange, name)
            changed.append((f"{name}_{exchange.register}", None if stands is None else str(stands), str(value)))
        if news:
            supersede(session, exchange, now, identity=identity, **news)
    return changed


def _refusal(current: Installation | None, elsewhere: str | None, old: str, at: datetime) -> str | None:
    if current is None:
        return "no meter is installed at this metering point"
    if current.meter_id != old:
        return "the old meter is not the one installed there"
    if at <= current.installed_at:
        return "the exchange lies before the installation of the old meter"
    if elsewhere is not None:
        return "the new meter is installed already"
    return None


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
