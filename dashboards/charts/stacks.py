"""What bars consist of: the registers of one unit, or the tariffs of one register."""

import polars as pl

from dashboards import looks
from dashboards.words import Words
from warehouse.transforms.tariffs import OTHER

UNDIVIDED = "undivided"
"""A total whose tariffs are not known, beside the names of :mod:`warehouse.transforms.tariffs`."""

_PERIOD = ("period_start", "period_end")
_COLUMN = "tariff_"


def stacked_by(figures: pl.DataFrame) -> str | None:
    """Column whose values stand above each other: ``register`` or ``tariff``; ``None`` where bars are whole."""
    return next((name for name in ("register", "tariff") if name in figures.columns), None)


def part_name(by: str, part: str, say: Words) -> str:
    """How a register or a tariff is called, such as ``Import`` or ``T1``."""
    if by == "register":
        return say.named("register", part)
    return say(f"tariff.{part}") if part in (OTHER, UNDIVIDED) else f"T{part}"


def part_colour(by: str | None, part: str, letter: str) -> str:
    """Colour of a part whose figure has a quality; that of the quality where bars are whole."""
    if by == "tariff":
        return looks.tariff_colour(part)
    return looks.REGISTER.get(part, looks.QUALITY[letter].colour)


def divided(figures: pl.DataFrame, tariffs: pl.DataFrame) -> pl.DataFrame:
    """Divides the figures of one register into tariffs.

    Args:
        figures: One row per period, from :func:`warehouse.queries.consumption.figures`.
        tariffs: From :func:`warehouse.queries.tariffs.figures` of the same periods.

    Returns:
        The figures with ``tariff`` and ``reason``: a row for each tariff where all of them are known, with its
        consumption and the quality of the total, else one row with the total, ``undivided``.
    """
    counted, is_known = pl.col("tariff") != OTHER, pl.col("consumption").is_not_null()
    known = tariffs.group_by(_PERIOD).agg(known=is_known.filter(counted).all()).filter("known").select(_PERIOD)
    parts = (
        tariffs.filter(is_known)
        .join(known, on=_PERIOD, how="semi")
        .join(figures.drop("consumption"), on=_PERIOD, maintain_order="left")
        # The registers of the tariffs were read where that of the total was not.
        .with_columns(quality=pl.col("quality").replace("N", "A"))
    )
    why = tariffs.filter(counted).group_by(_PERIOD).agg(pl.col("reason").drop_nulls().first())
    whole = figures.join(known, on=_PERIOD, how="anti").join(why, on=_PERIOD, how="left")
    return pl.concat([parts, whole.with_columns(tariff=pl.lit(UNDIVIDED))], how="diagonal").sort(
        "period_start", maintain_order=True
    )


def beside(figures: pl.DataFrame, tariffs: pl.DataFrame) -> pl.DataFrame:
    """Puts tariffs beside the figures of their periods.

    Args:
        figures: As in :func:`divided`.
        tariffs: As in :func:`divided`.

    Returns:
        The figures with ``tariff_1``, ``tariff_2``, … and, where there is any rest, ``tariff_other``, each in the unit
        of the figure, and ``tariff_reason``.
    """
    wide = tariffs.pivot("tariff", index=_PERIOD, values="consumption")
    why = tariffs.group_by(_PERIOD).agg(tariff_reason=pl.col("reason").drop_nulls().first())
    named = wide.rename({name: f"{_COLUMN}{name}" for name in wide.columns if name not in _PERIOD})
    return figures.join(named.join(why, on=_PERIOD), on=_PERIOD, how="left", maintain_order="left")


def why_undivided(figures: pl.DataFrame, tariffs: pl.DataFrame, say: Words) -> str | None:
    """Says why tariffs are not known in some of the periods of figures; ``None`` where they are in all."""
    told = tariffs.join(figures, on=_PERIOD, how="semi")
    reasons = told.drop_nulls("reason").unique([*_PERIOD, "reason"])["reason"].value_counts(sort=True)
    if reasons.is_empty():
        return None
    counts = [f"{say.named('tariff_reason', name)} ({say.number(count)})" for name, count in reasons.rows()]
    return say("tariff.why", periods=say.number(told.select(_PERIOD).n_unique()), reasons=", ".join(counts))


def tariff_headings(tariffs: pl.DataFrame, say: Words) -> dict[str, str]:
    """Headings of the columns that :func:`beside` adds for tariffs, in order."""
    return {
        f"{_COLUMN}{name}": part_name("tariff", name, say) for name in tariffs["tariff"].unique(maintain_order=True)
    }
