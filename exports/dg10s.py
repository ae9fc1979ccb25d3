"""DG10S: hourly series of energy, a line per series and local day with the day's 23, 24 or 25 values.

Places: 1 system (10), 12 date (8), 21 series (6), 28, 36, 44 and 52 texts (7 each), 60 import series (6), 67 number
of hours (2), 70 values as ``xxx.yyy``, separated by commas. Between the fields stands the separator. Hours follow
each other as they passed: the 25-hour day has the doubled hour twice, the 23-hour day goes from the second to the
fourth. An hour without a row, without a value or with a rejected one is empty. What does not fit its place fails the
file.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from exports.facts import Facts
from exports.market import expressible, joined, written
from exports.series import ENCODING, SeriesFormat, in_series, rules
from warehouse.transforms.calendar import hours, local_day, local_days

_DECIMALS, _WIDTH, _SERIES_WIDTH, _TEXTS = 3, 7, 6, 4

Text = Annotated[str, Field(max_length=7, pattern=r"^[ -z|~]*$")]


class Dg10sFormat(SeriesFormat):
    """Settings of DG10S.

    Attributes:
        layout: This layout.
        system: The sending system's identifier.
        texts: The four texts.
        import_series: The import series.
        separator: What stands between the fields.
    """

    layout: Literal["dg10s"]
    system: Annotated[str, Field(max_length=10, pattern=r"^[ -z|~]*$")] = ""
    texts: Annotated[tuple[Text, ...], Field(max_length=_TEXTS)] = ()
    import_series: Annotated[str, Field(max_length=6, pattern=r"^[ -z|~]*$")] = ""
    separator: Annotated[str, Field(pattern=r"^[,; |]$")] = ","

    @model_validator(mode="after")
    def _fields_are_whole(self) -> Self:
        if self.separator != " " and any(
            self.separator in text for text in (self.system, *self.texts, self.import_series)
        ):
            raise ValueError(
                f"separator: {self.separator!r} also stands in a text, so that fields could not be told apart"
            )
        return self


def write(form: Dg10sFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        A line per series and local day of which there is a row.

    Raises:
        ExportError: A row cannot be expressed.
    """
    for piece in pieces:
        rows = in_series(form, piece, _DECIMALS).with_columns(
            day=local_day(pl.col("period_start"), facts.zone),
            text=pl.when(pl.col("quality") != "R").then("text"),
        )
        wide = {
            "a value has three digits before the point": pl.col("text").str.len_chars() > _WIDTH,
            "the name of a series has 6 characters": pl.col("series").str.len_chars() > _SERIES_WIDTH,
            "the name of its series holds the separator": (pl.col("series").str.contains(form.separator, literal=True)),
        }
        rows = expressible(rows, rules(form) | wide, skip=form.skip_unmapped)
        if rows.height:
            yield joined(_lines(form, rows, facts)).encode(ENCODING)


def _lines(form: Dg10sFormat, rows: pl.DataFrame, facts: Facts) -> pl.Series:
    first, last = rows.select(first=pl.col("day").min(), last=pl.col("day").max()).row(0)
    steps = hours(local_days(first, last, facts.zone)).rename({"start": "period_start"})
    days = rows.select("series", "day").unique(maintain_order=True).join(steps, on="day", maintain_order="left_right")
    values = (
        days.join(
            rows.select("series", "period_start", "text"),
            on=["series", "period_start"],
            how="left",
            maintain_order="left",
        )
        .group_by("series", "day", maintain_order=True)
        .agg(pl.len().alias("hours"), pl.col("text").fill_null("").str.join(",").alias("values"))
    )
    texts = [*form.texts, *([""] * (_TEXTS - len(form.texts)))]
    fields = [
        form.system.ljust(10),
        "{date}",
        "{series}",
        *(text.ljust(7) for text in texts),
        form.import_series.ljust(6),
        "{hours}",
        "{values}",
    ]
    return (
        values.select(
            pl.col("series").str.pad_end(_SERIES_WIDTH),
            pl.col("day").dt.strftime("%Y%m%d").alias("date"),
            "hours",
            "values",
        )
        .select(written(form.separator.join(fields) + "\r\n"))
        .to_series()
    )
