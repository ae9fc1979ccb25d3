"""Texts inside XML."""

import html

import polars as pl

_RESERVED = ["&", "<", ">", '"', "'"]
_FORBIDDEN = r"[^\t\n\r\x{20}-\x{d7ff}\x{e000}-\x{fffd}\x{10000}-\x{10ffff}]"


def escaped(column: str) -> pl.Expr:
    """A column's texts with what XML reserves as entities."""
    return pl.col(column).str.replace_many(_RESERVED, [html.escape(character) for character in _RESERVED])


def forbidden(column: str) -> pl.Expr:
    """Whether a text has characters that no XML 1.0 document may hold, not even as entities."""
    return pl.col(column).str.contains(_FORBIDDEN)
