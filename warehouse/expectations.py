"""What every table is expected to hold, derived from its declaration and from the catalogue of validation rules.

The expectations are plain data, in the names of Great Expectations, which :mod:`assets.steps.expecting` runs.
"""

from dataclasses import dataclass, field

from warehouse.policies import ValidationPolicy
from warehouse.schemas import READINGS, Table
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.validation.registers import RANGES


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation.

    Attributes:
        kind: Name of its class in Great Expectations.
        settings: What the class takes.
        meaning: One sentence for auditors.
    """

    kind: str
    settings: dict[str, object]
    meaning: str


@dataclass(frozen=True, slots=True)
class Suite:
    """What a table is expected to hold.

    Attributes:
        table: Its name.
        rows: Expectations about its rows.
        types: Name of the type of each column.
        excused: By column the rules whose exceptions excuse a value: somebody knows of it.
    """

    table: str
    rows: tuple[Expected, ...]
    types: dict[str, str]
    excused: dict[str, str] = field(default_factory=dict)


def suite_of(table: Table, policy: ValidationPolicy) -> Suite:
    """Derives a table's suite: columns, types, nulls, key, vocabularies, ranges.

    Args:
        table: The table.
        policy: Its ranges are those of V17, its registers not below zero by V13.

    Returns:
        The suite.
    """
    names = [column.name for column in table.columns]
    rows = [
        Expected(
            "ExpectTableColumnsToMatchSet", {"column_set": names, "exact_match": True}, "It has the declared columns."
        ),
        Expected(
            "ExpectCompoundColumnsToBeUnique", {"column_list": list(table.key)}, f"Its key is {', '.join(table.key)}."
        )
        if len(table.key) > 1
        else Expected("ExpectColumnValuesToBeUnique", {"column": table.key[0]}, f"Its key is {table.key[0]}."),
    ]
    for column in table.columns:
        if not column.nullable:
            rows.append(
                Expected("ExpectColumnValuesToNotBeNull", {"column": column.name}, f"{column.name} is never missing.")
            )
        if column.values:
            known = ", ".join(column.values)
            rows.append(
                Expected(
                    "ExpectColumnValuesToBeInSet",
                    {"column": column.name, "value_set": list(column.values)},
                    f"{column.name} is one of {known}.",
                )
            )
    excused = {}
    if table is READINGS:
        ranges = _ranges(policy)
        rows += [one for one, _ in ranges]
        excused = {str(one.settings["column"]): rule for one, rule in ranges}
    return Suite(table.name, tuple(rows), {name: str(dtype) for name, dtype in table.schema.items()}, excused)


def _ranges(policy: ValidationPolicy) -> list[tuple[Expected, str]]:
    """Ranges of registers and gauges with the rule each comes from; of rules that are off there are none."""
    found = []
    if policy.rules["V13"].enabled:
        found += [(_between(name, 0.0, None, "V13"), "V13") for name in CUMULATIVE]
    if policy.rules["V17"].enabled:
        values = policy.rules["V17"].parameters
        for name, (low, high) in RANGES.items():
            least = values[low] if low else -values[high]
            found.append((_between(name, least, values[high], "V17"), "V17"))
    return found


def _between(column: str, low: float, high: float | None, rule: str) -> Expected:
    limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
    return Expected(
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": low, "max_value": high},
        f"Of installed meters {column} is {limits}, or {rule} has an exception about it.",
    )
