"""The motivation tariff of a year: what a warm return costs, and what a cold one earns."""

from datetime import UTC, date, datetime, time

import streamlit as st

from dashboards.components import filters
from dashboards.components import map as places
from dashboards.components.cells import draw_cells
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, policy
from dashboards.words import Words
from registry.residences import places_of_moves
from warehouse.policies import MotivationTariffPolicy
from warehouse.queries import heat_days
from warehouse.queries import motivation_tariff as queries

_SHOWN = ("metering_point", "address", "energy_kwh", "supply_c", "return_c", "expected_c", "deviation_k", "percent",
          "amount", "excluded")  # fmt: skip
_DIGITS = {"energy_kwh": 0, "supply_c": 1, "return_c": 1, "expected_c": 1, "deviation_k": 1, "percent": 2, "amount": 2}


def draw(say: Words) -> None:
    """Draws the part of the page.

    Args:
        say: Who reads it.
    """
    known = remembered(heat_days.extent)
    if known is None:
        st.info(say("heat.no_figures"), icon=":material/info:")
        return
    terms = policy(MotivationTariffPolicy)
    if terms.price_per_mwh is None:
        st.info(say("tariff.no_price"), icon=":material/info:")
        return
    left, right = st.columns(2)
    with left:
        year = filters.one_of(say("tariff.year"), tuple(range(known[1].year, known[0].year - 1, -1)), key="year")
    with right:
        whom = filters.members(say)
    if whom is None:
        return
    begin, end = (datetime.combine(date(one, 1, 1), time(), say.zone).astimezone(UTC) for one in (year, year + 1))
    with installation().registry.begin(readonly=True) as session:
        moved = places_of_moves(session, organisation(), begin, end)
    found = remembered(queries.report, terms, year=year, zone=say.zone, moved=moved, points=whom[1])
    if end > datetime.now(UTC):
        st.warning(say("tariff.provisional", year=str(year)), icon=":material/schedule:")
    if found.height:
        sums = queries.summary(found)
        cells = (
            (say("tariff.discounts"), say.amount(sums["discounts"], terms.currency, 2), None),
            (say("tariff.surcharges"), say.amount(sums["surcharges"], terms.currency, 2), None),
            (say("tariff.charged"), say.number(sums["charged"]), None),
            (say("tariff.excluded"), say.number(sums["excluded"]), say("tariff.excluded_help")),
        )
        draw_cells(cells)
    table(
        say,
        found,
        completed=places.located,
        key="tariff",
        file_name=f"motivation_tariff_{year}",
        nothing=say("tariff.nothing", year=str(year)),
        shown=_SHOWN,
        headings={"percent": say("tariff.percent"), "amount": say("tariff.amount", currency=terms.currency)},
        values={"excluded": "tariff_excluded"},
        digits=_DIGITS,
        help_texts={"amount": say("tariff.amount_help")},
    )
