"""Falls of a cumulative register: what each one was, and which readings it discredits.

A register only rises. Where it does not, the course of readings around the fall decides, in this order: a stale
reading, a spike down, a spike up, a roll-over, reverse flow, a reset, or none of these. Nothing is guessed: after a
reset or an unexplained fall the consumption across it is unknown. Exchanges are not falls; each installation is judged
by itself.
"""

from datetime import timedelta

import polars as pl

from warehouse.transforms.exact import MICRO
from warehouse.transforms.policy import Policy

_MARGIN = 1.25
_NEAR_END = 10  # a register rolls over from the last tenth of its capacity to the first
_RESET_SHARE = 100  # a register that was reset shows at most a hundredth of what it had
_LONGEST_REVERSE = timedelta(days=1)
_SAME = ("course", "part")
_EVENT = ("course", "part", "meter_id", "at", "kind", "before", "after", "correction")


def classify_falls(knots: pl.DataFrame, policy: Policy) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rejects the readings a fall discredits and names every fall that stays.

    Args:
        knots: Readings of registers: ``course`` (metering point and register) and ``part`` (installation) as integers,
            ``meter_id``, ``register``, ``at`` (UTC), ``value`` (millionths), ``numerator``, ``denominator``, ``digits``
            and ``device_time`` (nullable), ``virtual`` (read at an exchange, never rejected), ``disputed`` (the step
            to it is questioned) and ``approved`` (somebody says that its fall is real). Sorted by course, part and
            time, with distinct times.
        policy: Largest rates, reversible registers and digits.

    Returns:
        The knots that count, with ``lift`` (added to the value to continue the one before: the capacity after a
        roll-over, what it showed before an approved reset, else 0), ``broken`` (the difference to the one before is
        unknown) and ``changed`` (its resolution is not that of the one before); and the events: ``course``, ``part``,
        ``meter_id``, ``at``, ``kind``, ``before``, ``after`` and ``correction`` (millionths; null where unknown).
        ``OUT_OF_ORDER`` and the spikes are readings that do not count, with correction 0.
    """
    # Few registers ever fall: only their courses are looked at more closely.
    falling = pl.col("course").is_in(knots.filter(_may_fall())["course"].unique().implode())
    judged, events = _classified(knots.filter(falling), policy)
    others = knots.filter(~falling).with_columns(
        lift=pl.lit(0, judged.schema["lift"]), broken="disputed", changed=pl.lit(value=False)
    )
    return others.merge_sorted(judged, key="course"), events


def _may_fall() -> pl.Expr:
    """Whether a register is below the reading before, or of another resolution."""
    below = pl.col("value") < _before("value")
    changes = [pl.col(name) != _before(name) for name in ("numerator", "denominator")]
    return pl.any_horizontal(below, *changes).fill_null(value=False)


def _classified(knots: pl.DataFrame, policy: Policy) -> tuple[pl.DataFrame, pl.DataFrame]:
    judged = policy.with_rates(knots).with_columns(_limits(policy)).with_columns(_rejections())
    rejected = judged.filter(pl.col("rejection").is_not_null()).select(
        *_EVENT[:4],
        kind="rejection",
        before="rejected_before",
        after="value",
        correction=pl.lit(0, pl.Int64),
    )
    kept = judged.filter(pl.col("rejection").is_null()).with_columns(_before("value").alias("before"))
    kept = kept.with_columns(kind=_kind()).with_columns(
        lift=pl.when(pl.col("kind") == "ROLLOVER")
        .then(_capacity())
        .when((pl.col("kind") == "RESET") & pl.col("approved"))
        .then("before")
        .otherwise(0),
        broken=(pl.col("kind").is_in(["RESET", "UNEXPLAINED_FALL"]).fill_null(value=False) & ~pl.col("approved"))
        | pl.col("disputed"),
        changed=_unit_changed(),
    )
    falls = kept.filter(pl.col("kind").is_not_null()).select(
        *_EVENT[:5], "before", after="value", correction=pl.when(~pl.col("broken")).then("lift")
    )
    changes = kept.filter("changed").select(
        *_EVENT[:4],
        kind=pl.lit("UNIT_CHANGE"),
        before="before",
        after="value",
        correction=pl.lit(0, pl.Int64),
    )
    return kept.select(*knots.columns, "lift", "broken", "changed"), pl.concat([rejected, falls, changes])


def _before(value: str | pl.Expr, steps: int = 1) -> pl.Expr:
    """Value some readings earlier (or later, if negative) in the same installation, else null."""
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(steps) for key in _SAME)
    return pl.when(same).then((pl.col(value) if isinstance(value, str) else value).shift(steps))


def _limits(policy: Policy) -> list[pl.Expr]:
    """Per reading: largest rate (millionths per µs), whether the register may run backwards, digits."""
    register, meter = pl.col("register"), pl.col("meter_id")
    device = pl.concat_str(meter.str.slice(0, 3), meter.str.slice(-6))
    known = {f"{device} {register}": digits for (device, register), digits in policy.digits.items()}
    named = pl.concat_str(device, register, separator=" ")
    digits = named.replace_strict(known, default=None, return_dtype=pl.Int32) if known else pl.lit(None, pl.Int32)
    rate = pl.col("largest_rate") * MICRO / (timedelta(hours=1) / timedelta(microseconds=1))
    return [
        rate.alias("rate"),
        pl.when(policy.runs_backwards()).then(rate * policy.reverse_share).otherwise(-1.0).alias("reverse_rate"),
        pl.coalesce("digits", digits).alias("digits"),
    ]


def _plausible(rise: pl.Expr, time: pl.Expr) -> pl.Expr:
    """Whether a rise is possible within the time; null counts as not."""
    return (rise <= pl.col("rate") * time.dt.total_microseconds() * _MARGIN).fill_null(value=False)


def _reverse(fall: pl.Expr, time: pl.Expr) -> pl.Expr:
    """Whether reverse flow may explain the fall."""
    lasting = pl.min_horizontal(time, pl.lit(_LONGEST_REVERSE))
    return (fall <= pl.col("reverse_rate") * lasting.dt.total_microseconds() * _MARGIN).fill_null(value=False)


def _unit_changed() -> pl.Expr:
    """Whether the register's resolution differs from the reading before, both being known."""
    n, d = pl.col("numerator"), pl.col("denominator")
    return (n * _before("denominator") != d * _before("numerator")).fill_null(value=False)


def _fell() -> pl.Expr:
    """Whether the register is below the reading before; a coarser resolution may hide less than one count."""
    fall = _before("value") - pl.col("value")
    count = pl.max_horizontal(
        MICRO * pl.col("numerator") // pl.col("denominator"),
        MICRO * _before("numerator") // _before("denominator"),
    )
    return ((fall > 0) & ~(_unit_changed() & (fall < count))).fill_null(value=False)


def _rejections() -> list[pl.Expr]:
    """Kind of rejection of each reading, null for those that count, and the value before it."""
    value, at = pl.col("value"), pl.col("at")
    v0, v2, earlier = _before("value"), _before("value", -1), _before("value", 2)
    fell = _fell() & ~pl.col("virtual")
    recovers = v2 >= v0
    clock_fell = (pl.col("device_time") < _before("device_time")).fill_null(value=False)
    stale = fell & clock_fell & (recovers | v2.is_null())
    dip = fell & recovers.fill_null(value=False) & _plausible(v2 - v0, _before("at", -1) - _before("at"))
    low = (stale | dip).fill_null(value=False)
    credible = ~_before(low, 2).fill_null(value=False)
    # With reverse flow a peak of credible height is a measured one.
    flowed_back = _reverse(v0 - value, at - _before("at")) & _plausible(v0 - earlier, _before("at") - _before("at", 2))
    peak = (
        (fell & ~low & ~flowed_back)
        & (credible & (earlier <= value))
        & _plausible(value - earlier, at - _before("at", 2))
    )
    rejection = pl.when(stale).then(pl.lit("OUT_OF_ORDER")).when(dip).then(pl.lit("SPIKE_DOWN"))
    return [
        rejection.when(_before(peak, -1)).then(pl.lit("SPIKE_UP")).alias("rejection"),
        v0.alias("rejected_before"),
    ]


def _capacity() -> pl.Expr:
    """Value at which the register starts again from 0, millionths; null where the digits are unknown."""
    n = pl.coalesce("numerator", _before("numerator"), pl.lit(1)).cast(pl.Int128)
    d = pl.coalesce("denominator", _before("denominator"), pl.lit(1000))
    power = pl.lit(10, pl.Int64).pow(pl.col("digits"))
    return (power * n * MICRO // d).cast(pl.Int64)


def _kind() -> pl.Expr:
    """Kind of the fall that ends at a reading that counts; null where the register did not fall."""
    value, v0, v2 = pl.col("value"), _before("value"), _before("value", -1)
    time = pl.col("at") - _before("at")
    capacity = _capacity()
    at_end = (v0 * _NEAR_END >= capacity * (_NEAR_END - 1)) & (value * _NEAR_END <= capacity) & (v0 < capacity)
    rolled = at_end & _plausible(capacity - v0 + value, time)
    fell = _fell()
    return (
        pl.when(fell & rolled)
        .then(pl.lit("ROLLOVER"))
        .when(fell & _reverse(v0 - value, time))
        .then(pl.lit("REVERSE"))
        .when(fell & (value * _RESET_SHARE <= v0) & (v2.is_null() | (v2 >= value)))
        .then(pl.lit("RESET"))
        .when(fell)
        .then(pl.lit("UNEXPLAINED_FALL"))
    )
