"""The page about formats: it knows every variable and every setting."""

import pytest

from exports.columns import OWN, kind_of
from exports.formats import read_format
from exports.layouts import LAYOUTS
from exports.variables import VARIABLES
from tests.conftest import REPOSITORY
from tests.unit.exports.export_rows import readings, written

PAGE = (REPOSITORY / "docs" / "exports.md").read_text(encoding="utf-8")


def test_table_of_variables_is_that_of_the_code() -> None:
    table = [line for line in PAGE.split("## Variables")[1].splitlines() if line.startswith("| `")]
    assert table == [
        f"| `{known.name}` | {kind_of(known.name)} | {'yes' if known.is_personal else ''} | {known.meaning} |"
        for known in VARIABLES
    ]
    assert all(f"`{name}`" in PAGE for name in OWN)


@pytest.mark.parametrize("name", ["delimited", "fixed_width", "parquet"])
def test_every_setting_is_told(name: str) -> None:
    settings = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    told = {setting for cell in settings for setting in cell.replace("`", "").replace(",", " ").split()}
    model = LAYOUTS[name].model
    assert set(model.model_fields) - {"columns"} <= told
    if name != "parquet":
        (column,) = model.model_fields["columns"].annotation.__args__[:1]  # type: ignore[union-attr]
        column = getattr(column, "__origin__", column)
        assert {field.alias or own for own, field in column.model_fields.items()} <= told


def test_example_is_a_format() -> None:
    example = PAGE.split("```yaml\n")[1].split("```")[0]
    content = written(read_format(example, "example"), readings().filter(register="energy_kwh")).decode("cp1252")
    assert content.splitlines() == [
        "# Northtown Water, 25.10.2026 to 26.10.2026",
        "serial;MWh;quality;field:Pipe;",
        "91234568;98,765;220;unknown;X",
        "91234568;98,766;220;unknown;X",
        "# 2 rows, 197,531 MWh of heat",
    ]
