"""What a utility may decide about the way consumption is reckoned."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import polars as pl

from warehouse.transforms.estimation.policy import EstimationPolicy

_LARGEST_RATES = {
    "volume_m3": 10.0,
    "energy_kwh": 1_000.0,
    "cooling_energy_kwh": 1_000.0,
    "volume_temp_flow_m3c": 1_500.0,
    "volume_temp_return_m3c": 1_500.0,
    "energy_import_kwh": 100.0,
    "energy_export_kwh": 100.0,
    "input_a": 10_000.0,
    "input_b": 10_000.0,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits that tell measured, interpolated and missing apart, and one kind of fall from another.

    Attributes:
        expected_interval: Time between two readings of sources for which ``estimation`` names none. A boundary between
            two readings no further apart than one and a half of it is aligned, else interpolated.
        gap_limit: Longest gap whose inner boundaries are interpolated; of longer ones only the total is known.
        largest_rates: Largest credible rate of each register in its unit per hour, of meters without one of their own:
            overload flow, power of the connection, fuses. The defaults fit a large building; 10 m³/h is the overload
            flow of a DN 40 meter.
        own_rates: ``meter_id``, ``register`` and ``largest_rate`` of meters with rates of their own; ``None``: of none.
        reversible: Registers that run backwards with reverse flow, in meters not named by ``never_backwards``.
        never_backwards: Manufacturers whose legal registers never fall. Kamstrup's meters count reverse volume in a
            register of its own (MULTICAL 21, technical description).
        reverse_share: Share of the largest rate that reverse flow may reach; it is not expected to last over a day.
        digits: Digits before the register rolls over, by device (``KAM-1b-16``) and register, where the layout of the
            telegram does not tell.
        estimation: How gaps are filled.
    """

    expected_interval: timedelta
    gap_limit: timedelta = timedelta(days=35)
    largest_rates: Mapping[str, float] = field(default_factory=lambda: MappingProxyType(_LARGEST_RATES))
    own_rates: pl.DataFrame | None = field(default=None, compare=False)
    reversible: frozenset[str] = frozenset({"volume_m3"})
    never_backwards: frozenset[str] = frozenset({"KAM", "KAW"})
    reverse_share: float = 0.1
    digits: Mapping[tuple[str, str], int] = field(default_factory=lambda: MappingProxyType({}))
    estimation: EstimationPolicy = field(default_factory=EstimationPolicy)

    def with_rates(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds ``largest_rate`` (register's unit per hour; null where none is known).

        Args:
            rows: ``meter_id`` and ``register``, with whatever else, in any order, which stays.
        """
        common = pl.col("register").replace_strict(dict(self.largest_rates), default=None, return_dtype=pl.Float64)
        if self.own_rates is None or self.own_rates.is_empty():
            return rows.with_columns(largest_rate=common)
        own = self.own_rates.select("meter_id", "register", "largest_rate")
        return rows.join(own, on=["meter_id", "register"], how="left", maintain_order="left").with_columns(
            pl.coalesce("largest_rate", common)
        )

    def runs_backwards(self) -> pl.Expr:
        """Whether the ``register`` of a ``meter_id`` falls with reverse flow."""
        steady = pl.col("meter_id").str.slice(0, 3).is_in(sorted(self.never_backwards))
        return pl.col("register").is_in(sorted(self.reversible)) & ~steady
