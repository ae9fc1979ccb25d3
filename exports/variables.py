"""What a row of an export holds: the variables that formats choose from.

A row is a register of a meter at a metering point: its reading at an instant (content ``readings``), or what it counted
in a local period (the other contents). Texts of people stand in the columns marked so, and nowhere else.
"""

from dataclasses import dataclass

import polars as pl

from warehouse.schemas.table import INSTANT, REGISTER

FIELD_PREFIX = "field:"
"""What the utility's own fields begin with: the variable ``field:Pipe`` is the field ``Pipe``."""

MEMBERS_SEPARATOR = ","
"""Between the info codes of a row."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One column of export rows.

    Attributes:
        name: Column name, and what formats call it.
        dtype: Its type.
        meaning: For the page and the documents.
        is_personal: Whether it tells who somebody is or where they live.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    is_personal: bool = False


VARIABLES = (
    Variable("metering_point", pl.String, "Name of the metering point; null for a meter that is installed nowhere."),
    Variable("role", pl.String, "Role of the metering point."),
    Variable("customer_number", pl.String, "Customer that lived there at the row's instant.", is_personal=True),
    Variable("customer_name", pl.String, "Name of the customer.", is_personal=True),
    Variable("address", pl.String, "Street and number.", is_personal=True),
    Variable("address2", pl.String, "Second line of the address.", is_personal=True),
    Variable("postal_code", pl.String, "Postal code.", is_personal=True),
    Variable("city", pl.String, "City.", is_personal=True),
    Variable("meter_id", pl.String, "Meter: manufacturer, serial, version and device type."),
    Variable("manufacturer", pl.String, "Three letters."),
    Variable("serial", pl.String, "Eight digits as printed on the meter."),
    Variable("meter_number", pl.String, "Number that the utility gave the meter."),
    Variable("model", pl.String, "Model of the meter."),
    Variable("medium", pl.String, "Medium of the meter."),
    Variable("register", pl.String, "Canonical register, such as volume_m3."),
    Variable("consumption_type", pl.String, "The register's short name, such as V1, E1 or A+."),
    Variable(
        "obis", pl.String, "Object identifier of the register (EN 13757-1, IEC 62056-6-1); null where there is none."
    ),
    Variable("unit", pl.String, "Unit of value."),
    Variable("measured_at", INSTANT, "Instant of the reading; null in rows of periods."),
    Variable("period_start", INSTANT, "Start of the local period, inclusive; null in rows of readings."),
    Variable("period_end", INSTANT, "End of the local period, exclusive; null in rows of readings."),
    Variable("value", REGISTER, "Register at measured_at, or consumption of the period; null where it is not known."),
    Variable("quality", pl.String, "Quality letter: M, A, X, F, I, E, R or N."),
    Variable("method", pl.String, "How the value came, such as EXACT or LIN; null of readings that were measured."),
    Variable(
        "info_codes", pl.String, "Info codes active at measured_at, by name, separated by commas; null where none."
    ),
    Variable("source", pl.String, "How the reading came: radio, drive_by, wired, import, manual or logger."),
    Variable("received_at", INSTANT, "Reception of the reading; null in rows of periods."),
    Variable("known_from", INSTANT, "Since when the system holds the row."),
)
"""In the order in which a format lists them that chooses nothing."""

SCHEMA = {variable.name: variable.dtype for variable in VARIABLES}
"""Schema of export rows; the utility's own fields follow as strings."""

ORDER = ("metering_point", "meter_id", "register", "measured_at", "period_start")
"""Order of rows; a piece of them holds whole metering points and meters."""

CONSUMPTION_TYPES = {
    "volume_m3": "V1",
    "energy_kwh": "E1",
    "cooling_energy_kwh": "E3",
    "volume_temp_flow_m3c": "E8",
    "volume_temp_return_m3c": "E9",
    "energy_import_kwh": "A+",
    "energy_export_kwh": "A-",
    "power_import_kw": "P+",
    "power_export_kw": "P-",
    "flow_temp_c": "t1",
    "return_temp_c": "t2",
    "input_a": "In-A",
    "input_b": "In-B",
}
"""Short names that meters print beside their registers, by register; the others are called as their register."""
