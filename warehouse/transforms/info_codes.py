"""What info codes say, and from when to when (§8.1, §8.2).

A meter sends its codes as the bits of one integer; which bit means what depends on the meter's kind of info code. These
tables come in as arguments. Some kinds also send, per code, a class of 0 to 7 for how long the code was active in the
last 30 days by the meter's own reckoning. That is the meter's statement; days counted from readings are ours.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INFO_CODE_EVENTS
from warehouse.transforms.calendar import local_day
from warehouse.transforms.figures import shape

WINDOW = "30d"
"""Local days over which activity is counted."""

ANY = "any"
"""Medium of a priority that holds for every medium without one of its own."""

_INSTANT = pl.duration(microseconds=1)
_METER = ("organisation", "meter_id")
_SERIES = (*_METER, "code")


def active_codes(info_code: int | None, kind: str, bits: pl.DataFrame) -> list[str]:
    """Names the codes that are active now.

    Args:
        info_code: The word as the meter sends it; ``None`` names none.
        kind: Kind of info code, e.g. ``water_16bit``.
        bits: ``kind``, ``bit`` (0 is the least significant) and ``code``.

    Returns:
        Names in order of their bits. Bits without a name, such as those of duration classes, are left out.
    """
    named = bits.filter(pl.col("kind") == kind).sort("bit")
    return [code for bit, code in zip(named["bit"], named["code"], strict=True) if (info_code or 0) >> bit & 1]


def duration_classes(info_code: int | None, kind: str, classes: pl.DataFrame) -> dict[str, int]:
    """Reads the duration classes of an info code.

    Args:
        info_code: The word as the meter sends it; ``None`` has no classes.
        kind: Kind of info code.
        classes: ``kind``, ``code``, ``shift`` and ``mask`` (applied after shifting) of each class field.

    Returns:
        Class per code, where the kind has such fields.
    """
    if info_code is None:
        return {}
    fields = classes.filter(pl.col("kind") == kind).sort("shift").select("code", "shift", "mask")
    return {code: info_code >> shift & mask for code, shift, mask in fields.rows()}


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the words of info codes mean.

    Attributes:
        bits: ``kind``, ``bit`` and ``code``; a reading observes the codes of its kind.
        classes: ``kind``, ``code``, ``shift`` and ``mask`` of the duration classes; kinds without any are not listed.
        media: ``organisation``, ``meter_id`` and ``medium`` of the meters.
        priorities: ``medium`` (``any`` for all others), ``code`` and ``priority`` (high, normal or ignore).
    """

    bits: pl.DataFrame
    classes: pl.DataFrame
    media: pl.DataFrame
    priorities: pl.DataFrame


def info_code_events(readings: pl.DataFrame, meanings: Meanings, zone: ZoneInfo) -> pl.DataFrame:
    """Finds the episodes in which a code was active without a break between readings.

    Episodes know nothing from before the readings. To reckon again after readings from an instant on have changed, give
    those since 31 days before it, or since the start of the earliest episode that had not been cleared by then where
    that is earlier, and replace the episodes that were not cleared before the instant.

    Args:
        readings: ``organisation``, ``meter_id``, ``measured_at``, ``info_code``, ``info_code_kind``, ``volume_m3`` and
            ``source``. A reading without an info code observes nothing: it neither continues nor ends an episode.
        meanings: What their words mean.
        zone: The utility's zone.

    Returns:
        Rows of ``info_code_events`` without ``known_from``. Days are counted among the 30 local days that end with the
        day of ``last_seen``, this included.
    """
    observed = readings.filter(pl.col("info_code").is_not_null()).select(
        *_METER, "measured_at", "info_code", "volume_m3", "source", kind="info_code_kind"
    )
    # What a logger stored at midnight tells of the day that ended then.
    told = pl.col("measured_at") - pl.when(pl.col("source") == "logger").then(_INSTANT).otherwise(pl.duration())
    seen = _observations(observed, _masks(meanings.bits, meanings.classes)).with_columns(day=local_day(told, zone))
    return shape(
        INFO_CODE_EVENTS,
        prioritised(_episodes(seen).join(_days(seen), on=[*_SERIES, "day"], how="left"), meanings),
    )


def naming(words: pl.DataFrame, bits: pl.DataFrame) -> pl.DataFrame:
    """Finds the words in which any code is active.

    Args:
        words: ``info_code`` (null tells nothing) and ``info_code_kind``, with whatever else.
        bits: ``kind``, ``bit`` and ``code``.

    Returns:
        Those rows; bits without a name, such as those of duration classes, name nothing.
    """
    masks = bits.select(info_code_kind="kind", named=pl.lit(2, pl.Int64).pow(pl.col("bit"))).unique()
    named = masks.group_by("info_code_kind").agg(pl.col("named").sum().cast(pl.Int64))
    told = words.join(named, on="info_code_kind", maintain_order="left")
    return told.filter((pl.col("info_code") & pl.col("named")) != 0).drop("named")


def prioritised(events: pl.DataFrame, meanings: Meanings) -> pl.DataFrame:
    """Gives each event the priority of its code in its meter's medium.

    Args:
        events: ``organisation``, ``meter_id`` and ``code``, with whatever else; a ``priority`` is replaced.
        meanings: What is decided; a code that is not listed is normal.

    Returns:
        The events with ``priority``, in their order.
    """
    own = meanings.priorities.rename({"priority": "own"})
    common = own.filter(pl.col("medium") == ANY).select("code", common="own")
    return (
        events.drop("priority", strict=False)
        .join(meanings.media, on=_METER, how="left", maintain_order="left")
        .join(own, on=["medium", "code"], how="left", maintain_order="left")
        .join(common, on="code", how="left", maintain_order="left")
        .with_columns(priority=pl.coalesce("own", "common", pl.lit("normal")))
        .drop("medium", "own", "common")
    )


def _masks(bits: pl.DataFrame, classes: pl.DataFrame) -> pl.DataFrame:
    """Per kind and code the word's ``bit_mask`` and, where there is a class field, its ``divisor`` and ``mask``."""
    two = pl.lit(2, pl.Int64)
    masks = bits.group_by("kind", "code").agg(bit_mask=two.pow(pl.col("bit")).sum().cast(pl.Int64))
    return masks.join(classes, on=["kind", "code"], how="left").select(
        "kind",
        "code",
        "bit_mask",
        divisor=two.pow(pl.col("shift")).cast(pl.Int64),
        mask=pl.col("mask").cast(pl.Int64),
    )


def _observations(observed: pl.DataFrame, meanings: pl.DataFrame) -> pl.DataFrame:
    """Every observation of every code that the meter ever sent, in order of time: ``active`` and ``duration_class``."""
    active = (pl.col("info_code") & pl.col("bit_mask")) != 0
    words = observed.select(*_METER, "kind", "info_code").unique()  # a meter has few different ones
    ever = words.join(meanings, on="kind").filter(active).select(_SERIES).unique()
    return (
        observed.join(ever, on=_METER)
        .join(meanings, on=["kind", "code"])
        .sort(*_SERIES, "measured_at")
        .select(
            *_SERIES,
            "measured_at",
            "volume_m3",
            "source",
            active=active,
            duration_class=(pl.col("info_code") // pl.col("divisor")) & pl.col("mask"),
        )
    )


def _episodes(seen: pl.DataFrame) -> pl.DataFrame:
    """Stretches of observations with the code active; ``day`` is that of the last one."""
    code = pl.struct(_SERIES)
    run = pl.struct(*_SERIES, "active").rle_id()
    return (
        seen.group_by(run.alias("run"), maintain_order=True)
        .agg(
            pl.col(*_SERIES, "active", "measured_at").first(),
            pl.col("source").last(),
            first_volume=pl.col("volume_m3").first(),
            last_volume=pl.col("volume_m3").last(),
            last_seen=pl.col("measured_at").last(),
            day=pl.col("day").last(),
            max_class=pl.col("duration_class").max(),
        )
        # Runs alternate: the one after an active run of the same meter and code begins with the clearing reading.
        .with_columns(
            cleared_at=pl.when(code == code.shift(-1)).then(pl.col("measured_at").shift(-1)),
            ended_with=pl.when(code == code.shift(-1)).then(pl.col("first_volume").shift(-1)).otherwise("last_volume"),
        )
        .filter("active")
        .with_columns(_risen())
        .rename({"measured_at": "first_seen"})
    )


def _risen() -> pl.Expr:
    """Volume of an episode; unknown where a register is missing or fell."""
    volume = pl.col("ended_with") - pl.col("first_volume")
    return pl.when(volume >= 0).then(volume).alias("volume_m3")


def _days(seen: pl.DataFrame) -> pl.DataFrame:
    """Per meter, code and observed day the active and observed days of the window that ends with it."""
    return (
        seen.group_by(*_SERIES, "day")
        .agg(pl.col("active").any())
        .sort(*_SERIES, "day")
        .rolling("day", period=WINDOW, closed="right", group_by=_SERIES)
        .agg(days_active_30=pl.col("active").sum(), days_observed_30=pl.len())
    )
