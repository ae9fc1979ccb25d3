"""What the pages ask, on a small lake."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.queries import consumption, overview, readings, subjects
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    GROUP_MEMBERS,
    GROUPS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    REGISTER_EVENTS,
    Table,
)
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS
from warehouse.schemas.readings import READINGS

ZONE = ZoneInfo("Europe/Copenhagen")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TWIN_A, TWIN_B, STOCK = "KAM-11111111-1b-16", "KAM-11111111-1b-07", "KAM-22222222-1b-16"


def write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    lake.append(table, pl.DataFrame([{"organisation": "o", **row} for row in rows], infer_schema_length=None))


def figure(point: str, start: datetime, end: datetime, value: int | None, **other: object) -> dict[str, object]:
    return {
        "metering_point": point,
        "meter_id": TWIN_A,
        "register": "volume_m3",
        "period_start": start.astimezone(UTC),
        "period_end": end.astimezone(UTC),
        "day": start.date(),
        "consumption": None if value is None else Decimal(value),
        "unit": "m3",
        "quality": "N" if value is None else "M",
        "start_quality": "M",
        "end_quality": "M",
        "known_from": AT,
        "month": f"{start.astimezone(UTC):%Y-%m}",
        **other,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    meter = {"manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water", "state": "in_use"}
    write(
        lake,
        METERS,
        *(
            {**meter, "meter_id": name, "serial": name[4:12], "key_status": key}
            for name, key in ((TWIN_A, "ok"), (TWIN_B, "wrong"), (STOCK, "missing"))
        ),
    )
    write(lake, METERS, {**meter, "organisation": "x", "meter_id": "X", "serial": "0", "key_status": "ok"})
    write(lake, METERING_POINTS, *({"metering_point": name, "role": "consumption"} for name in ("p", "q", "r")))
    there = {"installed_at": AT, "removed_at": None, "known_from": AT}
    write(
        lake,
        INSTALLATIONS,
        {**there, "metering_point": "p", "meter_id": STOCK, "installed_at": AT - timedelta(days=9), "removed_at": AT},
        {**there, "metering_point": "p", "meter_id": TWIN_A},
        {**there, "metering_point": "q", "meter_id": TWIN_B},
    )
    write(lake, GROUPS, {"group": "g", "kind": "manual"}, {"group": "h", "kind": "manual"})
    write(
        lake,
        GROUP_MEMBERS,
        {"group": "g", "metering_point": "p", "valid_from": AT - timedelta(days=99), "valid_to": AT},
        {"group": "g", "metering_point": "q", "valid_from": AT - timedelta(days=99), "valid_to": None},
    )
    return lake


def test_points_carry_their_present_meter(lake: Lake) -> None:
    points = subjects.metering_points(lake, "o")

    assert points.select("metering_point", "meter_id").rows() == [("p", TWIN_A), ("q", TWIN_B), ("r", None)]
    assert subjects.metering_points(lake, "nobody").is_empty()


def test_groups_count_their_members(lake: Lake) -> None:
    assert subjects.groups(lake, "o").rows() == [("g", "manual", 2), ("h", "manual", 0)]


@pytest.mark.parametrize(
    ("text", "points"),
    [("p", ["p"]), (TWIN_B, ["q"]), (STOCK, ["p"]), ("11111111", ["p", "q"]), ("nothing", []), ("X", [])],
)
def test_point_is_found_by_name_meter_or_serial(lake: Lake, text: str, points: list[str]) -> None:
    assert subjects.find(subjects.metering_points(lake, "o"), subjects.meters(lake, "o"), text) == points


def test_empty_lake_answers_every_question(tmp_path: Path) -> None:
    lake, subject = Lake(tmp_path), subjects.point("p")
    span = {"first": date(2026, 3, 1), "last": date(2026, 3, 2)}

    assert subjects.metering_points(lake, "o").is_empty()
    assert subjects.meters(lake, "o").is_empty()
    assert subjects.group(lake, "o", "g").is_empty()
    assert consumption.registers(lake, "o", subject) == []
    assert consumption.extent(lake, "o", subject, "volume_m3") is None
    rows = consumption.figures(lake, "o", subject, interval="hourly", register="volume_m3", **span)
    assert rows.is_empty()
    assert consumption.total(lake, "o", subject, rows).is_empty()
    assert consumption.register_events(lake, "o", subject, register="volume_m3", zone=ZONE, **span).is_empty()
    assert consumption.info_codes(lake, "o", subject, zone=ZONE, **span).is_empty()
    assert consumption.latest_reading(lake, "o", subject).is_empty()
    assert consumption.registers(lake, "o", subject.clear()) == []
    assert overview.counts(lake, "o") == dict.fromkeys(
        ("metering_points", "meters", "without_key", "open_info_codes"), 0
    )
    assert overview.outcomes_by_day(lake, "o").is_empty()
    assert overview.latest_imports(lake, "o").is_empty()
    assert overview.performance(lake, "o") is None


def test_days_are_local_and_whole_months_are_shown(lake: Lake) -> None:
    first = datetime(2026, 3, 1, tzinfo=ZONE)
    days = [first + timedelta(days=number) for number in range(-1, 3)]
    write(lake, CONSUMPTION_DAILY, *(figure("p", day, day + timedelta(days=1), day.day) for day in days))
    write(lake, CONSUMPTION_MONTHLY, figure("p", first, datetime(2026, 4, 1, tzinfo=ZONE), 70))
    subject = subjects.point("p")

    found = consumption.figures(
        lake, "o", subject, interval="daily", register="volume_m3", first=date(2026, 3, 1), last=date(2026, 3, 2)
    )
    assert found["consumption"].to_list() == [1, 2]
    assert found["period_start"][0] == datetime(2026, 2, 28, 23, tzinfo=UTC)
    month = consumption.figures(
        lake, "o", subject, interval="monthly", register="volume_m3", first=date(2026, 3, 15), last=date(2026, 3, 16)
    )
    assert month["consumption"].to_list() == [70]
    assert consumption.extent(lake, "o", subject, "volume_m3") == (date(2026, 2, 28), date(2026, 3, 3))
    assert consumption.extent(lake, "o", subject, "energy_kwh") is None


def test_registers_come_in_declared_order(lake: Lake) -> None:
    year = datetime(2026, 1, 1, tzinfo=ZONE), datetime(2027, 1, 1, tzinfo=ZONE)
    write(lake, CONSUMPTION_YEARLY, figure("p", *year, 1, register="energy_kwh"), figure("p", *year, 1))

    assert consumption.registers(lake, "o", subjects.point("p")) == ["volume_m3", "energy_kwh"]
    assert consumption.registers(lake, "o", subjects.point("q")) == []


def test_group_sum_knows_members_gaps_and_the_worst_quality(lake: Lake) -> None:
    days = [datetime(2026, 2, 27, tzinfo=ZONE) + timedelta(days=number) for number in range(4)]
    write(
        lake,
        CONSUMPTION_DAILY,
        *(figure("p", day, day + timedelta(days=1), 10) for day in days),
        figure("q", days[0], days[1], 1, quality="I"),
        figure("q", days[1], days[2], None),
        figure("q", days[2], days[3], 3),
    )
    subject = subjects.group(lake, "o", "g")

    rows = consumption.figures(
        lake, "o", subject, interval="daily", register="volume_m3", first=days[0].date(), last=days[3].date()
    )
    total = consumption.total(lake, "o", subject, rows)

    assert total["consumption"].to_list() == [11, 10, 13]
    assert total["quality"].to_list() == ["I", "M", "M"]
    assert total["points"].to_list() == [2, 2, 2]
    assert total["missing"].to_list() == [0, 1, 0]
    assert total.schema["consumption"] == pl.Decimal(18, 6)
    unknown = consumption.total(lake, "o", subject, rows.with_columns(consumption=pl.lit(None, pl.Decimal(18, 6))))
    assert unknown["consumption"].null_count() == 3
    assert unknown["quality"].unique().to_list() == ["N"]


def test_a_member_that_fell_silent_is_missing_from_then_on(lake: Lake) -> None:
    hours = [datetime(2026, 2, 27, 10, tzinfo=ZONE) + timedelta(hours=number) for number in range(3)]
    write(lake, CONSUMPTION_HOURLY, *(figure("p", hour, hour + timedelta(hours=1), 1) for hour in hours))
    write(lake, CONSUMPTION_HOURLY, figure("q", hours[0], hours[1], 1))
    subject = subjects.group(lake, "o", "g")
    span = {"first": hours[0].date(), "last": hours[0].date()}
    rows = consumption.figures(lake, "o", subject, interval="hourly", register="volume_m3", **span)
    total = consumption.total(lake, "o", subject, rows)
    assert total.select("points", "missing").rows() == [(2, 0), (2, 1), (2, 1)]


def test_member_of_later_days_does_not_count_before(lake: Lake) -> None:
    later = datetime(2026, 3, 2, tzinfo=ZONE)
    write(lake, CONSUMPTION_DAILY, figure("p", later, later + timedelta(days=1), 10))
    subject = subjects.group(lake, "o", "g")

    rows = consumption.figures(
        lake, "o", subject, interval="daily", register="volume_m3", first=later.date(), last=later.date()
    )

    assert rows.is_empty(), "p left the group on 1 March"


def test_events_of_the_register_in_the_days(lake: Lake) -> None:
    event = {"metering_point": "p", "meter_id": TWIN_A, "kind": "ROLLOVER", "known_from": AT}
    write(
        lake,
        REGISTER_EVENTS,
        {**event, "register": "volume_m3", "at": datetime(2026, 2, 28, 23, tzinfo=UTC)},
        {**event, "register": "volume_m3", "at": datetime(2026, 3, 1, 23, tzinfo=UTC)},
        {**event, "register": "energy_kwh", "at": AT},
    )

    found = consumption.register_events(
        lake,
        "o",
        subjects.point("p"),
        register="volume_m3",
        first=date(2026, 3, 1),
        last=date(2026, 3, 1),
        zone=ZONE,
    )

    assert found["at"].to_list() == [datetime(2026, 2, 28, 23, tzinfo=UTC)]


def test_info_codes_of_the_meter_while_it_was_there(lake: Lake) -> None:
    code = {"days_active_30": 1, "days_observed_30": 1, "priority": "high", "known_from": AT, "code": "LEAK"}
    write(
        lake,
        INFO_CODE_EVENTS,
        {**code, "meter_id": STOCK, "first_seen": AT + timedelta(hours=2), "last_seen": AT + timedelta(hours=3)},
        {**code, "meter_id": TWIN_A, "first_seen": AT + timedelta(hours=1), "last_seen": AT + timedelta(hours=3)},
        {
            **code,
            "meter_id": TWIN_A,
            "first_seen": AT - timedelta(days=40),
            "last_seen": AT + timedelta(hours=1),
            "cleared_at": AT - timedelta(days=39),
        },
    )

    found = consumption.info_codes(
        lake, "o", subjects.point("p"), first=date(2026, 3, 1), last=date(2026, 3, 1), zone=ZONE
    )

    assert found.select("meter_id", "first_seen").rows() == [(TWIN_A, AT + timedelta(hours=1))]


def test_latest_reading_is_of_the_present_meter_and_valid(lake: Lake) -> None:
    common = {"received_at": AT, "landed_at": AT, "source": "radio", "month": "2026-03"}
    readings = [(TWIN_A, 1, "M"), (TWIN_A, 2, "M"), (TWIN_A, 3, "R"), (STOCK, 9, "M"), (TWIN_B, 8, "M")]
    write(
        lake,
        READINGS,
        *(
            {
                **common,
                "meter_id": meter,
                "measured_at": AT + timedelta(hours=hour),
                "volume_m3": hour,
                "quality": quality,
            }
            for meter, hour, quality in readings
        ),
    )

    found = consumption.latest_reading(lake, "o", subjects.point("p"))

    assert found.select("meter_id", "volume_m3").rows() == [(TWIN_A, Decimal(2))]


def test_overview_takes_the_latest_outcome_and_counts_what_waits(lake: Lake) -> None:
    frame = {"received_at": AT, "landed_at": AT, "landed_day": AT.date(), "source_sha256": "0", "source_file": "f.csv"}
    write(
        lake, RECEPTIONS, *({**frame, "frame_id": f"f-{line}", "frame": b"", "source_line": line} for line in range(4))
    )
    attempt = {"decided_at": AT, "decoders": "0" * 16, "received_at": AT, "landed_at": AT, "landed_day": AT.date()}
    write(
        lake,
        OUTCOMES,
        {**attempt, "frame_id": "f-0", "attempt": 1, "outcome": "no_key"},
        {**attempt, "frame_id": "f-0", "attempt": 2, "outcome": "decoded"},
        {**attempt, "frame_id": "f-1", "attempt": 1, "outcome": "corrupt"},
        {**attempt, "frame_id": "f-2", "attempt": 1, "outcome": "no_key"},
    )

    assert overview.outcomes_by_day(lake, "o").rows() == [
        (AT.date(), "corrupt", 1),
        (AT.date(), "decoded", 1),
        (AT.date(), "no_key", 1),
        (AT.date(), "waiting", 1),
    ]
    assert overview.latest_imports(lake, "o").rows() == [("f.csv", AT, 0, 4, 1, 2, 1)]
    assert overview.latest_imports(lake, "x").is_empty()
    assert overview.counts(lake, "o")["without_key"] == 2


def test_latest_files_are_those_of_the_newest_day_or_as_many_before_as_are_wanted(lake: Lake) -> None:
    days = [AT - timedelta(days=back) for back in (0, 1, 2, 40)]
    for number, at in enumerate(days):
        frame = {"received_at": at, "landed_at": at, "landed_day": at.date(), "frame_id": f"f-{number}"}
        name = {"source_sha256": str(number), "source_file": f"{number}.csv", "source_line": 1}
        write(lake, RECEPTIONS, {**frame, **name, "frame": b"", "collector": "c"})
        attempt = {"attempt": 1, "decided_at": at, "decoders": "0" * 16, "outcome": "application_error"}
        write(lake, OUTCOMES, {**frame, **attempt})
    later = {"organisation": "x", "frame_id": "x-1", "landed_day": AT.date() + timedelta(days=50)}
    write(lake, RECEPTIONS, {**frame, **name, **later, "frame": b""})
    write(lake, OUTCOMES, {**frame, **attempt, "attempt": 2, "frame_id": "f-1", "landed_day": days[1].date()})

    def found(**asked: int) -> list[tuple]:
        return overview.latest_imports(lake, "o", **asked).select("source_file", "frames", "decoded", "waiting").rows()

    assert found(files=1) == [("0.csv", 1, 0, 0)], "neither decoded nor waiting nor damaged"
    assert found(files=2) == [("0.csv", 1, 0, 0), ("1.csv", 1, 0, 0)]
    assert [row[0] for row in found()] == ["0.csv", "1.csv", "2.csv"], "the last 30 days"
    assert overview.outcomes_by_day(lake, "o")["frames"].to_list() == [1, 1, 1]


def test_main_registers_go_by_medium_and_reach_back_through_all_months(lake: Lake) -> None:
    def reading(name: str, at: datetime, **registers: object) -> dict[str, object]:
        told = {"measured_at": at, "received_at": at, "landed_at": at, "source": "radio", "quality": "M"}
        return {"meter_id": name, "month": f"{at:%Y-%m}", **told, **registers}

    one, two = Decimal(1), Decimal(2)
    write(
        lake,
        READINGS,
        reading("A", AT, energy_kwh=two, volume_m3=one),
        reading("B", AT - timedelta(days=20), energy_kwh=one, volume_m3=two),
        reading("C", AT - timedelta(days=900), cooling_energy_kwh=two, energy_kwh=one),
        reading("C", AT - timedelta(days=901), cooling_energy_kwh=one),
        reading("D", AT, energy_import_kwh=two),
        reading("E", AT, input_b=one),
        reading("F", AT, volume_m3=one),
    )
    media = {
        "A": "heat",
        "B": "warm_water",
        "C": "cooling",
        "D": "electricity",
        "E": "other",
        "F": "heat",
        "G": "water",
    }
    asked = pl.DataFrame({"meter_id": list(media), "medium": list(media.values())})
    found = readings.main_registers(lake, "o", asked)
    assert found.select("meter_id", "register", "reading", "reading_unit").rows() == [
        ("A", "energy_kwh", two, "kWh"),
        ("B", "volume_m3", two, "m3"),
        ("C", "cooling_energy_kwh", two, "kWh"),
        ("D", "energy_import_kwh", two, "kWh"),
        ("E", "input_b", one, "1"),
        ("F", "volume_m3", one, "m3"),
    ]
    assert found["read_at"][2] == AT - timedelta(days=900)
    assert readings.main_registers(lake, "o", asked.clear()).is_empty()


def test_the_latest_reading_is_the_last_one_that_counts(lake: Lake) -> None:
    def reading(name: str, hours: int, *, quality: str = "M", **registers: object) -> dict[str, object]:
        at = AT - timedelta(hours=hours)
        told = {"measured_at": at, "received_at": at, "landed_at": at, "source": "radio", "quality": quality}
        return {"meter_id": name, "month": f"{at:%Y-%m}", **told, **registers}

    one, month = Decimal(1), 31 * 24
    write(
        lake,
        READINGS,
        reading("A", 0, quality="R", volume_m3=one),
        reading("A", 1, flow_temperature_c=20.0),
        reading("A", 2, volume_m3=one),
        reading("A", 3, volume_m3=one),
        reading("B", 0, volume_m3=one),
        reading("C", 0, quality="R", volume_m3=one),
        reading("C", month, flow_temperature_c=20.0),
        reading("C", 4 * month, volume_m3=one),
        reading("D", 0, quality="R", volume_m3=one),
    )
    found = readings.latest(lake, "o", pl.Series(["A", "B", "C", "D"])).sort("meter_id")
    ages = found.select("meter_id", hours=(AT - pl.col("measured_at")).dt.total_hours()).rows()
    assert ages == [("A", 2), ("B", 0), ("C", 4 * month)]


@pytest.mark.parametrize("makers", [2, 40])
def test_membership_is_told_with_a_range_of_each_maker_as_far_as_there_are_few(makers: int) -> None:
    def named(maker: int, serial: int) -> str:
        return f"{chr(65 + maker // 26)}{chr(65 + maker % 26)}X-{serial:08}"

    wanted = pl.Series([named(maker, serial) for maker in range(makers) for serial in (5, 7)])
    others = [named(0, 6), named(makers - 1, 4), named(makers, 5), "", None]
    rows = pl.DataFrame({"meter_id": [*wanted, *others]})
    assert rows.filter(readings.among("meter_id", wanted))["meter_id"].to_list() == wanted.to_list()
    ranges = str(readings.among("meter_id", wanted)).count("is_between")
    assert ranges == (makers if makers == 2 else 1)
    assert rows.filter(readings.among("meter_id", wanted.clear())).is_empty()


@pytest.mark.parametrize("role", ["district_inflow", "district_outflow", "pressure", "check"])
def test_what_is_no_consumption_stands_in_no_total(lake: Lake, role: str) -> None:
    day = datetime(2026, 2, 27, tzinfo=ZONE)
    write(lake, CONSUMPTION_DAILY, *(figure(name, day, day + timedelta(days=1), 7) for name in ("p", "q")))
    span = {"interval": "daily", "register": "volume_m3", "first": day.date(), "last": day.date()}
    subject = subjects.point("p", "q")
    rows = consumption.figures(lake, "o", subject, **span)
    assert consumption.total(lake, "o", subject, rows)["consumption"].to_list() == [14]
    names = {"p": "consumption", "q": role}
    points = [{"organisation": "o", "metering_point": name, "role": one} for name, one in names.items()]
    lake.overwrite(METERING_POINTS, pl.DataFrame(points))
    total = consumption.total(lake, "o", subject, rows)
    assert (total["consumption"].to_list(), total["points"].to_list()) == ([7], [1])
    assert consumption.figures(lake, "o", subjects.point("q"), **span).height == 1, "it has figures of its own"
