"""The installation that the pages show, opened once per process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

import settings
from registry.errors import RegistryError
from registry.store import Registry
from warehouse.errors import WarehouseError
from warehouse.lake import Lake


@dataclass(frozen=True, slots=True)
class Installation:
    """What the pages read from.

    Attributes:
        settings: Settings of the installation.
        lake: Its tables.
        registry: Who may look at them.
    """

    settings: settings.Settings
    lake: Lake
    registry: Registry


@st.cache_resource(show_spinner=False)
def installation() -> Installation:
    """Opens the installation that ``METERHOUSE_HOME`` names.

    Raises:
        InstallationError: There is none.
        RegistryError: Its registry cannot be opened.
    """
    found = settings.load()
    return Installation(found, Lake(found.lake_path), Registry.open(found.registry_address))


@contextmanager
def explained() -> Iterator[None]:
    """Shows an expected failure as its message instead of a traceback."""
    try:
        yield
    except (settings.InstallationError, RegistryError, WarehouseError) as exc:
        st.error(str(exc), icon=":material/error:")
