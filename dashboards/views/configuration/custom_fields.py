"""Fields that the utility adds to meters and metering points."""

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.words import Words
from registry.inventory.fields import Entity, Field, Type, add_field, fields, remove_field
from registry.people.rights import SYSTEM_CONFIGURATION, Right

RIGHT = Right(SYSTEM_CONFIGURATION)


def page() -> None:
    """Draws the page."""
    say = words()
    with installation().registry.begin(readonly=True) as session:
        found = fields(session, organisation())
    rows = rows_of(found.values(), {"label": TEXT, "entity": TEXT, "type": TEXT, "name": TEXT})
    choices = pl.Series("choices", ["; ".join(field.choices) for field in found.values()], dtype=pl.String)
    chosen = table(
        say,
        rows.with_columns(choices).rename({"entity": "field_entity", "type": "field_type", "name": "field_name"}),
        key="fields",
        file_name="custom_fields",
        nothing=say("fields.none"),
        values={"field_entity": "field_entity", "field_type": "field_type"},
    )
    if not viewer().may(RIGHT):
        return
    names = chosen["field_name"].to_list() if chosen.height else []
    if confirmed(
        say,
        say("fields.remove"),
        say("fields.remove_help", fields=", ".join(names)),
        key="remove",
        icon="delete",
        disabled=not names,
    ) and _remove(say, names):
        st.rerun()
    _add(say)


def _add(say: Words) -> None:
    st.subheader(say("fields.new"))
    with st.form("new_field", enter_to_submit=False):
        label = st.text_input(say("column.label"), max_chars=100).strip()
        name = st.text_input(say("column.field_name"), help=say("fields.name_help"), max_chars=48).strip()
        entity = st.radio(
            say("column.field_entity"),
            list(Entity),
            index=0,
            format_func=lambda one: say.named("field_entity", one.value),
            horizontal=True,
        )
        type_ = st.selectbox(
            say("column.field_type"), list(Type), format_func=lambda one: say.named("field_type", one.value)
        )
        text = st.text_area(say("column.choices"), help=say("fields.choices_help"), height=80)
        is_asked = st.form_submit_button(say("fields.add"), type="primary")
    if not is_asked:
        return
    choices = tuple(part.strip() for part in (text or "").splitlines() if part.strip())
    assert entity is not None and type_ is not None  # noqa: S101, PT018  one of each is chosen from the start
    field = Field(entity, name, label or name, type_, choices)

    def add(doing: Doing) -> None:
        add_field(doing.session, doing.organisation, field, **doing.by)

    if asking.done(RIGHT, add, said=lambda _: say("fields.added", field=field.label)):
        st.rerun()


def _remove(say: Words, names: list[str]) -> bool:
    def remove(doing: Doing) -> int:
        return sum(
            remove_field(doing.session, doing.organisation, name, with_values=True, **doing.by) for name in names
        )

    return asking.done(RIGHT, remove, said=lambda count: say("fields.removed", values=say.number(count)))
