"""Imports of registry files: one module per predefined profile."""

from registry.imports.customers import import_customers
from registry.imports.exchanges import import_exchanges
from registry.imports.meters import import_meters
from registry.imports.readings import parse_readings
from registry.imports.report import ImportReport

__all__ = ["ImportReport", "import_customers", "import_exchanges", "import_meters", "parse_readings"]
