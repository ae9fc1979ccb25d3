"""NEM13: accumulated electricity, a line 250 per pair of consecutive readings of a register.

A line holds the earlier and the later reading with their times and qualities, and what was used between them.
Readings without a value and rejected ones are passed over. A meter's first reading of the file only begins the first
pair, so a job has to send at least two readings per register.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, Self

import polars as pl
from pydantic import model_validator

from exports.facts import Facts
from exports.market import expressible, joined, number, written
from exports.nem import ENCODING, END, NemFormat, header, known, named, rules

_SERIES = ["nmi", "meter_id", "register"]
_LINE = (
    "250,{nmi},{configuration},{register_id},{suffix},{stream},{meter},{direction},"
    "{previous_text},{previous_read_at},{previous_code},,,{text},{read_at},{code},,,{used},{uom},,{updated},\r\n"
)
_WIDTH = 15


class Nem13Format(NemFormat):
    """Settings of NEM13.

    Attributes:
        layout: This layout.
    """

    layout: Literal["nem13"]

    @model_validator(mode="after")
    def _has_readings(self) -> Self:
        if self.content != "readings":
            raise ValueError("content: NEM13 has register readings; consumption per hour goes out as nem12")
        return self


def write(form: Nem13Format, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        Lines 100 to 900.

    Raises:
        ExportError: Sender or receiver are not set, or a row cannot be expressed.
    """
    yield header(form, facts, "NEM13")
    for piece in pieces:
        rows = _readings(form, piece)
        pairs = rows.filter(pl.col("value").is_not_null()).with_columns(
            used=number(form.decimals), updated=form.date_time("known_from")
        )
        yield joined(pairs.select(written(_LINE)).to_series()).encode(ENCODING)
    yield END


def _readings(form: Nem13Format, piece: pl.DataFrame) -> pl.DataFrame:
    """Readings that go out, each with the one before of its register and, as its value, what was used between them."""
    rows = expressible(named(form, piece).filter(known()), rules(form), skip=form.skip_unmapped)
    rows = rows.with_columns(pl.col("value").round(form.decimals, mode="half_away_from_zero")).with_columns(
        text=number(form.decimals),
        read_at=form.date_time("measured_at"),
        value=pl.col("value") - pl.col("value").shift().over(_SERIES),
    )
    return expressible(
        rows.with_columns(pl.col("text", "read_at", "code").shift().over(_SERIES).name.prefix("previous_")),
        {
            "a register reading has 15 characters": pl.col("text").str.len_chars() > _WIDTH,
            "it is lower than the reading before": pl.col("value") < 0,
            "the register has no other reading in the file, and NEM13 has pairs of them": pl.len().over(_SERIES) < 2,
        },
        skip=form.skip_unmapped,
    ).with_columns(configuration=pl.col("suffix").unique(maintain_order=True).str.join("").over("nmi"))
