"""MeterReadings of IEC 61968-9 in XML: register readings and consumption of any medium.

What a value is stands in a code of 18 parts (annex C), how good it is in a code of three: the system that judged it,
the category and the index. The codes here come from the utility's own system (3) and have the category's general
index (0); a receiver's own are settings. Consumption is a reading of its period, stamped with the period's end. What
is missing does not go out. A meter that is installed nowhere has readings without a usage point.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from exports.facts import Facts
from exports.market import (
    Identifier,
    MarketFormat,
    Register,
    coded,
    expressible,
    identifier,
    joined,
    local,
    mapped,
    number,
    only,
    written,
)
from exports.reading_types import commodity, quantity
from exports.xml_texts import escaped, forbidden

QUALITIES = {
    "M": "3.0.0",
    "A": "3.11.0",
    "I": "3.8.0",
    "E": "3.12.0",
    "F": "3.8.0",
    "X": "3.7.0",
    "R": "3.10.0",
}
"""Categories 0 valid, 7 edited, 8 estimated, 10 questionable, 11 derived, 12 projected."""

PERIODS = {
    "readings": "0.0.0.1",
    "hourly": "0.0.7.4",
    "daily": "11.0.0.4",
    "monthly": "13.0.0.4",
    "yearly": "32.0.0.4",
}
"""The code's first four parts by content: period, aggregate, measuring period, accumulation (1 bulk, 4 delta)."""

NAMESPACE = "http://iec.ch/TC57/2011/MeterReadings#"

_ZULU = "%Y-%m-%dT%H:%M:%SZ"

ReadingType = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+){17}$")]


class MeterReadingsFormat(MarketFormat):
    """Settings of MeterReadings.

    Attributes:
        layout: This layout.
        namespace: The XML namespace of the receiver's edition.
        meter: What names a meter.
        reading_types: Codes by register where those of the layout are not meant, or where it has none.
        decimals: Decimals of values.
    """

    layout: Literal["meter_readings"]
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9:/._#-]{1,200}$")] = NAMESPACE
    meter: Identifier = "meter_id"
    reading_types: Mapping[Register, ReadingType] = {}
    decimals: Annotated[int, Field(ge=0, le=6)] = 3


def write(form: MeterReadingsFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:  # noqa: ARG001 - called as all writers are
    """Writes a document.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says; nothing of it is in this layout.

    Yields:
        The document, UTF-8.

    Raises:
        ExportError: A row cannot be expressed.
    """
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<MeterReadings xmlns="{form.namespace}">\n'.encode()
    for piece in pieces:
        yield joined(_sent(form, piece).select(_elements(form)).to_series()).encode()
    yield b"</MeterReadings>\n"


def _sent(form: MeterReadingsFormat, piece: pl.DataFrame) -> pl.DataFrame:
    """Rows that go out, with what they are called there."""
    kind = pl.concat_str(
        pl.lit(PERIODS[form.content]),
        quantity("flow"),
        commodity(),
        quantity("kind"),
        pl.lit("0.0.0.0.0.0.0.0"),
        quantity("multiplier"),
        quantity("uom"),
        pl.lit("0"),
        separator=".",
    )
    rows = piece.with_columns(identifier(piece, form.meter).alias("meter")).with_columns(
        point=escaped("metering_point"),
        name=escaped("meter"),
        code=coded(form, QUALITIES),
        type=pl.coalesce(mapped("register", form.reading_types), kind),
        number=number(form.decimals),
        at=local("measured_at", _ZULU, "UTC"),
        start=local("period_start", _ZULU, "UTC"),
        end=local("period_end", _ZULU, "UTC"),
    )
    return expressible(
        rows.filter(pl.col("value").is_not_null(), pl.col("code").is_not_null()),
        {
            "it has neither a meter nor a metering point": pl.col("meter").is_null() & pl.col("point").is_null(),
            "a name has characters that XML has not": forbidden("metering_point") | forbidden("meter"),
            "its register and medium have no reading type; name one under reading_types": pl.col("type").is_null(),
        },
        skip=form.skip_unmapped,
    )


def _elements(form: MeterReadingsFormat) -> pl.Expr:
    """A MeterReading per metering point and meter, with Readings per row."""
    whose = pl.struct("metering_point", "meter_id")
    is_reading = form.content == "readings"
    period = "" if is_reading else "<timePeriod><end>{end}</end><start>{start}</start></timePeriod>"
    reading = (
        f"<Readings><timeStamp>{{{'at' if is_reading else 'end'}}}</timeStamp><value>{{number}}</value>"
        '<ReadingQualities><ReadingQualityType ref="{code}"/></ReadingQualities><ReadingType ref="{type}"/>'
        f"{period}</Readings>\n"
    )
    meter = only(pl.col("meter").is_not_null(), written("<Meter><Names><name>{name}</name></Names></Meter>"))
    point = only(pl.col("point").is_not_null(), written("<UsagePoint><Names><name>{point}</name></Names></UsagePoint>"))
    return pl.concat_str(
        only(whose.is_first_distinct(), pl.concat_str(pl.lit("<MeterReading>"), meter, pl.lit("\n"))),
        written(reading),
        only(whose.is_last_distinct(), pl.concat_str(point, pl.lit("</MeterReading>\n"))),
    )
