"""Built-in groups: always there, their names taken."""

import polars as pl

from registry.groups.intervals import complement
from registry.groups.inventory import Inventory
from warehouse.schemas import INSTANT

ALL_METERS = "All meters"
"""Every metering point that has or had a meter, since its first one."""
NON_GROUPED = "Non-grouped meters"
"""Of those, the ones in no group that people made, while they are in none."""
LAST_IMPORTED = "Last imported meters"
"""The meters that the last import which brought any has added, with the point where they are installed."""
IN_STOCK = "Meters in stock"
"""Meters that are in stock: at no point, and not read."""
PRIORITY = "Priority meters"
"""Points that people choose; the one built-in group with members of its own."""

PRIORITY_ID = "priority"
"""Under which the registry keeps the members of :data:`PRIORITY`."""

BUILT_IN = (ALL_METERS, NON_GROUPED, LAST_IMPORTED, PRIORITY, IN_STOCK)

OWNED = ["organisation", "metering_point"]


def builtin_members(inventory: Inventory, grouped: pl.DataFrame) -> pl.DataFrame:
    """The members of all built-in groups but :data:`PRIORITY`.

    Args:
        inventory: Points and meters.
        grouped: ``organisation``, ``metering_point``, ``valid_from``, ``valid_to`` of the groups that people made.

    Returns:
        ``organisation``, ``group``, ``metering_point``, ``meter_id``, ``valid_from`` and ``valid_to``; in groups of
        points ``meter_id`` is null, in groups of meters ``metering_point`` where the meter is not installed.
    """
    begins = inventory.installations.group_by(OWNED).agg(begin=pl.col("installed_at").min())
    free = complement(grouped.select(*OWNED, "valid_from", "valid_to"), begins, OWNED)
    newest = pl.col("imported_at") == pl.col("imported_at").max().over("organisation")
    last = inventory.meters.filter(newest)
    # A meter of an older installation has no time of its import; it is in stock as long as anybody remembers.
    stock = inventory.meters.filter(state="stock").with_columns(
        pl.col("imported_at").fill_null(pl.lit(0).cast(INSTANT))
    )
    present = inventory.installations.filter(pl.col("removed_at").is_null()).select(
        "organisation", "meter_id", "metering_point"
    )
    no_end = pl.lit(None, INSTANT)
    return pl.concat(
        [
            _named(ALL_METERS, begins.select(*OWNED, valid_from="begin", valid_to=no_end)),
            _named(NON_GROUPED, free),
            _named(
                LAST_IMPORTED,
                last.join(present, on=["organisation", "meter_id"], how="left").select(
                    *OWNED, "meter_id", valid_from="imported_at", valid_to=no_end
                ),
            ),
            _named(IN_STOCK, stock.select("organisation", "meter_id", valid_from="imported_at", valid_to=no_end)),
        ],
        how="diagonal",
    )


def _named(group: str, members: pl.DataFrame) -> pl.DataFrame:
    return members.with_columns(group=pl.lit(group))
