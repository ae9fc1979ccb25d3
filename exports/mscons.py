"""EDIFACT MSCONS D:04B: register readings and interval values, as the German market exchanges them.

An interchange holds a message per metering point, which is what receivers can refuse on its own. Readings have a
group per meter and reading date, with a line per register; intervals a line per register with a quantity per period.
Values that are true go out as 220, substitutes as 67; what is missing or was rejected does not go out. Times are UTC
(``?+00``), reading dates local. Segments follow each other without line breaks, in ISO 8859-1 (UNOC).

Which identifiers, association code and check identifier a receiver takes is in the market's current guide, and set
here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from exports.base import Model
from exports.errors import ExportError
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

QUALITIES = {"M": "220", "A": "220", "I": "67", "E": "67", "F": "67", "X": "67"}
"""220 true value, 67 substitute; other qualities do not go out."""

UNITS = {"kWh": "KWH", "m3": "MTQ", "kW": "KWT"}
"""UN/ECE Recommendation 20."""

ENCODING = "iso-8859-1"

_DATES = {"date": "102", "instant": "303"}
_RESERVED = ["?", "+", ":", "'"]
_OUTSIDE = r"[^\x20-\x7e\xa0-\xff]"
_INSTANT = "%Y%m%d%H%M?+00"


class Party(Model):
    """Who sends or receives.

    Attributes:
        id: Its number in the market.
        interchange_code: What kind of number that is, in UNB (DE 0007): 14 GS1, 500 BDEW, 502 DVGW.
        agency: The same in NAD (DE 3055): 9 GS1, 293 BDEW, 332 DVGW.
    """

    id: Annotated[str, Field(pattern=r"^[0-9A-Z-]{1,35}$")]
    interchange_code: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,4}$")] = "500"
    agency: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,3}$")] = "293"


class MsconsFormat(MarketFormat):
    """Settings of MSCONS.

    Attributes:
        layout: This layout.
        sender: Who sends; has to be set.
        receiver: Who receives; has to be set.
        association: Association assigned code in UNH (DE 0057), the version of the market's guide.
        check_identifier: What RFF+Z13 holds; without one there is no such segment.
        application: Application reference of the interchange (DE 0026).
        reference_prefix: What the interchange's reference begins with; the number of the job's file follows.
        meter: What RFF+MG calls a meter.
        obis: Identifiers by register where the standard's are not meant, or where it has none.
        units: Unit codes by unit.
        decimals: Decimals of values.
        reading_dates: Whether a reading has its local date (102), or its instant (303).
    """

    layout: Literal["mscons"]
    sender: Party | None = None
    receiver: Party | None = None
    association: Annotated[str, Field(pattern=r"^[0-9A-Za-z.]{0,6}$")] = ""
    check_identifier: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,70}$")] | None = None
    application: Annotated[str, Field(pattern=r"^[0-9A-Z]{0,14}$")] = ""
    reference_prefix: Annotated[str, Field(pattern=r"^[0-9A-Z]{0,7}$")] = ""
    meter: Identifier = "serial"
    obis: Mapping[Register, Annotated[str, Field(pattern=r"^[0-9A-Za-z.:*-]{1,35}$")]] = {}
    units: Mapping[str, Annotated[str, Field(pattern=r"^[0-9A-Z]{1,3}$")]] = UNITS
    decimals: Annotated[int, Field(ge=0, le=6)] = 3
    reading_dates: Literal["date", "instant"] = "date"


def write(form: MsconsFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes an interchange.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        The interchange from UNA to UNZ.

    Raises:
        ExportError: Sender or receiver are not set, a row cannot be expressed, or there is nothing to send: an
            interchange has at least one message.
    """
    if form.sender is None or form.receiver is None:
        raise ExportError("MSCONS needs a sender and a receiver: make a format of your own and set both")
    parties = (form.sender, form.receiver)
    reference = f"{form.reference_prefix}{facts.seq}"
    between = "+".join(f"{party.id}:{party.interchange_code}" for party in parties)
    application = f"++{form.application}" if form.application else ""
    yield f"UNA:+.? 'UNB+UNOC:3+{between}+{facts.as_of:%y%m%d:%H%M}+{reference}{application}'".encode(ENCODING)
    version = f"D:04B:UN:{form.association}" if form.association else "D:04B:UN"
    check = f"RFF+Z13:{form.check_identifier}'" if form.check_identifier else ""
    head = (
        f"UNH+{{message}}+MSCONS:{version}'BGM+7+{reference}-{{message}}+9'DTM+137:{facts.as_of:{_INSTANT}}:303'{check}"
        f"NAD+MS+{parties[0].id}::{parties[0].agency}'NAD+MR+{parties[1].id}::{parties[1].agency}'UNS+D'NAD+DP'"
    )
    messages = 0
    for piece in pieces:
        rows = _sent(form, piece, facts)
        yield joined(_segments(form, rows, head, messages)).encode(ENCODING)
        messages += rows["metering_point"].n_unique()
    if not messages:
        raise ExportError("There is nothing to send in this period, and an MSCONS interchange has at least one message")
    yield f"UNZ+{messages}+{reference}'".encode(ENCODING)


def _sent(form: MsconsFormat, piece: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Rows that go out, in the order of segments, with what they are called there."""
    is_reading = form.content == "readings"
    dated = "%Y%m%d" if form.reading_dates == "date" else _INSTANT
    zone = facts.zone.key if form.reading_dates == "date" else "UTC"
    rows = piece.with_columns(
        code=coded(form, QUALITIES),
        meter=identifier(piece, form.meter),
        identifier=pl.coalesce(mapped("register", form.obis), "obis"),
        unit_code=mapped("unit", form.units),
        read_on=local("measured_at", dated, zone),
    ).filter(pl.col("code").is_not_null(), pl.col("value").is_not_null())
    rules = {
        "it belongs to no metering point, which LOC+172 has to name": pl.col("metering_point").is_null(),
        "LOC+172 has 35 characters, and the metering point's name more": pl.col("metering_point").str.len_chars() > 35,
        "the metering point's name has characters that ISO 8859-1 lacks": _foreign("metering_point"),
        "the register has no OBIS identifier; name one under obis": pl.col("identifier").is_null(),
    }
    if not is_reading:
        rules |= {"its unit has no code; name one under units": pl.col("unit_code").is_null()}
        rows = rows.sort("metering_point", "register", "period_start", nulls_last=True, maintain_order=True)
    else:
        once = pl.struct("metering_point", "meter_id", "register", "read_on").is_duplicated()
        rules |= {
            f"{form.meter} is not known of the meter, and RFF+MG has to name it": pl.col("meter").is_null(),
            f"RFF+MG has 70 characters, and {form.meter} more": pl.col("meter").str.len_chars() > 70,
            f"{form.meter} has characters that ISO 8859-1 lacks": _foreign("meter"),
            "another reading has the same date; send the last of the period, or set reading_dates: instant": once,
        }
        rows = rows.sort("metering_point", "meter_id", "measured_at", "register", nulls_last=True, maintain_order=True)
    return expressible(rows, rules, skip=form.skip_unmapped)


def _segments(form: MsconsFormat, rows: pl.DataFrame, head: str, messages: int) -> pl.Series:
    """The segments that begin with each row: those of a message, group or line with the first row of it."""
    point = pl.col("metering_point")
    if form.content == "readings":
        grouped_by = ["metering_point", "meter_id", "read_on"]
        group = f"LOC+172+{{point}}'DTM+9:{{read_on}}:{_DATES[form.reading_dates]}'RFF+MG:{{meter}}'"
        item = "QTY+{code}:{number}'"
    else:
        grouped_by = ["metering_point"]
        group = "LOC+172+{point}'"
        item = "QTY+{code}:{number}:{unit_code}'DTM+163:{start}:303'DTM+164:{end}:303'"
    line = pl.struct(*grouped_by, "register").is_first_distinct()
    parts = [
        (point.is_first_distinct(), head),
        (pl.struct(grouped_by).is_first_distinct(), group),
        (line, "LIN+{line}'PIA+5+{identifier}:SRW'"),
        (pl.lit(value=True), item),
    ]
    tail = "UNT+{count}+{message}'"
    # A terminator in a template ends a segment; those in names are released and stand in columns.
    count = pl.sum_horizontal(begins.cast(pl.Int64) * template.count("'") for begins, template in parts)
    named = rows.with_columns(
        point=_escaped("metering_point"),
        meter=_escaped("meter"),
        identifier=_escaped("identifier"),
        number=number(form.decimals),
        start=local("period_start", _INSTANT, "UTC"),
        end=local("period_end", _INSTANT, "UTC"),
        message=point.is_first_distinct().cum_sum() + messages,
        line=line.cum_sum().over("metering_point"),
        count=count.sum().over("metering_point") + tail.count("'"),
    )
    return named.select(
        pl.concat_str(
            *(only(begins, written(template)) for begins, template in parts),
            only(point.is_last_distinct(), written(tail)),
        )
    ).to_series()


def _escaped(column: str) -> pl.Expr:
    """Texts with a release character before each character that EDIFACT reserves."""
    return pl.col(column).str.replace_many(_RESERVED, [f"?{character}" for character in _RESERVED])


def _foreign(column: str) -> pl.Expr:
    return pl.col(column).str.contains(_OUTSIDE)
