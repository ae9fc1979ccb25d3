"""Columns of the list of meters."""

from sqlalchemy.orm import InstrumentedAttribute

from registry.models import Customer

METER_COLUMNS = {
    "meter_id": "Meter",
    "serial": "Serial number",
    "model": "Meter type",
    "medium": "Consumption type",
    "manufacturer": "Manufacturer",
    "version": "Version",
    "device_type": "Device type",
    "meter_number": "Meter number",
    "state": "State",
    "state_since": "Since",
}
PLACE_COLUMNS = {"metering_point": "Metering point", "installed_at": "Installed"}
CUSTOMER_COLUMNS = {
    "customer_name": "Customer",
    "customer_number": "Customer number",
    "address": "Address",
    "postal_code": "Postal code",
    "city": "City",
}
FILTERED_COLUMNS = {"key_status": "Encryption key", "labels": "Labels"}
"""What a meter may have several of; the list is filtered by them, not sorted."""
READING_COLUMNS = {"read_at": "Latest reading", "reading": "Value", "reading_unit": "Unit"}
"""Time and main register of the latest reading of a meter in use. The lake is asked for them, for the meters of a page
alone: the list is not sorted by them."""

COLUMNS = METER_COLUMNS | PLACE_COLUMNS | CUSTOMER_COLUMNS | FILTERED_COLUMNS | READING_COLUMNS
"""Columns that can be chosen, with the headings that people see; an organisation's own fields come on top."""

STOCK_COLUMNS = ("model", "medium", "serial", "key_status", "meter_number", "manufacturer")
IN_USE_COLUMNS = (
    *("metering_point", "customer_name", "address", "postal_code", "customer_number"),
    *("model", "serial", "labels", *READING_COLUMNS),
)
"""Columns shown at first."""


def customer_column(name: str) -> InstrumentedAttribute[str | None]:
    """What a column of customers shows."""
    column: InstrumentedAttribute[str | None] = getattr(Customer, "name" if name == "customer_name" else name)
    return column
