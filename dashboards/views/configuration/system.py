"""Settings of the installation, which are files, and what is on and why."""

from typing import Any

import polars as pl
import streamlit as st
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from settings.features import FEATURES, why_off

HIDDEN = frozenset({"registry_url", "master_key_command", "features"})
"""Settings that may hold a password, or are shown by themselves."""


def page() -> None:
    """Draws the page."""
    say, known = words(), installation().settings
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    st.markdown(say("system.where", file=str(known.home / "meterhouse.toml")))
    st.subheader(say("system.features"))
    rows = [(say.named("feature", name), why_off(known, name) is None, name) for name in FEATURES]
    types = {"feature": pl.String, "is_on": pl.Boolean, "setting": pl.String}
    table(say, pl.DataFrame(rows, schema=types, orient="row"), key="features", file_name="features", nothing="")
    st.caption(say("system.features_help"))
    st.subheader(say("system.settings"))
    frame = pl.DataFrame(told(known), schema=["setting", "value", "is_default"], orient="row")
    table(say, frame, key="settings", file_name="settings", nothing="")


def told(known: BaseSettings, before: str = "") -> list[tuple[str, str, bool]]:
    """Name, value and whether it is the default of every setting that may be seen."""
    rows: list[tuple[str, str, bool]] = []
    for name, field in type(known).model_fields.items():
        value: Any = getattr(known, name)
        if isinstance(value, BaseSettings):
            rows += told(value, f"{before}{name}.")
        elif isinstance(value, SecretStr):
            rows.append((f"{before}{name}", "***", False))
        elif name not in HIDDEN:
            rows.append((f"{before}{name}", "" if value is None else str(value), value == field.default))
    return rows
