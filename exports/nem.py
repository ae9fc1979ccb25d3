"""What NEM12 and NEM13 have in common: AEMO's Meter Data File Format (MDFF), lines of comma-separated values.

Times are market time, which knows no daylight saving: UTC+10 whatever the place. One line 100 begins a file and one
line 900 ends it.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import polars as pl
from pydantic import Field

from exports.base import Model
from exports.errors import ExportError
from exports.facts import Facts
from exports.market import Identifier, MarketFormat, Quality, Register, coded, identifier, mapped

ENCODING = "ascii"

END = b"900\r\n"

QUALITIES = {"M": "A", "A": "A", "N": "N"}
"""A actual, N null. Substitutes and estimates bear the number of their method, which the utility's metrology says."""

UNITS = {"kWh": "KWH"}

_DATE_TIME = "%Y%m%d%H%M%S"

Participant = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,10}$")]

Suffix = Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")]


class Stream(Model):
    """A data stream of a metering point.

    Attributes:
        suffix: NMI suffix: E1 what the network delivers, B1 what it takes in.
        register_id: Register as the meter numbers it.
        stream: MDM data stream identifier.
        direction: Direction indicator of NEM13: E from the network, I into it.
    """

    suffix: Suffix
    register_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{0,10}$")] = "1"
    stream: Annotated[str, Field(pattern=r"^[A-Z0-9]{0,2}$")] = "N1"
    direction: Annotated[str, Field(pattern=r"^[EI]$")] = "E"


class NemFormat(MarketFormat):
    """Settings of both.

    Attributes:
        qualities: Codes by quality letter: A, N, or S, E or F with the number of a method.
        sender: Participant that sends; has to be set.
        receiver: Participant that receives; has to be set.
        nmi: What holds the national metering identifier.
        meter: What holds the meter's serial number.
        streams: Data streams by register.
        units: Units of measure by unit.
        decimals: Decimals of values.
        utc_offset_h: Market time's distance from UTC [h].
    """

    qualities: Mapping[Quality, Annotated[str, Field(pattern=r"^([AN]|[EFS][0-9]{2})$")]] = {}
    sender: Participant | None = None
    receiver: Participant | None = None
    nmi: Identifier = "metering_point"
    meter: Identifier = "serial"
    streams: Mapping[Register, Stream] = {
        "energy_import_kwh": Stream(suffix="E1"),
        "energy_export_kwh": Stream(suffix="B1", direction="I"),
    }
    units: Mapping[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,5}$")]] = UNITS
    decimals: Annotated[int, Field(ge=0, le=4)] = 3
    utc_offset_h: Annotated[float, Field(ge=-12, le=14, multiple_of=0.25)] = 10

    def market_time(self, instant: str) -> pl.Expr:
        """A column of instants as wall times of the market."""
        return pl.col(instant).dt.replace_time_zone(None) + timedelta(hours=self.utc_offset_h)

    def date_time(self, instant: str) -> pl.Expr:
        """A column of instants in market time, to the second."""
        return self.market_time(instant).dt.strftime(_DATE_TIME)


def header(form: NemFormat, facts: Facts, version: str) -> bytes:
    """The line that begins a file.

    Raises:
        ExportError: Sender or receiver are not set.
    """
    if form.sender is None or form.receiver is None:
        raise ExportError(f"{version} needs a sender and a receiver: make a format of your own and set both")
    made = facts.as_of + timedelta(hours=form.utc_offset_h)
    return f"100,{version},{made:%Y%m%d%H%M},{form.sender},{form.receiver}\r\n".encode(ENCODING)


def named(form: NemFormat, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds what lines call a row: ``nmi``, ``meter``, ``uom``, ``code``, and the settings of its register's stream."""
    settings = {
        name: {register: getattr(stream, name) for register, stream in form.streams.items()} for name in _STREAM
    }
    return rows.with_columns(
        identifier(rows, form.nmi).alias("nmi"),
        identifier(rows, form.meter).fill_null("").alias("meter"),
        *(mapped("register", values).alias(name) for name, values in settings.items()),
        mapped("unit", form.units).alias("uom"),
        coded(form, QUALITIES).alias("code"),
    )


def known() -> pl.Expr:
    """Whether a row's value goes out: it is there, and was not rejected."""
    return pl.col("value").is_not_null() & pl.col("quality").is_in(["N", "R"]).not_()


def rules(form: NemFormat) -> dict[str, pl.Expr]:
    """Why a row cannot be expressed in either, over what :func:`named` adds."""
    return {
        f"{form.nmi} is not known, and an NMI has to be": pl.col("nmi").is_null(),
        "an NMI has up to 10 letters and digits": ~pl.col("nmi").str.contains("^[A-Za-z0-9]{1,10}$"),
        "a meter's serial number has up to 12 letters and digits": ~pl.col("meter").str.contains(
            "^[A-Za-z0-9-]{0,12}$"
        ),
        "the register has no NMI suffix; name one under streams": pl.col("suffix").is_null(),
        "its unit has no unit of measure; name one under units": pl.col("uom").is_null(),
        "its quality has no code with the number of a method; name one under qualities, such as I: S14": (
            pl.col("code").is_null() & pl.col("quality").ne("R")
        ),
    }


_STREAM = ("suffix", "register_id", "stream", "direction")
