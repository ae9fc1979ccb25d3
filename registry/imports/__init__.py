"""Imports of registry files: one module per kind of file, and one for the keys of key files."""

from registry.imports.customers import import_customers
from registry.imports.exchanges import import_exchanges
from registry.imports.keys import import_keys
from registry.imports.meters import import_meters
from registry.imports.readings import parse_readings
from registry.imports.report import ImportMode, ImportReport, KeyReport
from registry.imports.temperatures import parse_temperatures

__all__ = [
    "ImportMode",
    "ImportReport",
    "KeyReport",
    "import_customers",
    "import_exchanges",
    "import_keys",
    "import_meters",
    "parse_readings",
    "parse_temperatures",
]
