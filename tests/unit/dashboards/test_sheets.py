"""Reports of consumption that leave the pages."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from reportlab.graphics.shapes import Rect

from dashboards.sheets.consumption import Shown, consumption_sheet
from dashboards.sheets.pdf import pdf
from dashboards.sheets.sheet import Sheet, html
from dashboards.words import words_in
from registry.places import Resident
from warehouse.schemas import INFO_CODE_EVENTS, INSTANT, REGISTER, REGISTER_EVENTS

SAY = words_in("en", "Europe/Copenhagen")
FIRST = datetime(2025, 9, 30, 22, tzinfo=UTC)
NOW = datetime(2025, 11, 4, 9, tzinfo=UTC)
RESIDENT = Resident("C1001", "Sample <One>", "Sample Street 1, 1000 Sampletown", None)


def _shown(days: int = 10) -> Shown:
    figures = pl.DataFrame(
        {
            "metering_point": ["P-1"] * days,
            "period_start": [FIRST + timedelta(days=day) for day in range(days)],
            "period_end": [FIRST + timedelta(days=day + 1) for day in range(days)],
            "consumption": [None if day == 3 else Decimal(f"1.2{day}") for day in range(days)],
            "unit": ["m3"] * days,
            "quality": ["N" if day == 3 else "E" if day == 4 else "M" for day in range(days)],
            "register_start": [Decimal(day) for day in range(days)],
            "register_end": [Decimal(day + 1) for day in range(days)],
            "register": ["volume_m3"] * days,
        },
        schema_overrides={"period_start": INSTANT, "period_end": INSTANT, "consumption": REGISTER},
    )
    event = {"at": FIRST + timedelta(days=5), "kind": "EXCHANGE", "meter_id": "KAM-10000002-1b-16", "before": 57}
    events = pl.DataFrame([{**event, "after": 0}], schema_overrides=REGISTER_EVENTS.schema)
    codes = pl.DataFrame(schema=INFO_CODE_EVENTS.schema)
    return Shown(
        "P-1",
        figures,
        events,
        codes,
        ("volume_m3",),
        "daily",
        (date(2025, 10, 1), date(2025, 10, 1) + timedelta(days=days - 1)),
    )


def _written(sheet: Sheet | None) -> str:
    assert sheet is not None
    return html(sheet).decode()


def test_report_holds_chart_table_and_the_sum_of_the_chart() -> None:
    shown = _shown()
    sheet = consumption_sheet(shown, RESIDENT, SAY, NOW)
    written = _written(sheet)

    total = shown.figures["consumption"].sum()
    assert f"{total.normalize()}\N{NARROW NO-BREAK SPACE}m³ (9 of 10 periods known)" in written
    assert sheet is not None
    drawn = [shape for shape in sheet.drawing.contents if isinstance(shape, Rect)]
    assert len(drawn) == 9 + 2, "a bar per known period, and two in the legend"
    assert written.count("<tr>") == 2 + 10 + 1
    assert "Sample &lt;One&gt;" in written
    assert "<script" not in written
    assert "http" not in written.replace("http://www.w3.org", "")


def test_pdf_is_written_in_every_language() -> None:
    for language in ("en", "de", "da", "sv", "nb", "fr"):
        sheet = consumption_sheet(_shown(), RESIDENT, words_in(language, "Europe/Copenhagen"), NOW)
        assert sheet is not None
        assert pdf(sheet).startswith(b"%PDF")


def test_nothing_from_before_the_customer_moved_in_is_told() -> None:
    moved_in = FIRST + timedelta(days=6)
    written = _written(consumption_sheet(_shown(), replace(RESIDENT, since=moved_in), SAY, NOW))

    assert "4 of 4 periods known" in written
    assert "Tue 7 Oct 2025" in written
    assert "Mon 6 Oct 2025" not in written
    assert "meter exchange" not in written
    assert "The customer moved in at 7 Oct 2025" in written


def test_customer_who_came_later_gets_nothing() -> None:
    assert consumption_sheet(_shown(), replace(RESIDENT, since=NOW), SAY, NOW) is None


def test_what_is_sent_back_hangs_below_zero() -> None:
    shown = _shown(2)
    figures = pl.concat(
        shown.figures.with_columns(register=pl.lit(name)) for name in ("energy_import_kwh", "energy_export_kwh")
    )
    both = replace(shown, figures=figures, registers=("energy_import_kwh", "energy_export_kwh"))
    sheet = consumption_sheet(both, None, SAY, NOW)

    assert sheet is not None
    names = [name for name, _ in sheet.about]
    assert names[-2:] == ["Total, Energy import", "Total, Energy export"]
    texts = [shape.text for shape in sheet.drawing.contents if hasattr(shape, "text")]
    assert "-1" in texts
    assert "Customer" not in names


@pytest.mark.parametrize("days", [1, 400])
def test_any_number_of_periods_can_be_drawn(days: int) -> None:
    sheet = consumption_sheet(_shown(days), None, SAY, NOW)

    assert sheet is not None
    assert pdf(sheet).startswith(b"%PDF")


def test_tariffs_are_drawn_and_listed() -> None:
    shown = _shown(2)
    tariffs = shown.figures.join(pl.DataFrame({"tariff": ["1", "2"]}), how="cross").select(
        "period_start", "period_end", "tariff", "consumption", reason=pl.lit(None, pl.String)
    )
    sheet = consumption_sheet(replace(shown, tariffs=tariffs), RESIDENT, SAY, NOW)

    written = _written(sheet)
    assert sheet is not None
    assert sheet.parts[0].headings[-2:] == ("T1", "T2")
    assert [row[-2:] for row in sheet.parts[0].rows] == [("1.2", "1.2"), ("1.21", "1.21")]
    drawn = [shape for shape in sheet.drawing.contents if isinstance(shape, Rect)]
    assert len(drawn) == 2 * 2 + 2, "a bar per tariff, and two in the legend"
    assert "T1: measured" in written
    fallen = tariffs.with_columns(reason=pl.when(pl.col("period_start") == FIRST).then(pl.lit("fall")))
    told = consumption_sheet(replace(shown, tariffs=fallen), RESIDENT, SAY, NOW)
    assert "in all of the 2 periods: a register fell back (1)." in _written(told)
    moved_in = replace(RESIDENT, since=FIRST + timedelta(days=1))
    assert "fell back" not in _written(consumption_sheet(replace(shown, tariffs=fallen), moved_in, SAY, NOW))
    later = consumption_sheet(replace(shown, tariffs=tariffs), moved_in, SAY, NOW)
    assert later is not None
    assert [row[-2:] for row in later.parts[0].rows] == [("1.21", "1.21")]
    assert len([shape for shape in later.drawing.contents if isinstance(shape, Rect)]) == 2 + 2
