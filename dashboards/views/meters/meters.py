"""The list of meters, or one of them where the address names it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import streamlit as st

from dashboards.components import filters, links
from dashboards.components.table import Whole, table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy, tables, viewer, words
from dashboards.views.meters import detail
from dashboards.words import Words
from registry.inventory.fields import Field, fields
from registry.inventory.lifecycle import STATES
from registry.inventory.list_columns import COLUMNS, FILTERED_COLUMNS, READING_COLUMNS
from registry.inventory.listing import Filters, list_all, list_meters
from registry.key_status import KEY_STATUSES
from warehouse.policies import InfoCodePolicy
from warehouse.queries import fleet, info_codes

_ROWS = 50
_SHOWN = (
    *("info_codes", "serial", "address", "city", "customer_name", "model", "state", "read_at", "reading", "unit"),
    "key_status",
)
"""Columns shown at first."""
_TEXTS: dict[str, Any] = {
    "info_codes": pl.String,
    **dict.fromkeys(COLUMNS, pl.String),
    **dict.fromkeys(("state_since", "installed_at", "read_at"), pl.Datetime("us", "UTC")),
    "reading": pl.Decimal(18, 6),
}
_SORTABLE = [
    "serial",
    *(name for name in COLUMNS if name not in {"serial", *FILTERED_COLUMNS, *READING_COLUMNS}),
]
_VALUES = {"state": "state", "key_status": "key_status", "medium": "medium"}


def page() -> None:
    """Draws the page."""
    say = words()
    if chosen := st.query_params.get("meter", "").strip():
        detail.show(say, chosen)
        return
    kinds = remembered(fleet.kinds)
    if kinds.is_empty():
        st.info(say("meters.none_yet"), icon=":material/info:")
        return
    with installation().registry.begin(readonly=True) as session:
        defined = fields(session, organisation())
    _list(say, _asked(say, kinds, defined), defined)


def _asked(say: Words, kinds: pl.DataFrame, defined: Mapping[str, Field]) -> Filters:
    text = filters.text(say("meters.search"), key="text", placeholder=say("meters.search_what"))
    custom: dict[str, str] = {}
    with st.expander(say("meters.filters"), icon=":material/filter_alt:", expanded=len(st.query_params) > 0):
        first, second, third = st.columns(3)
        with first:
            states = filters.several(
                say("column.state"), STATES, key="state", named=lambda name: say.named("state", name)
            )
            keys = filters.several(
                say("column.key_status"),
                KEY_STATUSES,
                key="key_status",
                named=lambda name: say.named("key_status", name),
            )
        with second:
            media = filters.several(
                say("column.medium"),
                _offered(kinds, "medium"),
                key="medium",
                named=lambda name: say.named("medium", name),
            )
            makers = filters.several(say("column.manufacturer"), _offered(kinds, "manufacturer"), key="manufacturer")
        with third:
            models = filters.several(say("column.model"), _offered(kinds, "model"), key="model")
            group = filters.group(say)
        if defined:
            custom = _custom(say, defined)
    return Filters(
        text=text,
        states=states,
        media=media,
        manufacturers=makers,
        models=models,
        key_statuses=keys,
        group=group,
        custom=custom,
        among=viewer().meters,
    )


def _offered(kinds: pl.DataFrame, name: str) -> list[str]:
    return kinds[name].drop_nulls().unique().sort().to_list()


def _custom(say: Words, defined: Mapping[str, Field]) -> dict[str, str]:
    """Value by the utility's own field, where one is asked for."""
    left, right = st.columns(2)
    with left:
        names = filters.several(
            say("meters.field"), list(defined), key="field", named=lambda name: defined[name].label, most=1
        )
    with right:
        value = filters.text(say("meters.field_value"), key="value") if names else ""
    return {names[0]: value} if names and value else {}


def _list(say: Words, asked: Filters, defined: Mapping[str, Field]) -> None:
    columns = (*COLUMNS, *defined)
    headings = {name: custom.label for name, custom in defined.items()}
    now, house = datetime.now(UTC), installation()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sort = filters.one_of(
            say("table.order"),
            [*_SORTABLE, *defined],
            key="sort",
            named=lambda name: headings.get(name) or say.heading(name),
        )
        down = st.toggle(say("table.descending"), key="down", bind="query-params")
        count = st.container(width="content")
    number = _page_number(repr((asked, sort, down)))
    wanted: dict[str, Any] = {
        "columns": columns,
        "sort": sort,
        "descending": down,
        "with_customers": True,
        "lake": tables(),
        "now": now,
    }
    with house.registry.begin(readonly=True) as session:
        found = list_meters(session, organisation(), asked, page=number, size=_ROWS, **wanted)
        if not found.rows and found.total:  # a page that a narrower filter has no more
            number = 1
            found = list_meters(session, organisation(), asked, page=1, size=_ROWS, **wanted)
    count.caption(say("meters.count", count=say.number(found.total)))

    def everything() -> pl.DataFrame:
        with house.registry.begin(readonly=True) as writing:
            return _frame(say, list(list_all(writing, organisation(), asked, **wanted)), columns)

    chosen = table(
        say,
        _frame(say, found.rows, columns),
        key="meters",
        file_name="meters",
        nothing=say("meters.none_found"),
        shown=_SHOWN,
        headings=headings,
        values=_VALUES,
        help_texts={"info_codes": say("meters.info_codes_help"), "key_status": say("meters.key_status_help")},
        whole=Whole(found.total, everything),
    )
    pages = -(-found.total // _ROWS)
    if pages > 1:
        st.session_state["page"] = number
        st.pagination(pages, key="page", bind="query-params")
    rows = chosen if chosen.height else chosen.clear()
    if found.total == 1:
        rows = _frame(say, found.rows, columns)
    if rows.is_empty() and found.total:
        st.caption(say("meters.choose"))
    with st.container(horizontal=True):
        for row in rows.head(5).iter_rows(named=True):
            links.link("meters", say("meters.open", meter=row["meter_id"]), {"meter": row["meter_id"]}, icon="speed")


def _page_number(asked: str) -> int:
    """The page that is chosen, or named by the address; the first one where something else is asked for than before."""
    before = st.session_state.get("meters_asked", asked)
    st.session_state["meters_asked"] = asked
    named = st.query_params.get("page", "1")
    number = st.session_state.get("page", int(named) if named.isdecimal() and len(named) < 7 else 1)
    return max(1, number) if before == asked else 1


def _frame(say: Words, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Rows of the list with their open info codes."""
    schema = {name: _TEXTS[name] for name in columns if name in _TEXTS}
    if not rows:
        return pl.DataFrame(schema={name: schema.get(name, pl.String) for name in columns})
    found = pl.DataFrame(
        [{name: row[name] for name in columns} for row in rows], schema_overrides=schema, infer_schema_length=None
    )
    codes = info_codes.open_of(
        tables(),
        organisation(),
        policy(InfoCodePolicy),
        say.language,  # type: ignore[arg-type]
        found.select("meter_id", "medium"),
    )
    whole = found.join(codes, on="meter_id", how="left", maintain_order="left")
    return whole.select("info_codes", *columns).rename({"reading_unit": "unit"})
