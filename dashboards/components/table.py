"""A result as a table: columns to choose, pages, downloads, and rows that go into a group.

Only the rows of the page shown are completed and sent to the browser; downloads hold all of them and are written when
asked for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd
import polars as pl
import streamlit as st

from dashboards.components import grouping
from dashboards.viewer import viewer
from dashboards.words import Words
from registry.people.spreadsheets import csv_of
from warehouse.published import render
from warehouse.workbook import workbook

ROWS = 200
"""Rows on a page of a table."""

MEMBERS = ("metering_point", "meter_id")
"""Columns by which rows can go into a group; the first that is there counts."""

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Whole:
    """A result of which only the rows of one page were read.

    Attributes:
        rows: How many it has.
        read: Reads all of them, with the same columns; asked for downloads and groups alone.
    """

    rows: int
    read: Callable[[], pl.DataFrame]


def table(
    say: Words,
    frame: pl.DataFrame,
    *,
    key: str,
    file_name: str,
    nothing: str,
    completed: Callable[[pl.DataFrame], pl.DataFrame] = lambda rows: rows,
    shown: Sequence[str] = (),
    headings: Mapping[str, str] = MappingProxyType({}),
    values: Mapping[str, str] = MappingProxyType({}),
    digits: Mapping[str, int] = MappingProxyType({}),
    help_texts: Mapping[str, str] = MappingProxyType({}),
    absent: str = "",
    may_group: bool = True,
    whole: Whole | None = None,
) -> pl.DataFrame:
    """Draws a table.

    Args:
        say: Who reads it.
        frame: All rows; instants in any zone. What has no column here is not downloaded either.
        key: Unique on the page.
        file_name: Of downloads, without ending.
        nothing: What to say where there are no rows.
        completed: Gives rows the columns of the table, such as addresses, and leaves their order and what they hold;
            asked of the rows that are shown, of all for downloads and for an order by a column that it adds.
        shown: Columns shown at first; all where none is named. People choose others.
        headings: Text by column; a column without one has ``column.<name>``, a register its name and unit.
        values: Section of the texts by column whose values are named there, such as ``{"quality": "quality"}``;
            downloads keep the values themselves.
        digits: Decimals by column; numbers without show those they have.
        help_texts: What a column means, by column.
        absent: What stands where there is no value.
        may_group: Whether rows that name a meter or a metering point may go into a group from here.
        whole: What ``frame`` is a page of, where the page counts them out itself; at most ``ROWS`` rows then.

    Returns:
        The rows of ``frame`` that are chosen, completed; none where none is.
    """
    if frame.is_empty():
        st.info(nothing, icon=":material/info:")
        return frame
    schema = completed(frame.clear()).schema
    named = {name: headings.get(name) or say.heading(name) for name in schema}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        columns = _columns(say, named, shown, key)
        ordered = _ordered(say, frame, schema, completed, named, key)
        _downloads(say, whole or Whole(frame.height, lambda: completed(ordered)), named, file_name, key)
        place = st.container(width="content")
    page = 1
    if frame.height > ROWS:
        st.caption(say("table.rows", rows=say.number(frame.height), shown=say.number(ROWS)))
        page = st.pagination(-(-frame.height // ROWS), key=f"{key}_page")
    rows = completed(ordered.slice((page - 1) * ROWS, ROWS))
    event = st.dataframe(
        _displayed(say, rows.select(columns), values, digits),
        key=_selection_key(f"{key}_rows_{page}", rows),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            name: st.column_config.Column(
                named[name],
                help=help_texts.get(name),
                alignment="right" if schema[name].is_numeric() else None,
            )
            for name in columns
        },
        placeholder=absent,
        alt=f"{file_name}: {', '.join(named[name] for name in columns)}",
    )
    chosen = rows[list(event.selection.rows)]
    member = next((name for name in MEMBERS if name in frame.columns and name in schema), None)
    if may_group and member and viewer().may(grouping.RIGHT):
        with place:
            rest = None if whole is None else (whole.rows, lambda: whole.read()[member])
            grouping.adder(say, ordered[member], chosen[member], key=key, rest=rest)
    return chosen


def _selection_key(key: str, rows: pl.DataFrame) -> str:
    """Key of the widget that shows rows; another one where they have changed, since choices are kept by position."""
    last: tuple[int, pl.DataFrame] = st.session_state.get(f"{key}_shown", (0, rows))
    number = last[0] if last[1].equals(rows) else last[0] + 1
    st.session_state[f"{key}_shown"] = (number, rows)
    return f"{key}_{number}" if number else key


def _columns(say: Words, named: Mapping[str, str], shown: Sequence[str], key: str) -> list[str]:
    with st.popover(say("table.columns"), icon=":material/view_column:"):
        chosen = st.multiselect(
            say("table.columns"),
            list(named),
            default=[name for name in shown if name in named] or list(named),
            format_func=named.__getitem__,
            key=f"{key}_columns",
        )
    return list(chosen) or list(named)


def _ordered(
    say: Words,
    frame: pl.DataFrame,
    schema: Mapping[str, pl.DataType],
    completed: Callable[[pl.DataFrame], pl.DataFrame],
    named: Mapping[str, str],
    key: str,
) -> pl.DataFrame:
    """All rows in the order that is asked for: a click on a heading orders those of the page alone."""
    if frame.height <= ROWS:
        return frame
    with st.popover(say("table.order"), icon=":material/sort:"):
        by = st.selectbox(
            say("table.order"),
            [name for name, dtype in schema.items() if not dtype.is_nested()],
            index=None,
            format_func=named.__getitem__,
            key=f"{key}_by",
        )
        down = st.toggle(say("table.descending"), key=f"{key}_down")
    if not by:
        return frame
    values = frame[by] if by in frame.columns else completed(frame)[by]
    return frame.select(pl.all().sort_by(values, descending=down, nulls_last=True, maintain_order=True))


def _downloads(say: Words, whole: Whole, named: Mapping[str, str], file_name: str, key: str) -> None:
    def local() -> pl.DataFrame:
        return whole.read().with_columns(pl.col(pl.Datetime(time_zone="*")).dt.convert_time_zone(say.zone.key))

    locale, plain = viewer().locale, re.sub(r"[^\w.-]+", "_", file_name)
    forms = {
        "CSV": ("csv", "text/csv", lambda: csv_of(local(), locale)),
        "XLSX": ("xlsx", _XLSX, lambda: workbook(local(), named)),
        "Parquet": ("parquet", "application/vnd.apache.parquet", lambda: render(local(), "parquet")),
    }
    with st.popover(say("table.download"), icon=":material/download:"):
        st.caption(say("table.all_rows", rows=say.number(whole.rows)))
        for name, (ending, kind, data) in forms.items():
            st.download_button(
                name, data, f"{plain}.{ending}", kind, key=f"{key}_{ending}", on_click="ignore", width="stretch"
            )


def _displayed(
    say: Words, rows: pl.DataFrame, values: Mapping[str, str], digits: Mapping[str, int]
) -> "pd.io.formats.style.Styler":
    """One page as people read it; numbers and instants stay what they are below, so that headings order them."""
    naming = [
        pl.col(name)
        .cast(pl.String)
        .replace({value: say.named(section, str(value)) for value in rows[name].drop_nulls().unique()})
        for name, section in values.items()
        if name in rows.columns
    ]
    if "unit" in rows.columns:
        naming.append(pl.col("unit").replace({unit: say.unit(unit) for unit in rows["unit"].drop_nulls().unique()}))
    formats: dict[Any, str | Callable[[object], str] | None] = {}
    for name, dtype in rows.schema.items():
        if dtype.is_numeric():
            formats[name] = partial(_said, partial(say.number, digits=digits.get(name)))
        elif isinstance(dtype, pl.Datetime):
            formats[name] = partial(_said, say.instant)
        elif dtype == pl.Date:
            formats[name] = partial(_said, say.date)
    data = rows.with_columns(naming).with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_pandas()
    return data.style.format(formats, na_rep="")


def _said(formed: Callable[[Any], str], value: Any) -> str:
    return "" if pd.isna(value) else formed(value)
