"""Info codes: which meters show what, since when, and whether that still holds."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import polars as pl
import streamlit as st

from dashboards.components import commenting, filters, leading, members
from dashboards.components.map import located
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.looks import CODE_ICON
from dashboards.remembering import remembered
from dashboards.viewer import policy, words
from dashboards.words import Words
from registry.comments import INFO_CODES
from warehouse.policies import InfoCodePolicy
from warehouse.queries import info_codes as queries

_SHOWN = (
    *("reading_time", "address", "city", "serial", "info_code", "priority", "state", "by_readings", "by_meter"),
    "comment",
)
_EVERY_S = 600
"""How long a list is taken for the present one [s]."""


def page() -> None:
    """Draws the page."""
    say = words()
    known = remembered(queries.extent, say.zone)
    if known is None:
        st.info(say("info_codes.none_yet"), icon=":material/info:")
        return
    left, middle, right = st.columns([1.2, 1.4, 1.4], vertical_alignment="bottom")
    with left:
        chosen = members.choose(say)
    with middle:
        days = filters.period(say, known)
    with right:
        order = filters.choice(
            say("info_codes.order"),
            get_args(queries.Order),
            key="order",
            default="newest",
            named=lambda name: say(f"info_codes.order_{name}"),
        )
    with st.container(horizontal=True):
        high = st.toggle(say("info_codes.only_high"), key="high", bind="query-params")
        active = st.toggle(say("info_codes.only_active"), key="active", bind="query-params")
    if chosen is None or days is None:
        return
    asked = queries.Asked(
        as_of=_now(),
        zone=say.zone,
        expected_interval=timedelta(seconds=installation().settings.expected_interval_s),
        language=say.language,  # type: ignore[arg-type]
        order=order,
        only_high=high,
        only_active=active,
        first=days[0],
        last=days[1],
    )
    rows = remembered(queries.report, policy(InfoCodePolicy), asked, chosen.points)
    _figures(say, rows)
    _list(say, rows)


def _now() -> datetime:
    """The beginning of the present ten minutes, so that a list can be kept for as long."""
    now = int(datetime.now(UTC).timestamp())
    return datetime.fromtimestamp(now - now % _EVERY_S, UTC)


def _figures(say: Words, rows: pl.DataFrame) -> None:
    counts = {
        "meters": rows["meter_id"].n_unique(),
        "active": rows.filter(pl.col("state") == "active").height,
        "high": rows.filter(pl.col("priority") == "high").height,
        "long": rows.filter("is_over").height,
    }
    with st.container(horizontal=True):
        for name, count in counts.items():
            st.metric(
                say(f"info_codes.{name}"),
                say.number(count),
                help=say(f"info_codes.{name}_help"),
                border=True,
                width=175,
            )


def _list(say: Words, rows: pl.DataFrame) -> None:
    chosen = table(
        say,
        rows.rename({"name": "code_name"}),  # people have one, too
        completed=_completed,
        key="codes",
        file_name="info_codes",
        nothing=say("info_codes.nothing"),
        shown=_SHOWN,
        values={"priority": "priority", "state": "code_state"},
        digits={"volume_m3": 3},
        help_texts={"by_readings": say("info_codes.by_readings_help"), "by_meter": say("info_codes.by_meter_help")},
    )
    if chosen.is_empty():
        st.caption(say("info_codes.choose"))
        return
    first = chosen.row(0, named=True)
    leading.from_row(first["metering_point"], first["meter_id"])
    commenting.writer(say, chosen, INFO_CODES, key="codes")


def _completed(rows: pl.DataFrame) -> pl.DataFrame:
    icon = pl.col("icon").replace_strict(CODE_ICON, default=CODE_ICON["bit"], return_dtype=pl.String)
    return commenting.joined(located(rows), INFO_CODES).select(
        *("reading_time", "address", "postal_code", "city", "serial"),
        pl.concat_str(icon, "code_name", separator=" ").alias("info_code"),
        *("by_readings", "by_meter", "priority", "state", "first_seen", "cleared_at", "volume_m3", "days_active"),
        *("days_observed", "is_over", "code", "metering_point", "meter_id", "medium", "customer_number", "name"),
        *("comment", "comment_by", "comment_at"),
    )
