"""Value information codes (EN 13757-3:2018, tables 10 to 14), seven bits without the extension bit.

Restated from the public tables of libmbus, wmbusmeters, m-bus-parser and jMBus.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VifRow:
    """Codes ``first`` to ``last`` share quantity and unit.

    Attributes:
        first: First code.
        last: Last code.
        quantity: What is measured.
        unit: Unit of the value; ``None`` where there is none.
        exponent: ``value = raw * 10**exponent`` for the first code.
        step: How much the exponent grows from code to code.
    """

    first: int
    last: int
    quantity: str
    unit: str | None
    exponent: int = 0
    step: int = 0

    @property
    def codes(self) -> str:
        """Its codes as the standard writes them, e.g. ``E001 0nnn``: E the extension bit, n the bits that vary."""
        varying = (self.first ^ self.last).bit_length()
        bits = f"E{self.first:07b}"[: 8 - varying] + "n" * varying
        return f"{bits[:4]} {bits[4:]}"


@dataclass(frozen=True, slots=True)
class VifTable:
    """A table of the standard.

    Attributes:
        clause: Where the standard has it.
        rows: Its rows.
    """

    clause: str
    rows: tuple[VifRow, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code stands for.

    Attributes:
        quantity: What is measured.
        unit: Unit of the value; ``None`` where there is none.
        exponent: ``value = raw * 10**exponent``.
        clause: Table and row of the standard; empty where VIFEs have changed what the table says.
    """

    quantity: str
    unit: str | None
    exponent: int
    clause: str = ""


PRIMARY = VifTable(
    "EN 13757-3:2018, table 10, primary VIF",
    (
        VifRow(0x00, 0x07, "energy", "Wh", -3, 1),
        VifRow(0x08, 0x0F, "energy", "J", 0, 1),
        VifRow(0x10, 0x17, "volume", "m3", -6, 1),
        VifRow(0x18, 0x1F, "mass", "kg", -3, 1),
        VifRow(0x20, 0x20, "on_time", "s"),
        VifRow(0x21, 0x21, "on_time", "min"),
        VifRow(0x22, 0x22, "on_time", "h"),
        VifRow(0x23, 0x23, "on_time", "d"),
        VifRow(0x24, 0x24, "operating_time", "s"),
        VifRow(0x25, 0x25, "operating_time", "min"),
        VifRow(0x26, 0x26, "operating_time", "h"),
        VifRow(0x27, 0x27, "operating_time", "d"),
        VifRow(0x28, 0x2F, "power", "W", -3, 1),
        VifRow(0x30, 0x37, "power", "J/h", 0, 1),
        VifRow(0x38, 0x3F, "volume_flow", "m3/h", -6, 1),
        VifRow(0x40, 0x47, "volume_flow", "m3/min", -7, 1),
        VifRow(0x48, 0x4F, "volume_flow", "m3/s", -9, 1),
        VifRow(0x50, 0x57, "mass_flow", "kg/h", -3, 1),
        VifRow(0x58, 0x5B, "flow_temperature", "degC", -3, 1),
        VifRow(0x5C, 0x5F, "return_temperature", "degC", -3, 1),
        VifRow(0x60, 0x63, "temperature_difference", "K", -3, 1),
        VifRow(0x64, 0x67, "external_temperature", "degC", -3, 1),
        VifRow(0x68, 0x6B, "pressure", "bar", -3, 1),
        VifRow(0x6C, 0x6C, "date", None),
        VifRow(0x6D, 0x6D, "datetime", None),
        VifRow(0x6E, 0x6E, "hca_units", "HCA"),
        VifRow(0x70, 0x70, "averaging_duration", "s"),
        VifRow(0x71, 0x71, "averaging_duration", "min"),
        VifRow(0x72, 0x72, "averaging_duration", "h"),
        VifRow(0x73, 0x73, "averaging_duration", "d"),
        VifRow(0x74, 0x74, "actuality_duration", "s"),
        VifRow(0x75, 0x75, "actuality_duration", "min"),
        VifRow(0x76, 0x76, "actuality_duration", "h"),
        VifRow(0x77, 0x77, "actuality_duration", "d"),
        VifRow(0x78, 0x78, "fabrication_number", None),
        VifRow(0x79, 0x79, "enhanced_identification", None),
        VifRow(0x7A, 0x7A, "bus_address", None),
        VifRow(0x7E, 0x7E, "any_vif", None),
    ),
)
EXTENSION_FB = VifTable(
    "EN 13757-3:2018, table 14, first extension FB",
    (
        VifRow(0x00, 0x01, "energy", "MWh", -1, 1),
        VifRow(0x02, 0x03, "reactive_energy", "kvarh", 0, 1),
        VifRow(0x04, 0x05, "apparent_energy", "kVAh", 0, 1),
        VifRow(0x08, 0x09, "energy", "GJ", -1, 1),
        VifRow(0x0C, 0x0F, "energy", "Mcal", -1, 1),
        VifRow(0x10, 0x11, "volume", "m3", 2, 1),
        VifRow(0x14, 0x17, "reactive_power", "kvar", -3, 1),
        VifRow(0x18, 0x19, "mass", "t", 2, 1),
        VifRow(0x1A, 0x1B, "relative_humidity", "%", -1, 1),
        VifRow(0x20, 0x20, "volume", "ft3"),
        VifRow(0x21, 0x21, "volume", "ft3", -1),
        VifRow(0x22, 0x23, "volume", "gal_us", -1, 1),
        VifRow(0x24, 0x24, "volume_flow", "gal_us/min", -3),
        VifRow(0x25, 0x25, "volume_flow", "gal_us/min"),
        VifRow(0x26, 0x26, "volume_flow", "gal_us/h"),
        VifRow(0x28, 0x29, "power", "MW", -1, 1),
        VifRow(0x2A, 0x2A, "phase_voltage_voltage", "deg_0.1"),
        VifRow(0x2B, 0x2B, "phase_voltage_current", "deg_0.1"),
        VifRow(0x2C, 0x2F, "frequency", "Hz", -3, 1),
        VifRow(0x30, 0x31, "power", "GJ/h", -1, 1),
        VifRow(0x34, 0x37, "apparent_power", "kVA", -3, 1),
        VifRow(0x58, 0x5B, "flow_temperature", "degF", -3, 1),
        VifRow(0x5C, 0x5F, "return_temperature", "degF", -3, 1),
        VifRow(0x60, 0x63, "temperature_difference", "degF", -3, 1),
        VifRow(0x64, 0x67, "external_temperature", "degF", -3, 1),
        VifRow(0x68, 0x68, "hca_resulting_rating_factor", None),
        VifRow(0x69, 0x69, "hca_thermal_output_rating_factor", None),
        VifRow(0x6A, 0x6A, "hca_thermal_coupling_rating_factor_overall", None),
        VifRow(0x6B, 0x6B, "hca_thermal_coupling_rating_factor_room", None),
        VifRow(0x6C, 0x6C, "hca_thermal_coupling_rating_factor_heater", None),
        VifRow(0x6D, 0x6D, "hca_low_temperature_rating_factor", None),
        VifRow(0x6E, 0x6E, "hca_display_output_scaling_factor", None),
        VifRow(0x70, 0x73, "temperature_limit", "degF", -3, 1),
        VifRow(0x74, 0x77, "temperature_limit", "degC", -3, 1),
        VifRow(0x78, 0x7F, "cumulative_max_power", "W", -3, 1),
    ),
)
EXTENSION_FD = VifTable(
    "EN 13757-3:2018, table 12, first extension FD",
    (
        VifRow(0x00, 0x03, "credit", "currency", -3, 1),
        VifRow(0x04, 0x07, "debit", "currency", -3, 1),
        VifRow(0x08, 0x08, "access_number", None),
        VifRow(0x09, 0x09, "device_type", None),
        VifRow(0x0A, 0x0A, "manufacturer", None),
        VifRow(0x0B, 0x0B, "parameter_set_identification", None),
        VifRow(0x0C, 0x0C, "model_version", None),
        VifRow(0x0D, 0x0D, "hardware_version", None),
        VifRow(0x0E, 0x0E, "firmware_version", None),
        VifRow(0x0F, 0x0F, "software_version", None),
        VifRow(0x10, 0x10, "customer_location", None),
        VifRow(0x11, 0x11, "customer", None),
        VifRow(0x12, 0x12, "access_code_user", None),
        VifRow(0x13, 0x13, "access_code_operator", None),
        VifRow(0x14, 0x14, "access_code_system_operator", None),
        VifRow(0x15, 0x15, "access_code_developer", None),
        VifRow(0x16, 0x16, "password", None),
        VifRow(0x17, 0x17, "error_flags", None),
        VifRow(0x18, 0x18, "error_mask", None),
        VifRow(0x19, 0x19, "security_key", None),
        VifRow(0x1A, 0x1A, "digital_output", None),
        VifRow(0x1B, 0x1B, "digital_input", None),
        VifRow(0x1C, 0x1C, "baud_rate", "Bd"),
        VifRow(0x1D, 0x1D, "response_delay", "bit_times"),
        VifRow(0x1E, 0x1E, "retry", None),
        VifRow(0x1F, 0x1F, "remote_control", None),
        VifRow(0x20, 0x20, "first_storage_number", None),
        VifRow(0x21, 0x21, "last_storage_number", None),
        VifRow(0x22, 0x22, "storage_block_size", None),
        VifRow(0x23, 0x23, "tariff_subunit_descriptor", None),
        VifRow(0x24, 0x24, "storage_interval", "s"),
        VifRow(0x25, 0x25, "storage_interval", "min"),
        VifRow(0x26, 0x26, "storage_interval", "h"),
        VifRow(0x27, 0x27, "storage_interval", "d"),
        VifRow(0x28, 0x28, "storage_interval", "month"),
        VifRow(0x29, 0x29, "storage_interval", "year"),
        VifRow(0x2A, 0x2A, "operator_specific_data", None),
        VifRow(0x2B, 0x2B, "time_point_second", "s"),
        VifRow(0x2C, 0x2C, "duration_since_readout", "s"),
        VifRow(0x2D, 0x2D, "duration_since_readout", "min"),
        VifRow(0x2E, 0x2E, "duration_since_readout", "h"),
        VifRow(0x2F, 0x2F, "duration_since_readout", "d"),
        VifRow(0x30, 0x30, "tariff_start", None),
        VifRow(0x31, 0x31, "tariff_duration", "min"),
        VifRow(0x32, 0x32, "tariff_duration", "h"),
        VifRow(0x33, 0x33, "tariff_duration", "d"),
        VifRow(0x34, 0x34, "tariff_period", "s"),
        VifRow(0x35, 0x35, "tariff_period", "min"),
        VifRow(0x36, 0x36, "tariff_period", "h"),
        VifRow(0x37, 0x37, "tariff_period", "d"),
        VifRow(0x38, 0x38, "tariff_period", "month"),
        VifRow(0x39, 0x39, "tariff_period", "year"),
        VifRow(0x3A, 0x3A, "dimensionless", None),
        VifRow(0x3B, 0x3B, "wmbus_data_container", None),
        VifRow(0x3C, 0x3C, "nominal_transmission_period", "s"),
        VifRow(0x3D, 0x3D, "nominal_transmission_period", "min"),
        VifRow(0x3E, 0x3E, "nominal_transmission_period", "h"),
        VifRow(0x3F, 0x3F, "nominal_transmission_period", "d"),
        VifRow(0x40, 0x4F, "voltage", "V", -9, 1),
        VifRow(0x50, 0x5F, "current", "A", -12, 1),
        VifRow(0x60, 0x60, "reset_counter", None),
        VifRow(0x61, 0x61, "cumulation_counter", None),
        VifRow(0x62, 0x62, "control_signal", None),
        VifRow(0x63, 0x63, "day_of_week", None),
        VifRow(0x64, 0x64, "week_number", None),
        VifRow(0x65, 0x65, "day_change_time", None),
        VifRow(0x66, 0x66, "parameter_activation_state", None),
        VifRow(0x67, 0x67, "special_supplier_information", None),
        VifRow(0x68, 0x68, "duration_since_cumulation", "h"),
        VifRow(0x69, 0x69, "duration_since_cumulation", "d"),
        VifRow(0x6A, 0x6A, "duration_since_cumulation", "month"),
        VifRow(0x6B, 0x6B, "duration_since_cumulation", "year"),
        VifRow(0x6C, 0x6C, "battery_operating_time", "h"),
        VifRow(0x6D, 0x6D, "battery_operating_time", "d"),
        VifRow(0x6E, 0x6E, "battery_operating_time", "month"),
        VifRow(0x6F, 0x6F, "battery_operating_time", "year"),
        VifRow(0x70, 0x70, "battery_change_datetime", None),
        VifRow(0x71, 0x71, "rf_level", "dBm"),
        VifRow(0x72, 0x72, "daylight_saving", None),
        VifRow(0x73, 0x73, "listening_window", None),
        VifRow(0x74, 0x74, "remaining_battery_lifetime", "d"),
        VifRow(0x75, 0x75, "meter_stop_count", None),
        VifRow(0x76, 0x76, "manufacturer_data_container", None),
    ),
)
EXTENSION_FDFD = VifTable(
    "EN 13757-3:2018, table 13, second extension FD FD",
    (
        VifRow(0x00, 0x00, "selected_application", None),
        VifRow(0x02, 0x02, "remaining_battery_lifetime", "month"),
        VifRow(0x03, 0x03, "remaining_battery_lifetime", "year"),
    ),
)


def _by_code(table: VifTable) -> dict[int, Meaning]:
    return {
        code: Meaning(
            row.quantity, row.unit, row.exponent + row.step * (code - row.first), f"{table.clause}, {row.codes}"
        )
        for row in table.rows
        for code in range(row.first, row.last + 1)
    }


VIF = {
    (): _by_code(PRIMARY),
    (0x7B,): _by_code(EXTENSION_FB),
    (0x7D,): _by_code(EXTENSION_FD),
    (0x7D, 0x7D): _by_code(EXTENSION_FDFD),
}
"""Meaning by the extension codes before it and the code itself."""
