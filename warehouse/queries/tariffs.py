"""Consumption of a metering point by tariff, from the records that its meters send of each tariff.

Records do not keep what they said before, so nothing of this can be asked as of an instant.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from types import MappingProxyType

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries import consumption, subjects
from warehouse.queries.consumption import Interval
from warehouse.queries.readings import among
from warehouse.schemas import EXCHANGES, INSTALLATIONS, LAYOUTS, READINGS, RECORDS
from warehouse.schemas.units import TO_BASE
from warehouse.transforms import tariffs
from warehouse.transforms.estimation.choice import ALIGNED
from warehouse.transforms.exact import MICRO, decimal, millionths
from warehouse.transforms.exchanges import spans

_POINT = "metering_point"
_PERIOD = ("period_start", "period_end")
_COUNTING = ("M", "X")
_MEASURED = (*_COUNTING, "A")
_SHORT: Mapping[Interval, timedelta] = MappingProxyType({"hourly": timedelta(hours=1), "daily": timedelta(days=1)})

_POSITIVE, _NEGATIVE = "accumulation_if_positive", "accumulation_abs_if_negative"
_HEAT, _COOLING, _ELECTRICITY = ("04", "05", "0c", "0d", "14", "15"), ("0a", "0b"), ("02",)
_COUNTED: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "volume_m3": ("volume", {"": ()}),
        "energy_kwh": ("energy", {"": _HEAT, _POSITIVE: _HEAT}),
        "cooling_energy_kwh": ("energy", {"": _COOLING, _NEGATIVE: ("0d",)}),
        "energy_import_kwh": ("energy", {"": _ELECTRICITY, _POSITIVE: _ELECTRICITY}),
        "energy_export_kwh": ("energy", {_NEGATIVE: _ELECTRICITY}),
    }
)
"""How the standard lets registers be sent: their quantity and, the first choice first, the modifiers with the device
types that send them so (none: any). What counts within a tariff is sent like the total."""


def sent(
    lake: Readable, organisation: str, metering_point: str, *, register: str, first: date, last: date
) -> list[int]:
    """The tariffs of which the meters of a point sent registers in the months of local days.

    Args:
        lake: Where the tables are.
        organisation: Whose point.
        metering_point: The point.
        register: Canonical register that is counted by tariff.
        first: First local day.
        last: Last local day, included.

    Returns:
        Their numbers, in order; none of a register that is not sent by tariff.
    """
    parts = _parts(lake, organisation, metering_point)
    rows = _records(lake, organisation, parts["meter_id"].unique(), register)
    day = timedelta(days=1)
    return rows.filter(_months(first - day, last + day)).select("tariff").unique().collect()["tariff"].sort().to_list()


def figures(
    lake: Readable,
    organisation: str,
    metering_point: str,
    *,
    interval: Interval,
    register: str,
    first: date,
    last: date,
    gap_limit: timedelta,
) -> pl.DataFrame:
    """Consumption of a point by tariff, in the periods of its stored figures.

    Args:
        lake: Where the tables are.
        organisation: Whose point.
        metering_point: The point.
        interval: Length of the periods.
        register: Canonical register.
        first: First local day.
        last: Last local day, included. Months and years that hold either day are shown whole.
        gap_limit: Longest time between two readings across which a register is interpolated; of hours and days it is
            never longer than one and a half of them, since a straight line tells nothing of the tariffs within it.

    Returns:
        ``period_start``, ``period_end``, ``tariff`` (``1``, ``2``, …, then ``other``: what they do not account for,
        where there is any), ``consumption`` (Decimal, base unit of the register; null where unknown) and ``reason``
        (see :mod:`warehouse.transforms.tariffs`; null where known, and of ``other`` where a tariff or the total was not
        measured), by time and tariff. No rows where nothing was sent by tariff.
    """
    subject = subjects.point(metering_point)
    totals = consumption.figures(
        lake, organisation, subject, interval=interval, register=register, first=first, last=last
    )
    parts = _parts(lake, organisation, metering_point)
    gap = min(gap_limit, ALIGNED * _SHORT.get(interval, gap_limit))
    readings = _readings(lake, organisation, parts["meter_id"].unique(), register, totals, gap)
    by_tariff = tariffs.by_tariff(readings, parts, totals.select(_PERIOD), longest_gap=gap)
    measured = totals.select(
        *_PERIOD,
        total=pl.when(pl.col("quality").is_in(_MEASURED)).then(millionths("consumption")),
        count=pl.lit(readings["total_count"].max(), pl.Int64),
    )
    rest = tariffs.rest(by_tariff, measured)
    remains = bool((rest["consumption"].fill_null(0) > 0).any() or rest["reason"].is_not_null().any())
    named = by_tariff.select(*_PERIOD, pl.col("tariff").cast(pl.String), "consumption", "reason", place="tariff")
    others = rest.select(*_PERIOD, pl.lit(tariffs.OTHER).alias("tariff"), "consumption", "reason", place=None)
    return (
        pl.concat([named, others.head(others.height if remains else 0)], how="vertical_relaxed")
        .sort("period_start", "place", nulls_last=True)
        .select(*_PERIOD, "tariff", decimal("consumption"), "reason")
    )


def _parts(lake: Readable, organisation: str, metering_point: str) -> pl.DataFrame:
    """The installations of the point, as exchanges bound them."""
    installations, exchanges = (
        lake.scan(table).filter(organisation=organisation, metering_point=metering_point).collect()
        for table in (INSTALLATIONS, EXCHANGES)
    )
    return spans(installations, exchanges)


def _records(lake: Readable, organisation: str, meters: pl.Series, register: str) -> pl.LazyFrame:
    """Records of some meters that tell what a register counted by tariff, with the place of their kind among others."""
    rows = lake.scan(RECORDS).filter(pl.col("organisation") == organisation, among("meter_id", meters))
    quantity, kinds = _COUNTED.get(register, ("", {}))
    modifiers = pl.col("modifiers").fill_null("").str.replace_all("multiply_[^,]*", "").str.strip_chars(",")
    is_meant = [
        (modifiers == kind) & (pl.col("meter_id").str.slice(-2).is_in(types) if types else True)
        for kind, types in kinds.items()
    ]
    kind = pl.coalesce(pl.when(one).then(place) for place, one in enumerate(is_meant)) if is_meant else pl.lit(None)
    return (
        rows.filter(
            pl.col("function") == "instantaneous",
            pl.col("storage") == 0,
            pl.col("subunit") == 0,
            pl.col("tariff") > 0,
            pl.col("quantity") == quantity,
            pl.col("unit").is_in(list(TO_BASE)),
            pl.col("value").is_not_null(),
            # All bits set is no count, but what meters send that have none.
            ~pl.col("data_hex").str.contains("^f+$"),
        )
        .with_columns(kind=kind)
        .filter(pl.col("kind").is_not_null())
    )


def _readings(
    lake: Readable, organisation: str, meters: pl.Series, register: str, periods: pl.DataFrame, gap: timedelta
) -> pl.DataFrame:
    """What the transform takes, of readings that count, with ``total_count``: one count of the total, millionths."""
    start, end = periods["period_start"].min(), periods["period_end"].max()
    span = (start - gap, end + gap) if isinstance(start, datetime) and isinstance(end, datetime) else None
    near = pl.lit(value=False) if span is None else pl.col("measured_at").is_between(*span) & _months(*span)
    of_meter = ("meter_id", "measured_at")
    readings = lake.scan(READINGS).filter(
        pl.col("organisation") == organisation, among("meter_id", meters), near, pl.col("quality").is_in(_COUNTING)
    )
    layouts = lake.scan(LAYOUTS).filter(organisation=organisation, register=register)
    numerator, denominator = pl.col("resolution_numerator"), pl.col("resolution_denominator")
    found = (
        _records(lake, organisation, meters, register)
        .filter(near)
        .select(*of_meter, "tariff", "unit", "exponent", "value", "kind", "record_no")
        .join(readings.select(*of_meter, "layout_id"), on=of_meter)
        .join(layouts.select("layout_id", total_count=_millionths(numerator, denominator)), on="layout_id", how="left")
        .sort(*of_meter, "tariff", "kind", "record_no")
        .unique([*of_meter, "tariff"], keep="first", maintain_order=True)
        .collect()
    )
    return found.join(_counts(found), on=["unit", "exponent"]).select(
        "tariff",
        "meter_id",
        "numerator",
        "denominator",
        # Who may see single meters sees no layouts: then it is like that of the tariffs.
        total_count=pl.coalesce("total_count", _millionths(pl.col("numerator"), pl.col("denominator"))),
        at="measured_at",
        value=(pl.col("value") * pl.col("millionths") + 0.5).floor().cast(pl.Int64),
    )


def _counts(records: pl.DataFrame) -> pl.DataFrame:
    """``numerator`` and ``denominator`` of a count and ``millionths`` of the unit, by ``unit`` and ``exponent``."""
    sent = records.select("unit", "exponent").unique()
    counts = [TO_BASE[unit] * Fraction(10) ** exponent for unit, exponent in sent.rows()]
    return sent.with_columns(
        numerator=pl.Series([count.numerator for count in counts], dtype=pl.Int64),
        denominator=pl.Series([count.denominator for count in counts], dtype=pl.Int64),
        millionths=pl.Series([float(TO_BASE[unit] * MICRO) for unit in sent["unit"]], dtype=pl.Float64),
    )


def _millionths(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """A count in millionths, rounded up."""
    return -(-MICRO * numerator // denominator)


def _months(first: date, last: date) -> pl.Expr:
    """Rows of the UTC months from that of one day or instant to that of another."""
    return pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}"))
