"""Results as file bytes."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from warehouse.published import FORMATS, render

AT = datetime(2026, 3, 29, 1, tzinfo=UTC)
FRAME = pl.DataFrame(
    {
        "volume_m3": [Decimal("0.000001"), Decimal("123456789012.345678"), None],
        "at": [AT, AT.replace(microsecond=1500), None],
        "local": [AT, None, None],
        "device_time": [datetime(2026, 3, 29, 1), None, None],  # noqa: DTZ001  a meter's clock has no zone
        "day": [date(2026, 3, 29)] * 3,
        "power_kw": [0.5, float("nan"), None],
        "text": ["plain", 'a,"b"\nc', None],
        "frame": [b"\x00\xff", b"", None],
        "list": [[1], [], None],
    },
    schema_overrides={
        "volume_m3": pl.Decimal(18, 6),
        "at": pl.Datetime("us", "UTC"),
        "local": pl.Datetime("us", "Europe/Copenhagen"),
    },
)


def test_csv_is_exact_and_leaves_nulls_empty() -> None:
    lines = render(FRAME, "csv").decode().split("\n", 2)

    assert lines[0] == "volume_m3,at,local,device_time,day,power_kw,text,frame,list"
    assert lines[1] == (
        "0.000001,2026-03-29T01:00:00Z,2026-03-29T03:00:00+02:00,2026-03-29T01:00:00,2026-03-29,0.5,plain,00ff,[1]"
    )
    assert lines[2] == (
        '123456789012.345678,2026-03-29T01:00:00.001500Z,,,2026-03-29,NaN,"a,""b""\nc","",[]\n,,,,2026-03-29,,,,\n'
    )


def test_json_holds_the_same_values() -> None:
    first, second, third = json.loads(render(FRAME, "json"), parse_float=Decimal)

    assert first["volume_m3"] == Decimal("0.000001")
    assert first["at"] == "2026-03-29T01:00:00Z"
    assert first["frame"] == "00ff"
    assert first["list"] == [1]
    assert second["volume_m3"] == Decimal("123456789012.345678")
    assert second["text"] == 'a,"b"\nc'
    assert second["power_kw"] is None
    assert set(third.values()) == {None, "2026-03-29"}


def test_table_lines_up() -> None:
    lines = render(FRAME.select("volume_m3", "text"), "table").decode().splitlines()

    assert lines == [
        "          volume_m3  text",
        "-------------------  --------",
        "           0.000001  plain",
        '123456789012.345678  a,"b"\\nc',
        "               NULL  NULL",
    ]


def test_parquet_reads_back() -> None:
    assert pl.read_parquet(io.BytesIO(render(FRAME, "parquet"))).equals(FRAME)


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows_and_no_columns(form: str) -> None:
    assert render(FRAME.clear(), form)  # type: ignore[arg-type]
    assert render(pl.DataFrame(), form)  # type: ignore[arg-type]


def test_other_format_is_refused() -> None:
    with pytest.raises(ValueError, match="'xlsx' is no format"):
        render(FRAME, "xlsx")  # type: ignore[arg-type]
