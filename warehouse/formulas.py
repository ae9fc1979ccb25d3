"""Texts that a spreadsheet would take for a formula: shielded in CSV for people, laid bare again when such CSV is read.

The shield is a leading apostrophe (OWASP, "CSV Injection"). Apostrophes that stand before such a sign get
one more, so that each text comes back as it was. Signed numbers stay as they are.
"""

import re

import polars as pl

_SIGNS = r"[=+\-@\t\r\n]"
_FORMULA = rf"^'*{_SIGNS}"
_NUMBER = r"^[+-][0-9]+([.,][0-9]+)*$"
_SHIELDED = rf"^'('*{_SIGNS})"


def shielded(text: str) -> str:
    """A text as a cell that every spreadsheet takes for a text."""
    return f"'{text}" if re.search(_FORMULA, text) and not re.search(_NUMBER, text) else text


def bare(text: str) -> str:
    """The text in a cell that may be shielded."""
    return re.sub(_SHIELDED, r"\1", text)


def shielded_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose text columns are shielded as by :func:`shielded`; nulls, numbers and instants stay."""
    text = pl.col(pl.String)
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return frame.with_columns(pl.when(formula).then(pl.lit("'") + text).otherwise(text).name.keep())


def bare_texts(text: pl.Expr) -> pl.Expr:
    """A column of texts without their shields, as by :func:`bare`; null where it is null."""
    return text.str.replace(_SHIELDED, "${1}")
