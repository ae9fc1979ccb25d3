"""Figures drawn from frames."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import plotly.graph_objects as go
import polars as pl
import pytest

from dashboards import looks
from dashboards.charts.consumption import consumption
from dashboards.charts.outcomes import outcomes
from dashboards.charts.stacks import beside, divided
from dashboards.words import words_in
from warehouse.queries.consumption import Interval
from warehouse.schemas import INSTANT, REGISTER

SAY = words_in("en", "Europe/Copenhagen")
NIGHT = datetime(2025, 10, 25, 22, tzinfo=UTC)  # local midnight before the clock is put back
EVENTS = pl.DataFrame(
    schema={
        "at": INSTANT,
        "kind": pl.String,
        "metering_point": pl.String,
        "meter_id": pl.String,
        "before": REGISTER,
        "after": REGISTER,
        "correction": REGISTER,
    }
)
CODES = pl.DataFrame(
    schema={
        "code": pl.String,
        "priority": pl.String,
        "metering_point": pl.String,
        "meter_id": pl.String,
        "first_seen": INSTANT,
        "last_seen": INSTANT,
        "cleared_at": INSTANT,
        "days_active_30": pl.Int32,
    }
)


def hours(*values: tuple[str | None, str]) -> pl.DataFrame:
    starts = [NIGHT + timedelta(hours=number) for number in range(len(values))]
    return pl.DataFrame(
        {
            "period_start": starts,
            "period_end": [start + timedelta(hours=1) for start in starts],
            "consumption": [None if value is None else Decimal(value) for value, _ in values],
            "unit": ["m3"] * len(values),
            "quality": [quality for _, quality in values],
        },
        schema_overrides={"period_start": INSTANT, "period_end": INSTANT, "consumption": REGISTER},
    )


def draw(
    figures: pl.DataFrame,
    interval: Interval = "hourly",
    events: pl.DataFrame = EVENTS,
    codes: pl.DataFrame = CODES,
) -> go.Figure:
    return consumption(figures, interval=interval, title="Volume (m³)", events=events, info_codes=codes, say=SAY)


def test_one_trace_per_quality_told_apart_by_pattern() -> None:
    figure = draw(hours(("1.5", "M"), ("2", "I"), ("0.25", "M"), (None, "N")))

    measured, interpolated, missing = figure.data
    assert (measured.name, list(measured.y)) == ("measured", [1.5, 0.25])
    assert (interpolated.name, list(interpolated.y)) == ("interpolated", [2.0])
    assert measured.marker.pattern.shape != interpolated.marker.pattern.shape
    assert (missing.name, list(missing.y)) == ("missing", [0])
    assert len({SAY(f"quality.{letter}") for letter in looks.QUALITY}) == len(looks.QUALITY)
    assert figure.layout.separators == ".,"


def test_the_two_hours_of_the_autumn_change_stand_apart() -> None:
    figure = draw(hours(*(("1", "M") for _ in range(5))))

    (bars,) = figure.data
    assert len(set(bars.x)) == 5
    assert [said[0].split(" ", 4)[4] for said in bars.customdata[2:4]] == ["02:00 CEST", "02:00 CET"]
    assert list(figure.layout.xaxis.ticktext) == ["00:00<br>26 Oct", "03:00"]


def test_day_of_the_change_keeps_its_calendar_width() -> None:
    day = pl.DataFrame(
        {
            "period_start": [NIGHT],
            "period_end": [NIGHT + timedelta(hours=25)],
            "consumption": [Decimal(7)],
            "unit": ["m3"],
            "quality": ["M"],
        },
        schema_overrides={"period_start": INSTANT, "period_end": INSTANT, "consumption": REGISTER},
    )

    (bar,) = draw(day, "daily").data

    assert bar.x[0] == datetime(2025, 10, 26)  # noqa: DTZ001  places on the axis have no zone
    assert bar.width[0] + 2 * bar.offset[0] == pytest.approx(86_400_000)
    assert tuple(bar.customdata[0]) == ("Sun 26 Oct 2025", "7 m³", "2025-10-26")


def test_markers_say_what_happened() -> None:
    events = pl.DataFrame(
        [
            (NIGHT, "EXCHANGE", "P-1", "KAM-1", Decimal("57.5"), Decimal(0), Decimal("57.5")),
            (NIGHT, "UNEXPLAINED_FALL", "P-1", "KAM-1", Decimal(9), Decimal(2), None),
        ],
        schema=EVENTS.schema,
        orient="row",
    )

    figure = draw(hours(("4", "M")), events=events)

    _, exchange, fall = figure.data
    assert exchange.name == "meter exchange"
    assert exchange.text[0] == "<b>meter exchange</b><br>26 Oct 2025 00:00 CEST<br>P-1 · KAM-1<br>register 57.5 → 0"
    assert exchange.y[0] > 4
    assert fall.name == "unexplained fall"
    assert fall.text[0].endswith("register 9 → 2<br>consumption across it is unknown")


def test_info_codes_are_cut_to_the_time_shown() -> None:
    codes = pl.DataFrame(
        [
            ("LEAK", "high", "P-1", "KAM-1", NIGHT - timedelta(days=3), NIGHT + timedelta(hours=9), None, 4),
            ("DRY", "normal", "P-1", "KAM-1", NIGHT, NIGHT, NIGHT + timedelta(hours=1), 1),
        ],
        schema=CODES.schema,
        orient="row",
    )

    figure = draw(hours(("4", "M"), ("4", "M")), codes=codes)

    leak, dry = figure.data[1:]
    assert (list(leak.y), list(leak.x)) == (["LEAK"], [2 * 3_600_000])
    assert (list(dry.y), list(dry.x)) == (["DRY"], [3_600_000])
    assert "still active" in leak.text[0]
    assert "cleared 26 Oct 2025 01:00 CEST" in dry.text[0]


def test_sum_of_points_says_how_many_are_missing() -> None:
    total = hours(("4", "M"), ("4", "M")).with_columns(points=pl.lit(20), missing=pl.Series([0, 3]))

    (bars,) = draw(total).data

    assert [said[1] for said in bars.customdata] == ["4 m³", "4 m³<br>3 of 20 points without a value"]


def test_outcomes_stack_with_the_decoded_at_the_bottom() -> None:
    days = pl.DataFrame(
        {"landed_day": [NIGHT.date()] * 3, "outcome": ["corrupt", "decoded", "novel"], "frames": [1, 2, 3]}
    )

    assert [trace.name for trace in outcomes(days, SAY).data] == ["decoded", "corrupt", "novel"]


def tariffs(figures: pl.DataFrame, *rows: tuple[int, str, str | None, str | None]) -> pl.DataFrame:
    """Tariffs of figures: number of the hour, tariff, consumption, reason."""
    return pl.DataFrame(
        {
            "period_start": [figures["period_start"][hour] for hour, *_ in rows],
            "period_end": [figures["period_end"][hour] for hour, *_ in rows],
            "tariff": [tariff for _, tariff, _, _ in rows],
            "consumption": [None if value is None else Decimal(value) for _, _, value, _ in rows],
            "reason": [reason for *_, reason in rows],
        },
        schema={
            **{name: figures.schema[name] for name in ("period_start", "period_end")},
            "tariff": pl.String,
            "consumption": REGISTER,
            "reason": pl.String,
        },
    )


def test_tariffs_divide_what_they_are_known_of() -> None:
    figures = hours(("3", "M"), ("4", "I"), ("5", "M"), (None, "N"), (None, "N"))
    found = tariffs(
        figures,
        *((0, "1", "1", None), (0, "2", "2", None), (0, "other", "0", None)),
        *((1, "1", "1", None), (1, "2", "3", None), (1, "other", None, None)),
        *((2, "1", "1", None), (2, "2", None, "fall"), (2, "other", None, None)),
        *((3, "1", "1", None), (3, "2", "1", None), (3, "other", None, None)),
        *((4, "1", None, "missing"), (4, "2", None, "missing"), (4, "other", None, None)),
    )
    told = divided(figures, found).select("tariff", "consumption", "quality", "reason").rows()
    assert told == [
        *(("1", 1, "M", None), ("2", 2, "M", None), ("other", 0, "M", None)),
        *(("1", 1, "I", None), ("2", 3, "I", None)),
        ("undivided", 5, "M", "fall"),
        *(("1", 1, "A", None), ("2", 1, "A", None)),
        ("undivided", None, "N", "missing"),
    ]
    wide = beside(figures, found)
    assert wide.columns[-4:] == ["tariff_1", "tariff_2", "tariff_other", "tariff_reason"]
    assert wide["tariff_2"].to_list() == [2, 3, None, 1, None]
    assert wide["tariff_reason"].to_list() == [None, None, "fall", None, "missing"]
    assert wide["consumption"].to_list() == figures["consumption"].to_list()
    # Of some figures, as of who moved in later, nothing of the others is told.
    later = figures.tail(2)
    assert divided(later, found)["period_start"].unique().to_list() == later["period_start"].to_list()
    assert beside(later, found).height == 2


def test_periods_of_which_no_tariff_was_read_stay_whole() -> None:
    figures = hours(("3", "M"), (None, "N"))
    assert divided(figures, tariffs(figures))["tariff"].to_list() == ["undivided"] * 2
    assert beside(figures, tariffs(figures))["consumption"].to_list() == [3, None]


def test_tariffs_are_told_with_unit_and_reason() -> None:
    figures = hours(("3", "M"), ("5", "M"))
    found = tariffs(figures, (0, "1", "1", None), (0, "2", "2", None), (1, "1", "1", None), (1, "2", None, "exchange"))
    first, second, whole = draw(divided(figures, found)).data
    assert [trace.name for trace in (first, second, whole)] == ["T1: measured", "T2: measured", "Not divided: measured"]
    assert (second.base[0], second.y[0], second.customdata[0][1]) == (1, 2, "2 m³")
    assert (whole.y[0], whole.customdata[0][1]) == (5, "5 m³<br>meter exchange")


@pytest.mark.parametrize("tariff", ["1", "2", "3", "4", "5", "other", "undivided"])
@pytest.mark.parametrize("ground", ["#ffffff", "#171614"])
def test_colours_of_tariffs_stand_out_from_the_ground(tariff: str, ground: str) -> None:
    """By at least 3 to 1, as graphics have to (WCAG 2.1, 1.4.11)."""
    light, dark = sorted((luminance(looks.tariff_colour(tariff)), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_colours_of_tariffs_differ_and_begin_anew() -> None:
    names = ["1", "2", "3", "4", "5", "other", "undivided"]
    assert len({looks.tariff_colour(name) for name in names}) == len(names)
    assert looks.tariff_colour("6") == looks.tariff_colour("1")
