"""Sentences about rows."""

import polars as pl


def phrase(template: str, *values: pl.Expr | str) -> pl.Expr:
    """A text per row with values in the places of ``{}``.

    In place of ``polars.format``, which in 2.1 panics on a column whose first chunk is empty, as shifted and then
    filtered ones are.

    Args:
        template: Text with a ``{}`` for each value.
        values: Expressions, or names of columns.

    Returns:
        The text; null where a value is.

    Raises:
        ValueError: There are more or fewer places than values.
    """
    pieces = template.split("{}")
    if len(pieces) != len(values) + 1:
        raise ValueError(f"{template!r} has {len(pieces) - 1} places for {len(values)} values")
    parts: list[pl.Expr | str] = [pl.lit(pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, pl.lit(piece)]
    return pl.concat_str(parts)
