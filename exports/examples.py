"""Constructed rows that show what a format makes of rows: nobody's meters, and nobody lives there."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl

from exports.base import BaseFormat
from exports.facts import Facts
from exports.periods import Period, of_days
from exports.variables import CONSUMPTION_TYPES, SCHEMA
from exports.writing import write
from warehouse.schemas.registers import MAIN_REGISTERS, REGISTERS
from warehouse.transforms import calendar

_DAY, _INSTANT = timedelta(days=1), timedelta(microseconds=1)
_USUAL = ("volume_m3", "energy_kwh")
_MOST_REGISTERS = 3
_SERIAL = 10_000_001
_NAME_CHARACTERS = {"dg10s": 6}
"""How long names of metering points are where a layout says so; else 10."""

_FIRST_VALUE, _STEP = Decimal("1234.5"), Decimal("0.125")
_BY_NAME = {register.name: register for register in REGISTERS}


def example(form: BaseFormat, facts: Facts, most_bytes: int) -> bytes:
    """The beginning of the file that a format makes of constructed rows.

    Args:
        form: The format.
        facts: What the file may say beside its rows; the period is that of the example, before ``as_of``.
        most_bytes: No more of it.

    Returns:
        Bytes of the file from its begin, up to ``most_bytes``.

    Raises:
        ExportError: The rows do not fit the format.
    """
    period = _period(form, facts)
    told = replace(facts, period_from=period.start, period_to=period.end)
    content = bytearray()
    for part in write(form, [rows(form, told)], told):
        content += part
        if len(content) >= most_bytes:
            break
    return bytes(content[:most_bytes])


def rows(form: BaseFormat, facts: Facts) -> pl.DataFrame:
    """Constructed export rows, as the format takes them: a meter for each of up to three registers.

    Args:
        form: The format; its content and registers count.
        facts: Period and instant of the rows.

    Returns:
        :data:`exports.variables.SCHEMA`, in order.
    """
    registers = (form.registers or _USUAL)[:_MOST_REGISTERS]
    found = [row for number, name in enumerate(registers) for row in _of_register(form, facts, name, number)]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in found], SCHEMA)


def _period(form: BaseFormat, facts: Facts) -> Period:
    """The last whole day, month or year, as the content asks for; of readings two days, so that dates differ."""
    today = facts.as_of.astimezone(facts.zone).date()
    if form.content == "monthly":
        last = today.replace(day=1) - _DAY
        return of_days(last.replace(day=1), last, facts.zone)
    if form.content == "yearly":
        last = today.replace(month=1, day=1) - _DAY
        return of_days(last.replace(month=1, day=1), last, facts.zone)
    first = today - (2 if form.content == "readings" else 1) * _DAY
    return of_days(first, today - _DAY, facts.zone)


def _of_register(form: BaseFormat, facts: Facts, name: str, number: int) -> Iterator[dict[str, object]]:
    medium = MAIN_REGISTERS[name][0] if name in MAIN_REGISTERS else "water"
    register = _BY_NAME[name]
    meter: dict[str, object] = {
        "metering_point": f"6{number + 1:0{_NAME_CHARACTERS.get(form.layout, 10) - 1}}",
        "role": "consumption",
        "customer_number": f"C-{number + 1}",
        "customer_name": "Example",
        "address": f"Example Street {number + 1}",
        "postal_code": "1000",
        "city": "Exampletown",
        "meter_id": f"KAM-{_SERIAL + number}-00-00",
        "manufacturer": "KAM",
        "serial": str(_SERIAL + number),
        "medium": medium,
        "register": name,
        "consumption_type": CONSUMPTION_TYPES.get(name, name),
        "obis": dict(register.obis).get(medium),
        "unit": register.unit,
        "quality": "M",
        "known_from": facts.as_of,
    }
    if form.content == "readings":
        for count, at in enumerate(_starts(facts)):
            value = _FIRST_VALUE + count * _STEP
            yield {**meter, "measured_at": at, "received_at": at, "value": value, "source": "radio"}
        return
    ends = [*_starts(facts, hourly=True), facts.period_to] if form.content == "hourly" else None
    for start, end in pairwise(ends or (facts.period_from, facts.period_to)):
        yield {**meter, "period_start": start, "period_end": end, "value": _STEP, "method": "EXACT"}


def _starts(facts: Facts, *, hourly: bool = False) -> list[datetime]:
    """When the local days of the period begin, or their hours, UTC."""
    first, last = (at.astimezone(facts.zone).date() for at in (facts.period_from, facts.period_to - _INSTANT))
    days = calendar.local_days(first, last, facts.zone)
    return [start.astimezone(UTC) for start in (calendar.hours(days) if hourly else days)["start"]]
