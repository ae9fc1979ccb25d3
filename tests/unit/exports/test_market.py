import polars as pl
import pytest

from exports.errors import ExportError
from exports.market import MarketFormat, coded, joined, written
from tests.unit.exports.export_rows import WATER, rows
from tests.unit.exports.export_rows import written as file_of
from tests.unit.exports.market_rows import adapted, hours, table


def test_row_without_a_text_is_never_lost_silently() -> None:
    assert joined(pl.Series(["a", "b"])) == "ab"
    assert joined(pl.Series([], dtype=pl.String)) == ""
    with pytest.raises(ValueError, match="1 rows have no text"):
        joined(pl.Series(["a", None]))


@pytest.mark.parametrize("name", ["espi", "meter-readings"])
def test_consumption_without_its_period_is_no_file(name: str) -> None:
    sent = table(hours(WATER, ["1", "2"])).with_columns(period_end=pl.lit(None, pl.Datetime("us", "UTC")))
    with pytest.raises(ValueError, match="have no text"):
        file_of(adapted(name, content="hourly"), sent)


def test_template_takes_columns_by_name() -> None:
    frame = pl.DataFrame({"code": ["220", None], "count": [1, 2]})
    assert frame.select(written("<{code}:{count}>")).to_series().to_list() == ["<220:1>", None]


def test_code_of_letter_and_method_goes_before_that_of_the_letter() -> None:
    given = rows({**WATER, "quality": "I", "method": "LIN"}, {**WATER, "quality": "I"}, {**WATER, "quality": "N"})
    codes = {"I": "8", "I:LIN": "9"}

    def found(**settings: object) -> list[str | None]:
        form = MarketFormat.model_validate({"layout": "any", "title": "t", "file_name": "f", **settings})
        return given.select(coded(form, codes)).to_series().to_list()

    assert found() == ["9", "8", None]
    assert found(qualities={"I": "1"}) == ["1", "1", None]
    assert found(qualities={"I:LIN": "2", "N": "0"}) == ["2", "8", "0"]


@pytest.mark.parametrize("variable", ["customer_number", "address", "value", "nothing"])
def test_identifier_is_no_number_and_tells_nothing_of_people(variable: str) -> None:
    with pytest.raises(ExportError, match="no text of a meter or metering point"):
        adapted("svef", series=variable)


def test_settings_by_register_name_registers() -> None:
    with pytest.raises(ExportError, match="there is no register 'volume'"):
        adapted("mscons", obis={"volume": "8-0:1.0.0"})
