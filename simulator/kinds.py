"""The meter kinds of a simulated fleet: layouts, security and the resolution of their registers.

The Kamstrup layouts follow compact formats that are known (A8ED, B34D) or that a reader must learn from a full frame;
the others are plain OMS layouts.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from simulator.records import Field

HEAT = "heat"
WATER = "water"
ELECTRICITY = "electricity"

_BCD8 = 10**8


@dataclass(frozen=True, slots=True)
class Register:
    """A cumulative register of a kind.

    Attributes:
        column: Canonical column, e.g. ``volume_m3``.
        resolution: Base units per count.
        capacity: Counts at which the register starts again from 0; None where the telegram does not tell the digits.
    """

    column: str
    resolution: Decimal
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """Meters that send alike.

    Attributes:
        name: Short name.
        manufacturer: Three letters.
        version: Two hex digits.
        device_type: Two hex digits.
        medium: ``water``, ``heat`` or ``electricity``.
        model: Model name.
        security: ``ell`` (link layer AES-CTR, full and compact frames), ``mode5`` or ``plain``.
        layout: Records in order.
        registers: Cumulative registers by value name (``volume``, ``energy``, ``e8``, ``e9``, ``energy_import``,
            ``energy_export``).
        radio: Address of a radio module that sends for the meter, which then has a long transport header.
        info: Which info code word the layout carries, if any.
        rests: Whether nobody uses anything from one to six at night.
    """

    name: str
    manufacturer: str
    version: str
    device_type: str
    medium: str
    model: str
    security: Literal["ell", "mode5", "plain"]
    layout: tuple[Field, ...]
    registers: dict[str, Register]
    radio: tuple[str, str, str] | None = None
    info: Literal["water_16bit", "heat_32bit"] | None = None
    rests: bool = False


def _volume(resolution: str = "0.001", capacity: int | None = None) -> Register:
    return Register("volume_m3", Decimal(resolution), capacity)


def _heat(volume: str, weighted: str) -> dict[str, Register]:
    """Registers of a Kamstrup heat meter; E8 and E9 count in steps that depend on the volume's resolution."""
    return {
        "volume": _volume(volume),
        "energy": Register("energy_kwh", Decimal(1)),
        "e8": Register("volume_temp_flow_m3c", Decimal(weighted)),
        "e9": Register("volume_temp_return_m3c", Decimal(weighted)),
    }


_WATER_HEAD = (Field("02FF20", 2, "info"), Field("0413", 4, "volume"), Field("4413", 4, "volume_month"))
_WATER_TAIL = (Field("615B", 1, "water_temp"), Field("6167", 1, "ambient_temp"))
_MONTH_DATE = Field("426C", 2, "month_date")
_CLOCK = Field("046D", 4, "clock")
_TEMPERATURES = (Field("0259", 2, "t1"), Field("025D", 2, "t2"))

KINDS = (
    Kind(
        name="water",
        manufacturer="KAM",
        version="1b",
        device_type="16",
        medium=WATER,
        model="flowIQ 2100",
        security="ell",
        layout=(*_WATER_HEAD, *_WATER_TAIL),
        registers={"volume": _volume()},
        info="water_16bit",
    ),
    Kind(
        name="water_dated",
        manufacturer="KAM",
        version="1b",
        device_type="16",
        medium=WATER,
        model="MULTICAL 21",
        security="ell",
        layout=(*_WATER_HEAD, _MONTH_DATE, *_WATER_TAIL),
        registers={"volume": _volume()},
        info="water_16bit",
    ),
    Kind(
        name="heat_inlet",
        manufacturer="KAM",
        version="34",
        device_type="0c",
        medium=HEAT,
        model="MULTICAL 403",
        security="ell",
        layout=(
            Field("0406", 4, "energy"),
            Field("04FF07", 4, "e8"),
            Field("04FF08", 4, "e9"),
            Field("0414", 4, "volume"),
            Field("043B", 4, "flow"),
            *_TEMPERATURES,
            Field("04FF22", 4, "info"),
            Field("026C", 2, "today"),
            Field("4406", 4, "energy_month"),
            Field("4414", 4, "volume_month"),
            _MONTH_DATE,
        ),
        registers=_heat("0.01", "1"),
        info="heat_32bit",
    ),
    Kind(
        name="heat_outlet",
        manufacturer="KAM",
        version="34",
        device_type="04",
        medium=HEAT,
        model="MULTICAL 403",
        security="ell",
        layout=(
            Field("0406", 4, "energy"),
            Field("04FF07", 4, "e8"),
            Field("04FF08", 4, "e9"),
            Field("0414", 4, "volume"),
            Field("042D", 4, "power_hectowatt"),
            Field("043B", 4, "flow"),
            *_TEMPERATURES,
            Field("04FF22", 4, "info"),
        ),
        registers=_heat("0.01", "1"),
        info="heat_32bit",
    ),
    Kind(
        name="heat_older",
        manufacturer="KAM",
        version="19",
        device_type="04",
        medium=HEAT,
        model="MULTICAL 402",
        security="ell",
        layout=(
            Field("0406", 4, "energy"),
            Field("04FF07", 4, "e8"),
            Field("04FF08", 4, "e9"),
            Field("0415", 4, "volume"),
            Field("02FD17", 2, "zero"),
            Field("043B", 4, "flow"),
            *_TEMPERATURES,
        ),
        registers=_heat("0.1", "10"),
    ),
    Kind(
        name="oms_water",
        manufacturer="AXI",
        version="10",
        device_type="07",
        medium=WATER,
        model="Q400",
        security="mode5",
        layout=(_CLOCK, Field("0413", 4, "volume"), Field("446D", 4, "month_clock"), Field("4413", 4, "volume_month")),
        registers={"volume": _volume()},
    ),
    Kind(
        name="oms_water_bcd",
        manufacturer="ITW",
        version="33",
        device_type="07",
        medium=WATER,
        model="water meter with radio module",
        security="mode5",
        layout=(
            _CLOCK,
            Field("0C13", 4, "volume", "bcd"),
            Field("0B3B", 3, "flow", "bcd"),
            Field("4C13", 4, "volume_month", "bcd"),
            _MONTH_DATE,
        ),
        registers={"volume": _volume(capacity=_BCD8)},
        radio=("ITW", "00", "37"),
    ),
    Kind(
        name="oms_heat",
        manufacturer="DME",
        version="41",
        device_type="04",
        medium=HEAT,
        model="SHARKY 774",
        security="mode5",
        layout=(
            Field("0C06", 4, "energy", "bcd"),
            Field("0C13", 4, "volume", "bcd"),
            Field("0B3B", 3, "flow", "bcd"),
            Field("0C2B", 4, "power_watt", "bcd"),
            Field("0A5A", 2, "t1_tenths", "bcd"),
            Field("0A5E", 2, "t2_tenths", "bcd"),
            _CLOCK,
        ),
        registers={
            "volume": _volume(capacity=_BCD8),
            "energy": Register("energy_kwh", Decimal(1), _BCD8),
        },
    ),
    Kind(
        name="plain_water",
        manufacturer="EFE",
        version="03",
        device_type="07",
        medium=WATER,
        model="WaterStar M",
        security="plain",
        layout=(_CLOCK, Field("0C13", 4, "volume", "bcd"), Field("02FD17", 2, "zero")),
        registers={"volume": _volume(capacity=_BCD8)},
    ),
    Kind(
        name="water_quiet",
        manufacturer="EFE",
        version="05",
        device_type="07",
        medium=WATER,
        model="WaterStar M",
        security="plain",
        layout=(_CLOCK, Field("0C13", 4, "volume", "bcd"), Field("02FD17", 2, "zero")),
        registers={"volume": _volume(capacity=_BCD8)},
        rests=True,
    ),
    Kind(
        name="water_coarse",
        manufacturer="EFE",
        version="04",
        device_type="07",
        medium=WATER,
        model="WaterStar M with a pulse adapter",
        security="plain",
        layout=(_CLOCK, Field("0C14", 4, "volume", "bcd"), Field("02FD17", 2, "zero")),
        registers={"volume": _volume("0.01", _BCD8)},
        rests=True,
    ),
    Kind(
        name="electricity",
        manufacturer="KAM",
        version="30",
        device_type="02",
        medium=ELECTRICITY,
        model="OMNIPOWER",
        security="ell",
        # VIFE 3C: the amount of what is counted where it is negative, that is, what is fed in. DIFE 10 and 20: tariffs.
        layout=(
            Field("0404", 4, "energy_import"),
            Field("841004", 4, "energy_import_1"),
            Field("842004", 4, "energy_import_2"),
            Field("04843C", 4, "energy_export"),
            Field("042B", 4, "power_import"),
            Field("04AB3C", 4, "power_export"),
        ),
        registers={
            "energy_import": Register("energy_import_kwh", Decimal("0.01")),
            "energy_export": Register("energy_export_kwh", Decimal("0.01")),
        },
    ),
)

SHARES = (
    *("water", "heat_inlet", "oms_water", "water_dated", "heat_outlet", "water", "oms_water_bcd", "water_dated"),
    *("heat_older", "water", "oms_heat", "water", "plain_water", "water_dated", "heat_inlet", "water", "oms_water"),
    *("water_dated", "heat_outlet", "water"),
)
"""Kinds of twenty meters in a row; a small fleet has most kinds, too."""

TRICKLING = ("water_quiet", "water_coarse", "water_coarse")
"""Kinds of the meters of a fleet with trickles; the last one is sound."""

BY_NAME = {kind.name: kind for kind in KINDS}

REPACKAGED = {"water": BY_NAME["water_dated"].layout}
"""The package that meters of a kind send once they are set to another one: these then tell the date of the month."""
