"""Rules over readings: each passes and fails."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from decoders.info_codes import BITS
from tests.unit.warehouse.transforms.metering import METER, NEXT_METER, exchanged, figures, installed, layouts
from tests.unit.warehouse.transforms.metering import readings as volume
from tests.unit.warehouse.transforms.validation.rows import (
    ELIMINATED,
    HOUR,
    START,
    UTC_ZONE,
    changed,
    in_place,
    moved,
    of,
    readings,
    severities,
    shipped,
    telling,
)
from warehouse.schemas import GROUP_MEMBERS
from warehouse.transforms.policy import Policy
from warehouse.transforms.validation.clocks import clock_slopes, judge_clocks
from warehouse.transforms.validation.gaps import judge_gaps, judge_silence
from warehouse.transforms.validation.identity import judge_times
from warehouse.transforms.validation.inputs import steps
from warehouse.transforms.validation.registers import (
    judge_codes,
    judge_events,
    judge_gauges,
    judge_inactive,
    judge_steps,
    judge_units,
)
from warehouse.transforms.validation.rules import Rules, Scope, Setting

LIMITS = Policy(expected_interval=HOUR)
_SCOPE = {name: pl.lit(value) for name, value in ELIMINATED.items()}


def wall(hour: int = 0, minute: int = 0) -> datetime:
    """What a meter's clock shows."""
    return (START + timedelta(hours=hour, minutes=minute)).replace(tzinfo=None)


def times(cells: list[dict[str, object]], rules: Rules | None = None, zone: ZoneInfo = UTC_ZONE) -> pl.DataFrame:
    return judge_times(in_place(readings(cells)), rules or shipped(), zone)


def test_v01_a_reading_that_comes_again_is_only_counted() -> None:
    twice = [{"volume_m3": "1", "device_time": wall()}] * 2
    assert of(times(twice), "V01") == [1]
    assert severities(times(twice).filter(pl.col("rule") == "V01")) == ["pass"]
    assert of(times([*twice[:1], {"volume_m3": "1.1", "device_time": wall()}]), "V01") == []


@pytest.mark.parametrize(("minutes", "found"), [(15, []), (16, [0])])
def test_v02_a_reading_from_the_future_is_rejected(minutes: int, found: list[int]) -> None:
    cells = [{"volume_m3": "1", "received_at": START - timedelta(minutes=minutes)}]
    assert of(times(cells), "V02") == found
    assert set(severities(times(cells).filter(pl.col("rule") == "V02"))) <= {"reject"}


def test_v03_readings_older_than_the_installation_or_the_receipt_are_told_once() -> None:
    early = datetime(2023, 12, 30, tzinfo=UTC)
    cells = [{"volume_m3": "1", "measured_at": early + n * HOUR, "source": "import"} for n in range(3)]
    found = times(cells)
    assert found.filter(pl.col("rule") == "V03")["at"].to_list() == [early]
    late = [{"volume_m3": "1", "received_at": START + timedelta(days=days)} for days in (400, 401)]
    assert times([late[0]]).is_empty()
    assert of(times(late), "V03") == [1]


def test_v04_a_wrong_clock_is_noted_by_summer_or_standard_time() -> None:
    zone = ZoneInfo("Europe/Copenhagen")
    cells = [{"volume_m3": "1", "device_time": wall(hour, minute)} for hour, minute in ((2, 1), (2, 0))]
    assert times(cells, zone=zone).is_empty()  # summer time, then standard time
    found = times([{"volume_m3": "1", "device_time": wall(2, 16)}], zone=zone)
    assert of(found, "V04") == [0]
    strict = changed("V04", Setting(severity="reject"))
    wrong = [{"volume_m3": "1", "device_time": wall(n, minute)} for n, minute in enumerate((3, 16))]
    assert severities(times(wrong, strict)) == ["reject"]  # 3 min are a matter of the day


def clocks(drifts: Iterable[float | None], rules: Rules | None = None, judged: int = 99) -> list[tuple[int, str, str]]:
    """Days after the start, kinds and severities of what is found in clocks that drift so day by day."""
    known = [(n, drift) for n, drift in enumerate(drifts) if drift is not None]
    days = pl.DataFrame(
        {
            "day": [START.date() + timedelta(days=n) for n, _ in known],
            "at": [START + timedelta(days=n) for n, _ in known],
            "drift_min": [float(drift) for _, drift in known],
        }
    ).with_columns(pl.lit(METER).alias("meter_id"), medium=pl.lit("water"), **_SCOPE)
    first = START.date() + timedelta(days=max(0, days.height - judged))
    spans = pl.DataFrame({"meter_id": [METER], "first": [first], "last": [START.date() + timedelta(days=99)]})
    found = judge_clocks(days, spans, rules or shipped())
    assert set(found["register"]) <= {"device_time"}
    return [((at - START).days, kind, severity) for at, kind, severity in found.select("at", "kind", "severity").rows()]


def test_v04_days_are_held_against_the_usual_delay_of_the_meter() -> None:
    assert clocks([0.0] * 9 + [-2.5]) == [(9, "CLOCK_DRIFT", "warn")]
    assert clocks([-1.5] * 9 + [-2.5]) == []  # it comes a minute and a half late at all times
    assert clocks([-1.5] * 6 + [-2.5]) == [(6, "CLOCK_DRIFT", "warn")]  # six days before are too few
    assert clocks([-5.0] * 9) == [(0, "CLOCK_DRIFT", "warn")], "no delay, but a clock that is late for good, told once"
    assert clocks([2.5, 2.5, None, 2.5]) == [(0, "CLOCK_DRIFT", "warn"), (3, "CLOCK_DRIFT", "warn")]
    assert clocks([20.0]) == []  # its readings are questioned one by one
    assert clocks([0.0] * 9 + [-2.5], changed("V04", Setting(severity="pass"))) == [(9, "CLOCK_DRIFT", "pass")]
    assert clocks([0.0] * 9 + [-2.5], changed("V04", Setting(is_on=False))) == []


def test_v04_a_clock_that_goes_wrong_is_found_before_it_is_off() -> None:
    assert clocks([n * 0.2 for n in range(8)]) == [(6, "CLOCK_SLOPE", "warn")]
    assert clocks([n * 0.1 for n in range(14)]) == []  # 6 s a day
    assert clocks([0.0 if n != 5 else 1.9 for n in range(14)]) == []  # an outlier turns no median
    assert (
        clocks([n * 0.2 for n in range(12)], judged=2)
        == clocks([n * 0.2 for n in range(12)], judged=3)
        == [(11, "CLOCK_DRIFT", "warn")]
    ), "what began before is not told again"


def test_v04_slopes_are_those_of_theil_and_sen() -> None:
    days = [START.date() + timedelta(days=n) for n in range(14)]
    drifts = pl.DataFrame(
        {
            "meter_id": [METER] * 14 + [NEXT_METER] * 3,
            "day": [*days, days[0], days[4], days[13]],
            "drift_min": [n * 0.1 if n != 5 else 40.0 for n in range(14)] + [1.0, 0.0, 0.0],
        }
    )
    slopes = dict(clock_slopes(drifts, days[-1]).rows())
    assert slopes == {METER: pytest.approx(6.0), NEXT_METER: pytest.approx(-60 / 13)}
    assert clock_slopes(drifts.head(1), days[-1])["slope_s_d"].to_list() == [None]


def test_v04_each_slope_is_the_median_over_all_pairs() -> None:
    random = np.random.default_rng(5)
    drift = random.normal(size=11)
    days = [START.date() + timedelta(days=int(n)) for n in sorted(random.choice(14, 11, replace=False))]
    rows = pl.DataFrame({"meter_id": METER, "day": days, "drift_min": drift})
    pairs = [(drift[j] - drift[i]) * 60 / (days[j] - days[i]).days for i in range(11) for j in range(i + 1, 11)]
    assert clock_slopes(rows, days[-1])["slope_s_d"].item() == pytest.approx(np.median(pairs))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1", "2", "13", "14"], []),  # 11 m3 in an hour: below 10 m3/h and a quarter
        (["1", "2", "15", "16"], [2]),
        (["1", "2", "15"], [2]),  # nothing after it yet
        (["1", "2", "90", "3"], []),  # a spike up is that of the falls
        (["90", "91", "2", "92"], []),  # and so is one down
    ],
)
def test_v06_a_rise_beyond_the_largest_rate_is_rejected(values: list[str], found: list[int]) -> None:
    assert of(judge_steps(moved(values), shipped(), LIMITS), "V06") == found


def test_v06_rates_of_some_meters_hold_for_these() -> None:
    rise = moved(["1", "2", "7", "8"])  # 5 m3 in an hour
    assert judge_steps(rise, shipped(), LIMITS).is_empty()  # DN 40
    rates = pl.DataFrame(
        {"meter_id": [METER, METER], "register": ["volume_m3", "energy_kwh"], "largest_rate": [3.125, 1]}
    )
    small = replace(LIMITS, own_rates=rates)
    assert of(judge_steps(rise, shipped(), small), "V06") == [2]
    other = replace(LIMITS, own_rates=rates.with_columns(meter_id=pl.lit(NEXT_METER)))
    assert judge_steps(rise, shipped(), other).is_empty()


def test_v06_counts_of_a_coarse_register_are_no_rise() -> None:
    rows = moved(["1", "2"], step=timedelta(seconds=1))
    coarse = rows.with_columns(count=pl.lit(1.0))
    assert of(judge_steps(rows, shipped(), LIMITS), "V06") == [0]
    assert judge_steps(coarse, shipped(), LIMITS).is_empty()


def test_v11_a_register_that_stands_still_in_a_flow_is_told_once() -> None:
    def flowing(flow: float) -> pl.DataFrame:
        cells = [{"volume_m3": "5", "flow_m3h": flow} for _ in range(4)]
        return judge_steps(steps(in_place(readings(cells)), layouts()), shipped(), LIMITS)

    assert of(flowing(0.05), "V11") == [1]
    assert of(flowing(0.01), "V11") == []


def test_v11_heat_that_stands_still_while_warm_water_flows() -> None:
    def flowing(**cells: float) -> list[int]:
        row = {"volume_m3": "5", "energy_kwh": "7", "flow_m3h": 1.0, "flow_temp_c": 70.0, "return_temp_c": 40.0}
        rows = readings([row | {"volume_m3": f"{5 + n}"} | cells for n in range(4)])
        found = judge_steps(steps(in_place(rows, medium="heat"), layouts()), shipped(), LIMITS)
        assert set(found["register"]) <= {"energy_kwh"}
        return of(found, "V11")

    assert flowing() == [1]
    assert flowing(flow_m3h=0.0005, flow_temp_c=45.0) == []  # fewer than 20 counts
    assert flowing(flow_temp_c=43.0) == []  # no more than 3 K
    assert flowing(flow_m3h=0.0) == []
    assert flowing(flow_temp_c=10.0, return_temp_c=20.0) == []  # that is cooling


def test_v12_missing_readings_are_found_where_they_were_expected() -> None:
    cells = [{"volume_m3": "1", "measured_at": START + n * HOUR} for n in (0, 1, 5)]
    rows = in_place(readings(cells))
    found = judge_gaps(rows, telling("V12"), HOUR)
    assert of(found, "V12") == [2]
    assert '"missing":3' in found["evidence"][0]
    assert judge_gaps(rows.head(2), telling("V12"), HOUR).is_empty()


def test_v13_a_register_below_zero_is_rejected() -> None:
    found = judge_steps(moved(["-1", "0"]), shipped(), LIMITS)
    assert (of(found, "V13"), severities(found)) == ([0], ["reject"])
    backwards = moved(["-1", "0"]).with_columns(meter_id=pl.lit("ELV-00000003-01-07"))
    assert of(judge_steps(backwards, shipped(), LIMITS), "V13") == []
    energy = backwards.with_columns(register=pl.lit("energy_kwh"))
    assert of(judge_steps(energy, shipped(), LIMITS), "V13") == [0]


def heat(**cells: object) -> pl.DataFrame:
    row = {"volume_m3": "1", "energy_kwh": "1", "flow_m3h": 0.5, "flow_temp_c": 70.0, "return_temp_c": 40.0}
    return judge_gauges(in_place(readings([row | cells]), medium="heat"), shipped())


def test_v16_temperatures_of_heating_systems() -> None:
    assert heat().is_empty()
    assert of(heat(return_temp_c=71.9), "V16") == []
    assert of(heat(return_temp_c=73.0), "V16") == [0]
    assert of(heat(return_temp_c=73.0, flow_m3h=0.0), "V16") == []
    assert of(heat(flow_temp_c=4.0, return_temp_c=3.0), "V16") == [0]


@pytest.mark.parametrize(
    ("gauge", "good", "bad"),
    [("pressure_bar", 6.0, 26.0), ("flow_temp_c", 60.0, 181.0), ("power_kw", -50.0, -200_000.0)],
)
def test_v17_gauges_have_ranges(gauge: str, good: float, bad: float) -> None:
    assert of(heat(**{gauge: good}), "V17") == []
    found = heat(**{gauge: bad}).filter(pl.col("rule") == "V17")
    assert found["register"].to_list() == [gauge]


def test_v19_a_sibling_that_is_missing_now_and_then() -> None:
    both, one = {"volume_m3": "1", "energy_kwh": "1"}, {"volume_m3": "1"}
    rows = in_place(readings([both, one, both]), medium="heat")
    assert of(judge_gauges(rows, shipped()), "V19") == [1]
    never = in_place(readings([one, one]), medium="heat")
    assert judge_gauges(never, shipped()).is_empty()
    assert judge_gauges(in_place(readings([both, one])), shipped()).is_empty()  # no heat meter


@pytest.mark.parametrize(("rise", "found"), [("1.010", []), ("1.011", [1])])
def test_v20_a_meter_in_stock_that_counts(rise: str, found: list[int]) -> None:
    nowhere = installed((METER, datetime(2030, 1, 1, tzinfo=UTC), None))
    assert of(judge_inactive(moved(["1", rise], installations=nowhere), shipped()), "V20") == found
    assert judge_inactive(moved(["1", rise]), shipped()).is_empty()


@pytest.mark.parametrize(("days", "found"), [(60, 0), (61, 1)])
def test_v21_a_point_without_measured_readings(days: int, found: int) -> None:
    last = pl.DataFrame(
        {
            "organisation": ["utility"],
            "meter_id": METER,
            "metering_point": "P1",
            "medium": "water",
            "source": "radio",
            "role": "estimated",
            "day": [START.date()],
            "at": [START],
        }
    )
    assert judge_silence(last, shipped(), START.date() + timedelta(days=days)).height == found


def test_v22_flow_backwards() -> None:
    assert of(heat(flow_m3h=-0.1), "V22") == [0]
    assert of(heat(flow_m3h=0.0), "V22") == []


def test_v22_the_meter_itself_tells_of_reverse_flow() -> None:
    def told(*words: int | None, kind: str = "water_16bit") -> list[int]:
        cells = [{"volume_m3": "1", "info_code": word, "info_code_kind": kind} for word in words]
        found = judge_codes(in_place(readings(cells)), shipped(), BITS)
        assert set(found.select("register", "kind", "severity").rows()) <= {("info_code", "REVERSE_CODE", "warn")}
        return of(found, "V22")

    ((bit,),) = BITS.filter(kind="water_16bit", code="REVERSE").select("bit").rows()
    assert told(0, 1 << bit, 1 << bit, None, 1 << bit) == [1, 4], "of a run the first"
    assert told(~(1 << bit) & 0xF) == []
    assert told(1 << bit, kind="another") == []


def test_v14_registers_are_held_against_the_master_data() -> None:
    counts = pl.DataFrame({"meter_id": [METER], "register": ["volume_m3"], "expected_count": [0.01]})
    rows = moved(["1", "2"])
    none = counts.clear()
    assert judge_units(rows, shipped(), none).is_empty()
    assert of(judge_units(rows, shipped(), counts), "V14") == [0]
    assert judge_units(rows, shipped(), counts.with_columns(expected_count=0.001)).is_empty()
    imported = rows.with_columns(layout_id=pl.lit(None, pl.String))
    assert judge_units(imported, shipped(), counts).is_empty()  # tells no count
    assert of(judge_units(moved(["1", "2"], medium="electricity"), shipped(), none), "V14") == [0]


def events_of(rows: pl.DataFrame, **options: object) -> pl.DataFrame:
    events = figures(rows, START.date(), **options).events  # type: ignore[arg-type]
    scoped = events.with_columns(medium=pl.lit("water"), source=pl.lit("radio"), role=pl.lit("initial"))
    return judge_events(scoped, shipped()).select("rule", "kind")


def test_v05_v14_events_of_registers_become_findings() -> None:
    falls = volume([(START, "90"), (START + HOUR, "50"), (START + 2 * HOUR, "51")])
    assert events_of(falls).rows() == [("V05", "UNEXPLAINED_FALL")]
    changes = pl.concat([volume([(START, "90")]), volume([(START + HOUR, "91")], layout="ten litres")])
    assert events_of(changes).rows() == [("V14", "UNIT_CHANGE")]
    assert events_of(volume([(START, "90"), (START + HOUR, "91")])).is_empty()


def test_v24_an_exchange_without_registers() -> None:
    rows = pl.concat([volume([(START, "90")]), volume([(START + 2 * HOUR, "1")], NEXT_METER)])
    spots = installed((METER, START - HOUR, START + HOUR), (NEXT_METER, START + HOUR, None))
    assert events_of(rows, installations=spots).rows() == [("V24", "EXCHANGE")]
    known = exchanged(START + HOUR, "90", "0")
    assert events_of(rows, installations=spots, exchanges=known).is_empty()


def test_scopes_change_severity_and_parameters_by_medium_source_and_group() -> None:
    members = pl.DataFrame(
        [("utility", "Harbour", "P1", START, START + 2 * HOUR, None, None)], schema=GROUP_MEMBERS.schema, orient="row"
    )
    rows = moved(["1", "2", "15", "28"], members=members, groups=["Harbour"])
    lenient = changed("V06", Setting(severity="warn"), Scope(group="Harbour"))
    assert severities(judge_steps(moved(["1", "2", "15", "28"]), shipped(), LIMITS)) == ["reject", "reject"]
    outside = rows.with_columns(pl.lit(value=False).alias("in group Harbour"))
    assert severities(judge_steps(outside, lenient, LIMITS)) == ["reject", "reject"]
    assert severities(judge_steps(rows.filter(pl.col("in group Harbour")), lenient, LIMITS)) == []
    within = rows.with_columns(pl.lit(value=True).alias("in group Harbour"))
    assert severities(judge_steps(within, lenient, LIMITS)) == ["warn", "warn"]
    assert rows["in group Harbour"].to_list() == [True, True, False, False]
    wide = changed("V06", Setting(parameters={"margin_ratio": 2}), Scope(medium="water"))
    assert judge_steps(rows, wide, LIMITS).is_empty()
    assert judge_steps(rows, changed("V06", Setting(is_on=False), Scope(source="radio")), LIMITS).is_empty()
    assert judge_steps(rows, changed("V06", Setting(roles=frozenset({"manual"}))), LIMITS).is_empty()
