"""Who lived at a point from when to when, as a customer file tells it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, REASON, reject
from registry.customer_versions import TOLD, keep_versions
from registry.imports.report import before_and_after, changes_between
from registry.models import Customer
from registry.vault import KeyVault

PLACE = ("address", "postal_code", "city")
"""What the address check looks for."""
OF_POINT = ("address", "address2", "postal_code", "city", "latitude", "longitude", "coordinate_status", "alternatives")
"""What stays true of a point when its occupant moves."""
PERSONAL = (
    "customer_number", "name", "address", "address2", "postal_code", "city", "telephone", "email", "latitude",
    "longitude",
)  # fmt: skip
"""What a file says of a customer."""
SEARCHED = ("ok", "not_found", "no_place", "alternatives")
"""States that the address check sets; it looks again when the address changes."""

_INSTANT = pl.Datetime("us", "UTC")
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("occupancy", "metering_point", *PERSONAL, "coordinate_status", "alternatives"), pl.String),
    "occupied_from": _INSTANT,
    "occupied_to": _INSTANT,
}
_WRITTEN = (*PERSONAL, "coordinate_status", "alternatives", "occupied_from", "occupied_to")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written.

    Attributes:
        lines: The lines with their reasons, as they came.
        ended: ``occupancy``, ``metering_point`` and ``occupied_to`` of those who moved out.
        begun: Rows of those who moved in.
        corrected: Rows of those who are known already and of whom something changed.
        changes: Changed fields, for the report.
    """

    lines: pl.DataFrame
    ended: pl.DataFrame
    begun: pl.DataFrame
    corrected: pl.DataFrame
    changes: pl.DataFrame


def plan_occupancies(
    session: Session, organisation: str, lines: pl.DataFrame, *, now: datetime, overwrite_coordinates: bool
) -> Plan:
    """Holds lines against who is known at their points.

    A line tells of the occupancy that has its customer and move-in, or of the point's latest one where the customer is
    the same; else of somebody who moved in: at its ``moved_in``, or at the import where somebody lived there before, or
    nobody knows when.

    Args:
        session: A transaction.
        organisation: Owner of the points.
        lines: ``source_line``, ``reason``, ``metering_point``, the personal fields, ``moved_in`` and ``moved_out``.
        now: Instant of the import.
        overwrite_coordinates: Whether coordinates of the file win over those that stand.

    Returns:
        What is to be written; lines that contradict what is known have their reason.
    """
    known = _known(session, organisation)
    latest = (
        known.sort("occupied_to", nulls_last=True)
        .unique("metering_point", keep="last", maintain_order=True)
        .rename({name: f"{name}_known" for name in ("coordinate_status", "alternatives")})
    )
    stated = lines.with_row_index("row").select(
        "row", LINE, REASON, "metering_point", *PERSONAL, occupied_from="moved_in", occupied_to="moved_out"
    )
    before = stated.join(
        known.filter(pl.col("occupied_from").is_not_null()).unique(
            ["metering_point", "customer_number", "occupied_from"], keep="last"
        ),
        on=["metering_point", "customer_number", "occupied_from"],
        how="inner",
    ).select("row", named="occupancy")
    joined = stated.join(latest, on="metering_point", how="left", suffix="_known", maintain_order="left").join(
        before, on="row", how="left", maintain_order="left"
    )
    moved_in, known_from, known_to = pl.col("occupied_from"), pl.col("occupied_from_known"), pl.col("occupied_to_known")
    same_person = pl.col("customer_number") == pl.col("customer_number_known")
    returned = (known_to.is_not_null() & (moved_in >= known_to)).fill_null(value=False)
    former = (pl.col("named") != pl.col("occupancy")).fill_null(value=False)
    same = ~former & (pl.col("named").is_not_null() | (same_person & ~returned).fill_null(value=False))
    joined = joined.with_columns(former=former, same=same, somebody=pl.col("occupancy").is_not_null()).with_columns(
        begin=pl.when(pl.col("somebody") & ~pl.col("same")).then(pl.coalesce(moved_in, pl.lit(now).cast(_INSTANT)))
    )
    begin, new = pl.col("begin"), ~pl.col("same") & ~pl.col("former")
    joined = reject(
        joined,
        [
            (new & (begin <= known_from), "somebody else moved in there at that time or later"),
            (new & (begin < known_to), "somebody else lived there until after that time"),
            (
                pl.col("same") & (pl.coalesce("occupied_to", "occupied_to_known") <= pl.coalesce(moved_in, known_from)),
                "occupied_to does not lie after occupied_from",
            ),
        ],
    )
    good = joined.filter(pl.col(REASON).is_null() & ~pl.col("former"))
    stays, arrives = good.filter("same"), good.filter(~pl.col("same"))
    corrected = _corrected(stays, overwrite_coordinates=overwrite_coordinates)
    differing = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in _WRITTEN)
    corrected = corrected.filter(differing)
    begun = _begun(arrives)
    follows = begun.filter("somebody")
    shown = (*PERSONAL, "occupied_from", "occupied_to")
    return Plan(
        lines=lines.with_columns(joined[REASON]),
        ended=arrives.filter(pl.col("somebody") & pl.col("occupied_to_known").is_null()).select(
            "occupancy", "metering_point", occupied_to="begin"
        ),
        begun=begun,
        corrected=corrected,
        changes=changes_between(pl.concat([corrected, follows], how="diagonal"), "metering_point", shown),
    )


def _known(session: Session, organisation: str) -> pl.DataFrame:
    statement = select(*(getattr(Customer, name) for name in _COLUMNS)).where(Customer.organisation == organisation)
    rows = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def _corrected(stays: pl.DataFrame, *, overwrite_coordinates: bool) -> pl.DataFrame:
    """What is known of the same occupant, with what the line says; an absent field says nothing."""
    pinned = pl.col("latitude_known").is_not_null()
    given = pl.col("latitude").is_not_null()
    takes = (given & ~pinned) | (given & pl.lit(overwrite_coordinates))
    moved = pl.any_horizontal(
        pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in PLACE
    )
    searched = pl.col("coordinate_status_known").is_in(SEARCHED).fill_null(value=False)
    stale = moved & searched & ~takes
    texts = [name for name in PERSONAL if name not in ("latitude", "longitude")]
    return stays.with_columns(
        *(pl.coalesce(name, f"{name}_known").alias(name) for name in (*texts, "occupied_from", "occupied_to")),
        *(
            pl.when(takes).then(name).when(~stale).then(f"{name}_known").alias(name)
            for name in ("latitude", "longitude")
        ),
        coordinate_status=pl.when(takes)
        .then(
            # The same numbers again do not make a searched place one that was given.
            pl.when(
                pl.col("latitude").eq_missing(pl.col("latitude_known"))
                & pl.col("longitude").eq_missing(pl.col("longitude_known"))
            )
            .then("coordinate_status_known")
            .otherwise(pl.lit("manual"))
        )
        .when(~stale)
        .then("coordinate_status_known"),
        alternatives=pl.when(~takes & ~stale).then("alternatives_known"),
    )


def _begun(arrives: pl.DataFrame) -> pl.DataFrame:
    """Who moves in, with what is known of the place where the line says nothing of it."""
    silent = pl.all_horizontal(pl.col(name).is_null() for name in (*PLACE, "address2"))
    same_place = silent | pl.all_horizontal(
        pl.col(name).is_null() | pl.col(name).eq_missing(pl.col(f"{name}_known")) for name in PLACE
    )
    given = pl.col("latitude").is_not_null()
    kept = [name for name in OF_POINT if name not in ("coordinate_status", "alternatives")]
    return arrives.with_columns(
        *(pl.coalesce(name, pl.when(same_place).then(pl.col(f"{name}_known"))).alias(name) for name in kept),
        coordinate_status=pl.when(given).then(pl.lit("manual")).when(same_place).then("coordinate_status_known"),
        alternatives=pl.when(~given & same_place).then("alternatives_known"),
        occupied_from=pl.coalesce("begin", "occupied_from"),
        occupancy=pl.Series([secrets.token_hex(8) for _ in range(arrives.height)], dtype=pl.String),
    )


def write_occupancies(session: Session, organisation: str, plan: Plan, now: datetime) -> tuple[int, set[str]]:
    """Writes a plan.

    Args:
        session: A writing transaction.
        organisation: Owner of the points.
        plan: What is to be written.
        now: Instant of the import.

    Returns:
        How many occupants followed another, and the points of which something changed.
    """
    owner = pl.lit(organisation).alias("organisation")
    told = plan.corrected.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in TOLD))
    changing = pl.concat([plan.ended["occupancy"], told["occupancy"]]).unique().to_list()
    known_from = keep_versions(session, organisation, changing, now)
    if plan.ended.height:
        session.execute(update(Customer), plan.ended.select(owner, "occupancy", "occupied_to").to_dicts())
    if plan.corrected.height:
        session.execute(update(Customer), plan.corrected.select(owner, "occupancy", *_WRITTEN).to_dicts())
    if plan.begun.height:
        rows = plan.begun.select(owner, "occupancy", "metering_point", *_WRITTEN, known_from=pl.lit(known_from))
        session.execute(insert(Customer), rows.to_dicts())
    followed = plan.begun.filter("somebody")
    return followed.height, set(plan.corrected["metering_point"]) | set(followed["metering_point"])


def occupancy_changes(plan: Plan, vault: KeyVault) -> list[audit.Change]:
    """What a plan changes of whom, for the audit log; who moved in where nobody lived before is left to be counted.

    Args:
        plan: The plan.
        vault: Wraps the persons' keys.

    Returns:
        ``customer.edit``, ``customer.move_out`` and ``customer.add``, with the fields that change, as by hand.
    """
    known = [f"{name}_known" for name in _WRITTEN]
    corrected = plan.corrected.select("metering_point", "occupancy", *_WRITTEN, *known).to_dicts()
    found = [_change(vault, "customer.edit", row, *before_and_after(row, _WRITTEN)) for row in corrected]
    for row in plan.ended.to_dicts():
        end = {"occupied_to": row["occupied_to"]}
        found.append(_change(vault, "customer.move_out", row, {"occupied_to": None}, end))
    for row in plan.begun.filter("somebody").select("metering_point", "occupancy", *_WRITTEN).to_dicts():
        said = {name: row[name] for name in _WRITTEN if row[name] is not None}
        found.append(_change(vault, "customer.add", row, None, said))
    return found


def _change(
    vault: KeyVault, event: str, row: Mapping[str, Any], before: audit.Fields | None, after: audit.Fields
) -> audit.Change:
    subject = f"customer:{row['metering_point']}:{row['occupancy']}"
    return audit.Change(row["metering_point"], None, None, event, audit.PersonalChange(vault, subject, before, after))
