"""The installation that the pages show, opened once per process."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

import settings
from assets.installation import Installation
from connectors.errors import ConnectorError
from exports.errors import ExportError
from registry.errors import RegistryError
from warehouse.errors import WarehouseError

EXPECTED = (settings.InstallationError, RegistryError, WarehouseError, ExportError, ConnectorError)
"""Failures whose text says what is the case and what to do."""


@st.cache_resource(show_spinner=False)
def installation() -> Installation:
    """Opens the installation that ``METERHOUSE_HOME`` names.

    Raises:
        InstallationError: There is none.
        RegistryError: Its registry cannot be opened.
    """
    return Installation(settings.load())


@contextmanager
def explained() -> Iterator[None]:
    """Shows an expected failure as its message instead of a traceback."""
    try:
        yield
    except EXPECTED as exc:
        st.error(str(exc), icon=":material/error:")
