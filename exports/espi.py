"""ESPI, known as Green Button: interval values as an Atom feed (NAESB REQ.21).

A metering point is a UsagePoint, a meter's register at it a MeterReading with one IntervalBlock, and registers of the
same kind share a ReadingType. Values are whole numbers of a power of ten of Wh or m³. Identifiers are made from
names, so that the same series has the same one in every feed. Periods without a value are left out, as the standard
has no way to write one. Links are relative: a feed is a file, not a server.
"""

import html
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self
from uuid import NAMESPACE_URL, UUID, uuid5

import polars as pl
from pydantic import Field, model_validator

from exports.facts import Facts
from exports.local_time import local_time
from exports.market import MarketFormat, coded, expressible, joined, mapped, number, only, written
from exports.reading_types import WATT_HOURS, commodity, quantity
from exports.xml_texts import escaped, forbidden

QUALITIES = {"M": "17", "A": "11", "I": "8", "I:LIN": "9", "E": "12", "F": "8", "X": "7", "R": "10"}
"""7 edited, 8 by a reference day, 9 linear, 10 questionable, 11 derived, 12 projected, 17 validated."""

SERVICES = {
    "electricity": "0",
    "gas": "1",
    **dict.fromkeys(("water", "warm_water"), "2"),
    **dict.fromkeys(("heat", "heat_cooling", "cooling"), "4"),
}
"""Kind of service by medium; the standard has none for cooling, which is heat of the other sign."""

LENGTHS_S = {"hourly": 3600, "daily": 86_400}
"""Interval lengths; months and years have none, only the time period of each value."""

_DELTA = 4
_SERIES = ["metering_point", "meter_id", "register"]
_ATOM, _ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"


class EspiFormat(MarketFormat):
    """Settings of ESPI.

    Attributes:
        layout: This layout.
        energy_power: Values of energy are whole numbers of ten to this power Wh.
        volume_power: Values of volume are whole numbers of ten to this power m³.
    """

    layout: Literal["espi"]
    energy_power: Annotated[int, Field(ge=-3, le=6)] = 0
    volume_power: Annotated[int, Field(ge=-6, le=0)] = -3

    @model_validator(mode="after")
    def _has_intervals(self) -> Self:
        if self.content == "readings":
            raise ValueError(
                "content: an IntervalBlock holds what was used in periods, so it is hourly, daily, monthly or yearly"
            )
        return self


def write(form: EspiFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a feed.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        The feed, UTF-8.

    Raises:
        ExportError: A row cannot be expressed.
    """
    names = uuid5(NAMESPACE_URL, f"meterhouse:{facts.organisation}")
    made = f"{facts.as_of:%Y-%m-%dT%H:%M:%SZ}"
    feed = uuid5(names, f"feed/{facts.job}/{facts.seq}")
    zone = str(uuid5(names, f"LocalTimeParameters/{facts.zone.key}"))
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{_ATOM}"><id>urn:uuid:{feed}</id>'
        f'<link rel="self" href="{feed}"/><title>{html.escape(facts.job)}</title><updated>{made}</updated>\n'
        f"{_entry('LocalTimeParameters', zone, _zone(facts), made)}"
    ).encode()
    known: set[str] = set()
    for piece in pieces:
        series = _named(_series(form, piece), names, form, facts)
        types = series.unique("type", maintain_order=True).filter(pl.col("type").is_in(known).not_())
        known.update(types["type"])
        yield joined(types.select(_reading_type(form, made)).to_series()).encode()
        yield joined(series.select(_entries(zone, made)).to_series()).encode()
    yield b"</feed>\n"


def _series(form: EspiFormat, piece: pl.DataFrame) -> pl.DataFrame:
    """A row per metering point, meter and register, with its values as one text."""
    rows = piece.with_columns(
        code=coded(form, QUALITIES),
        service=mapped("medium", SERVICES),
        commodity=commodity(),
        uom=quantity("uom"),
        flow=quantity("flow"),
        start=pl.col("period_start").dt.epoch("s"),
        duration=(pl.col("period_end") - pl.col("period_start")).dt.total_seconds(),
    ).filter(pl.col("value").is_not_null(), pl.col("code").is_not_null())
    rows = expressible(
        rows,
        {
            "it belongs to no metering point, which a UsagePoint is": pl.col("metering_point").is_null(),
            "its metering point's name has characters that XML has not": forbidden("metering_point"),
            "ESPI has no kind of service for its medium": pl.col("service").is_null(),
            "ESPI has no unit for its register": pl.col("uom").is_null(),
        },
        skip=form.skip_unmapped,
    )
    is_energy = pl.col("uom") == WATT_HOURS
    whole = pl.when(is_energy).then(number(0, 3 - form.energy_power)).otherwise(number(0, -form.volume_power))
    reading = written(
        "<IntervalReading><ReadingQuality><quality>{code}</quality></ReadingQuality>"
        "<timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod>"
        "<value>{whole}</value></IntervalReading>"
    )
    return (
        rows.with_columns(whole=whole)
        .with_columns(reading=reading)
        .group_by(_SERIES, maintain_order=True)
        .agg(
            pl.col("service", "commodity", "uom", "flow").first(),
            pl.col("start").min(),
            duration=(pl.col("start") + pl.col("duration")).max() - pl.col("start").min(),
            readings=pl.col("reading").str.join("", ignore_nulls=False),
        )
        .with_columns(
            title=escaped("metering_point"),
            power=pl.when(is_energy).then(form.energy_power).otherwise(form.volume_power),
        )
    )


def _named(series: pl.DataFrame, names: UUID, form: EspiFormat, facts: Facts) -> pl.DataFrame:
    """Adds the identifiers of the entries of each series: a hash for each, not for each value."""
    kinds = series.select(pl.concat_str("commodity", "flow", "uom", "power", separator="-")).to_series()
    paths = {
        "point": [f"UsagePoint/{point}" for point in series["metering_point"]],
        "series": [f"MeterReading/{key}" for key in series.select(_SERIES).iter_rows()],
        "block": [f"IntervalBlock/{facts.period_from}/{key}" for key in series.select(_SERIES).iter_rows()],
        "type": [f"ReadingType/{form.content}/{kind}" for kind in kinds],
    }
    return series.with_columns(
        pl.Series(entry, [str(uuid5(names, path)) for path in texts], pl.String) for entry, texts in paths.items()
    )


def _reading_type(form: EspiFormat, made: str) -> pl.Expr:
    length = f"<intervalLength>{LENGTHS_S[form.content]}</intervalLength>" if form.content in LENGTHS_S else ""
    content = (
        f"<accumulationBehaviour>{_DELTA}</accumulationBehaviour><commodity>{{commodity}}</commodity>"
        f"<flowDirection>{{flow}}</flowDirection>{length}"
        "<powerOfTenMultiplier>{power}</powerOfTenMultiplier><uom>{uom}</uom>"
    )
    return written(_entry("ReadingType", "{type}", content, made))


def _entries(zone: str, made: str) -> pl.Expr:
    """MeterReading and IntervalBlock of a series; before the first of a metering point its UsagePoint."""
    readings = "UsagePoint/{point}/MeterReading"
    blocks = f"{readings}/{{series}}/IntervalBlock"
    point = _entry(
        "UsagePoint",
        "{point}",
        "<ServiceCategory><kind>{service}</kind></ServiceCategory>",
        made,
        title="{title}",
        related=(readings, f"LocalTimeParameters/{zone}"),
    )
    reading = _entry("MeterReading", "{series}", "", made, within=readings, related=(blocks, "ReadingType/{type}"))
    block = _entry(
        "IntervalBlock",
        "{block}",
        "<interval><duration>{duration}</duration><start>{start}</start></interval>{readings}",
        made,
        within=blocks,
    )
    is_first = pl.col("metering_point").is_first_distinct()
    return pl.concat_str(only(is_first, written(point)), written(reading), written(block))


def _entry(
    kind: str, key: str, content: str, made: str, *, within: str = "", title: str = "", related: Iterable[str] = ()
) -> str:
    within = within or kind
    links = "".join(f'<link rel="related" href="{link}"/>' for link in related)
    return (
        f'<entry><id>urn:uuid:{key}</id><link rel="self" href="{within}/{key}"/><link rel="up" href="{within}"/>{links}'
        f'<title>{title}</title><content type="application/xml"><{kind} xmlns="{_ESPI}">{content}</{kind}></content>'
        f"<published>{made}</published><updated>{made}</updated></entry>\n"
    )


def _zone(facts: Facts) -> str:
    """Local time parameters of the utility's zone in the year in which the period begins."""
    there = local_time(facts.zone, facts.period_from.astimezone(facts.zone).year)
    return (
        f"<dstEndRule>{there.ends}</dstEndRule><dstOffset>{there.saving_s}</dstOffset>"
        f"<dstStartRule>{there.begins}</dstStartRule><tzOffset>{there.offset_s}</tzOffset>"
    )
