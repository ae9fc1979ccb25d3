"""Texts with places for facts: names of files, and lines before and after the rows.

A place is ``{name}`` or ``{name:form}``. The form of an instant is that of ``strftime``; of a whole number its width
(``{rows:08}`` with zeros in front, ``{rows:8}`` with blanks); of a sum width and decimals (``{sum.volume_m3:015.3}``,
both optional); of a text its width, filled with blanks. Braces that are none of this are doubled.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from string import Formatter
from zoneinfo import ZoneInfo

from exports.facts import Facts

Value = str | int | Decimal | datetime

SPECIMEN = Facts(
    job="job",
    organisation="organisation",
    zone=ZoneInfo("UTC"),
    period_from=datetime(2026, 1, 1, tzinfo=UTC),
    period_to=datetime(2026, 1, 2, tzinfo=UTC),
    as_of=datetime(2026, 1, 2, 6, tzinfo=UTC),
    seq=1,
    revision=1,
    version="1",
)
"""Facts of no file, to try templates with."""

_TIME = re.compile(r"(?:%[YymdHMSjGVuz]|[^%])+")
_NUMBER = re.compile(r"(0?)([1-9][0-9]{0,2})?(?:\.([0-9]))?")


def values_of(facts: Facts) -> dict[str, Value]:
    """What places may name in every template: instants as local ones, and in UTC where the name ends so."""
    instants = {"from": facts.period_from, "to": facts.period_to, "now": facts.as_of}
    return {
        "job": facts.job,
        **{name: instant.astimezone(facts.zone) for name, instant in instants.items()},
        **{f"{name}_utc": instant.astimezone(UTC) for name, instant in instants.items()},
        "seq": facts.seq,
        "revision": facts.revision,
    }


def fill(template: str, values: Mapping[str, Value], *, time_form: str, decimal_mark: str = ".") -> str:
    """A template with its places filled.

    Args:
        template: The template.
        values: What places may name.
        time_form: Form of instants whose place has none.
        decimal_mark: Of sums; where their place has fewer decimals they are rounded half away from zero.

    Returns:
        The text.

    Raises:
        ValueError: A place is not understood, or what it names is wider than the place; the message says which.
    """
    filled = ""
    for literal, name, form, conversion in Formatter().parse(template):
        filled += literal
        if name is None:
            continue
        if name not in values or conversion:
            known = dict.fromkeys("sum.<register>" if other.startswith("sum.") else other for other in values)
            raise ValueError(f"there is nothing called {{{name}}} here; there are {', '.join(known)}")
        value = values[name]
        if isinstance(value, datetime):
            filled += _time(value, form or time_form, name)
        elif isinstance(value, str):
            filled += _text(value, form or "", name)
        else:
            filled += _number(value, form or "", name, decimal_mark)
    return filled


def places_of(template: str) -> set[str]:
    """The names of a template's places."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _time(value: datetime, form: str, name: str) -> str:
    if not _TIME.fullmatch(form):
        raise ValueError(f"the form of {{{name}}} is made of %Y %y %m %d %H %M %S %j %G %V %u %z and other characters")
    return value.strftime(form)


def _text(value: str, form: str, name: str) -> str:
    if form and not re.fullmatch("[1-9][0-9]{0,2}", form):
        raise ValueError(f"the form of {{{name}}} is a width such as 20")
    return _fitting(value.ljust(int(form or 0)), form, name)


def _number(value: int | Decimal, form: str, name: str, decimal_mark: str) -> str:
    match = _NUMBER.fullmatch(form)
    if match is None or (match[3] and isinstance(value, int)):
        raise ValueError(f"the form of {{{name}}} is a width such as 8 or 08, of a sum with decimals such as 015.3")
    text = str(value)
    if isinstance(value, Decimal):
        rounded = value.quantize(Decimal(1).scaleb(-int(match[3])), ROUND_HALF_UP) if match[3] else value
        text = f"{rounded:f}".replace(".", decimal_mark)
    width = int(match[2] or 0)
    return _fitting(text.zfill(width) if match[1] else text.rjust(width), match[2] or "", name)


def _fitting(text: str, width: str, name: str) -> str:
    if width and len(text) > int(width):
        raise ValueError(f"{{{name}}} needs {len(text)} characters, its place has {width}")
    return text
