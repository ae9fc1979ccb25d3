"""The fleet at a glance."""

import polars as pl
import streamlit as st

from dashboards import charts, identity
from dashboards.installation import installation
from warehouse.queries import overview

_START = """
1. Register the meters and where they are installed:
   `meterhouse import meters FILE`, then `meterhouse import customers FILE`.
2. Deliver frames: `meterhouse ingest FILE`, or put files into the folder `inbox` while `meterhouse serve` runs.
3. Open **Consumption**.
"""


def page() -> None:
    """Draws the page."""
    st.title("Meterhouse")
    house = installation()
    organisation = identity.organisation()
    counts = overview.counts(identity.tables(), organisation)
    days = overview.outcomes_by_day(identity.tables(), organisation)
    if not counts["meters"] and days.is_empty():
        st.info("This installation is empty.", icon=":material/info:")
        st.markdown(_START)
        return
    performance = overview.performance(identity.tables(), organisation)
    cells = st.columns(5)
    cells[0].metric("Metering points", f"{counts['metering_points']:,}", border=True)
    cells[1].metric("Meters", f"{counts['meters']:,}", border=True)
    cells[2].metric(
        "Meters without key",
        f"{counts['without_key']:,}",
        help="Their key is missing or wrong; their frames wait and are decoded when it arrives.",
        border=True,
    )
    cells[3].metric(
        "Open info codes",
        f"{counts['open_info_codes']:,}",
        help="Episodes of priority high or normal that no later reading has ended.",
        border=True,
    )
    cells[4].metric(
        "Performance",
        f"{performance[1]:.1f} %" if performance else "unknown",
        help=f"Meters read on {performance[0]} of those expected." if performance else "No day has been reckoned yet.",
        border=True,
    )
    if days.is_empty():
        st.info("No frames have arrived yet. Deliver some: `meterhouse ingest FILE`.", icon=":material/info:")
        return
    st.subheader("Frames by arrival day")
    st.plotly_chart(charts.outcomes(days), config=charts.CONFIG, key="outcomes")
    st.subheader("Latest files")
    zone = house.settings.timezone
    files = overview.latest_imports(identity.tables(), organisation).with_columns(
        pl.col("landed_at").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d %H:%M %Z")
    )
    st.dataframe(
        files,
        hide_index=True,
        column_config={
            "source_file": "File",
            "landed_at": "Landed",
            "collectors": "Collectors",
            "frames": "Frames",
            "decoded": "Decoded",
            "waiting": st.column_config.NumberColumn("Waiting", help="For a key, a registration, a format or a run."),
            "damaged": st.column_config.NumberColumn("Damaged", help="Corrupt, or encrypted under another key."),
        },
    )
