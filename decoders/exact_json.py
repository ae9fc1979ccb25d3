"""JSON text whose numbers are as exact as the meter's, where the standard library would round them to doubles."""

import json
from decimal import Context, Decimal
from fractions import Fraction

_DIGITS = Context(prec=60)
"""More than any number of a record has: 8 bytes or 18 decimal digits, times a power of ten."""

Number = int | float | Decimal


def exact_number(value: Fraction | Decimal) -> Number:
    """The simplest number that JSON prints without loss.

    Args:
        value: A number as decoded.

    Returns:
        An integer where it is whole, a double where its shortest text is exact, else a decimal.
    """
    if value == int(value):
        return int(value)
    near = float(value)
    if Fraction(repr(near)) == value:
        return near
    numerator, denominator = value.as_integer_ratio()
    return _DIGITS.divide(Decimal(numerator), Decimal(denominator))


def to_json(value: object) -> str:
    """JSON text, with decimals as number literals.

    Args:
        value: Mappings with text keys, lists, texts, numbers, truth values, ``None``.

    Returns:
        One line.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_json(name)}: {to_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_json, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)
