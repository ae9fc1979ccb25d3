"""When something was done, as people say it: a local day and time."""

from datetime import datetime

import streamlit as st

from dashboards.installation import installation
from dashboards.words import Words
from registry.imports.instants import read_instant


def local_time(say: Words, *, key: str) -> str:
    """Draws the choice of a local day and time; at first now.

    Args:
        say: Who reads it.
        key: Unique on the page.

    Returns:
        ``2026-01-31T12:00``; empty where a part is missing.
    """
    now = datetime.now(say.zone).replace(second=0, microsecond=0)
    left, right = st.columns(2)
    day = left.date_input(say("meter.day", zone=say.zone.key), now.date(), key=f"{key}_day", format="YYYY-MM-DD")
    clock = right.time_input(say("meter.time", zone=say.zone.key), now.time(), key=f"{key}_time", step=60)
    return f"{day:%Y-%m-%d}T{clock:%H:%M}" if day and clock else ""


def instant_of(text: str) -> datetime:
    """The instant of a local time.

    Raises:
        RegistryError: It is none, or one that the change of the clock skips or repeats.
    """
    return read_instant(text, installation().settings.zone)
