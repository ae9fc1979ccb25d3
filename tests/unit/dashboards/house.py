"""A small installation for the pages' tests.

Two water points and a heat point, an exchange, a roll-over, a gap, a clock change, collectors; a second organisation.
"""

from collections.abc import Container
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

import settings
from tests.unit.dashboards import operations
from tests.unit.dashboards.registered import fill_registry
from warehouse.lake import Lake
from warehouse.schemas import (
    COLLECTORS,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    GROUP_MEMBERS,
    GROUPS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    LINK_DAILY,
    METERING_POINTS,
    METERS,
    READING_PERFORMANCE_DAILY,
    REGISTER_EVENTS,
    Table,
)
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS
from warehouse.schemas.readings import READINGS, RECORDS

ZONE = ZoneInfo("Europe/Copenhagen")
FIRST = datetime(2025, 10, 1, tzinfo=ZONE).astimezone(UTC)
END = datetime(2025, 11, 4, tzinfo=ZONE).astimezone(UTC)
OLD, NEW, OTHER, SPARE = "KAM-10000001-1b-16", "KAM-10000002-1b-16", "KAM-20000001-1b-16", "KAM-30000001-1b-16"
HEAT, FOREIGN = "KAM-40000001-30-04", "DME-50000001-7b-07"
ORGANISATION, NEIGHBOUR = "default", "neighbour"
EXCHANGED = datetime(2025, 10, 20, 9, 30, tzinfo=UTC)
ROLLED_OVER = datetime(2025, 10, 12, 14, tzinfo=UTC)
HEARD = f"{0:016x}-4"
"""Frame of the last reading of ``OTHER``."""
KNOWN = datetime(2025, 11, 4, tzinfo=UTC)

_MILLIONTHS = pl.Decimal(18, 6)
_THERMAL = {"version": "30", "device_type": "04", "medium": "heat", "model": "MULTICAL 403"}


def empty_home(home: Path) -> Path:
    """An installation without data."""
    return settings.create(home, ZONE.key)


def home_with_figures(home: Path) -> Path:
    """An installation with five weeks of figures, in the lake and in the registry."""
    settings.create(home, ZONE.key)
    fill_registry(home)
    lake = Lake(home / "lake")
    _registry(lake)
    _figures(lake)
    _events(lake)
    _frames(lake)
    _heat(lake)
    _collectors(lake)
    _neighbour(lake)
    return home


def home_in_operation(home: Path) -> Path:
    """The same with what goes on in it."""
    operations.fill(home_with_figures(home))
    return home


def _write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    always = {"organisation": ORGANISATION} | ({"known_from": KNOWN} if "known_from" in table.schema else {})
    frame = pl.DataFrame([{**always, **row} for row in rows], infer_schema_length=None)
    lake.append(table, frame)


def _registry(lake: Lake) -> None:
    meter = {"manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water", "model": "flowIQ 2200"}
    _write(
        lake,
        METERS,
        *(
            {**meter, "meter_id": name, "serial": name[4:12], "state": state, "key_status": key}
            for name, state, key in (
                (OLD, "removed", "ok"),
                (NEW, "in_use", "ok"),
                (OTHER, "in_use", "ok"),
                (SPARE, "stock", "missing"),
            )
        ),
        {**meter, **_THERMAL, "meter_id": HEAT, "serial": HEAT[4:12], "state": "in_use", "key_status": "ok"},
    )
    _write(
        lake,
        METERING_POINTS,
        *({"metering_point": name, "medium": "water", "role": "consumption"} for name in ("P-1", "P-2")),
        {"metering_point": "P-3", "medium": "heat", "role": "consumption"},
    )
    _write(
        lake,
        INSTALLATIONS,
        {"metering_point": "P-1", "meter_id": OLD, "installed_at": FIRST, "removed_at": EXCHANGED, "known_from": KNOWN},
        {"metering_point": "P-1", "meter_id": NEW, "installed_at": EXCHANGED, "removed_at": None, "known_from": KNOWN},
        {"metering_point": "P-2", "meter_id": OTHER, "installed_at": FIRST, "removed_at": None, "known_from": KNOWN},
        {"metering_point": "P-3", "meter_id": HEAT, "installed_at": FIRST, "removed_at": None, "known_from": KNOWN},
    )
    _write(lake, GROUPS, {"group": "Harbour", "kind": "manual"}, {"group": "Nobody", "kind": "manual"})
    _write(
        lake,
        GROUP_MEMBERS,
        {"group": "Harbour", "metering_point": "P-1", "valid_from": FIRST, "valid_to": None},
        {"group": "Harbour", "metering_point": "P-2", "valid_from": EXCHANGED, "valid_to": None},
    )


def _hours() -> pl.DataFrame:
    """Hourly rows; P-2 uses twice as much as P-1, which has a day without readings and one interpolated."""
    starts = pl.datetime_range(FIRST, END, "1h", closed="left", eager=True)
    hours = pl.DataFrame({"local": starts.dt.convert_time_zone(ZONE.key)})
    hours = hours.with_columns(
        day=pl.col("local").dt.date(),
        litres=20
        + 15 * (pl.col("local").dt.hour().cast(pl.Int64) % 12)
        + 10 * pl.col("local").dt.weekday().cast(pl.Int64),
    )
    points = pl.DataFrame({"metering_point": ["P-1", "P-2"], "factor": [1, 2]})
    gap = (pl.col("metering_point") == "P-1") & (pl.col("day") == datetime(2025, 10, 25).date())  # noqa: DTZ001
    filled = (pl.col("metering_point") == "P-1") & (pl.col("day") == datetime(2025, 10, 27).date())  # noqa: DTZ001
    course = pl.col("litres") * pl.col("factor")
    return hours.join(points, how="cross").with_columns(
        register_end=course.cum_sum().over("metering_point"),
        register_start=(course.cum_sum() - course).over("metering_point"),
        consumption=pl.when(~gap).then(pl.col("litres") * pl.col("factor")),
        quality=pl.when(gap).then(pl.lit("N")).when(filled).then(pl.lit("I")).otherwise(pl.lit("M")),
    )


def _figures(lake: Lake) -> None:
    hours = _hours()
    for table, every in (
        (CONSUMPTION_HOURLY, "1h"),
        (CONSUMPTION_DAILY, "1d"),
        (CONSUMPTION_MONTHLY, "1mo"),
        (CONSUMPTION_YEARLY, "1y"),
    ):
        rows = hours.group_by("metering_point", pl.col("local").dt.truncate(every).alias("start")).agg(
            consumption=pl.when(pl.col("consumption").null_count() < pl.len()).then(pl.col("consumption").sum()),
            register_start=pl.col("register_start").first(),
            register_end=pl.col("register_end").last(),
            quality=pl.col("quality").sort_by(pl.col("quality").replace_strict({"M": 0, "I": 1, "N": -1})).last(),
        )
        start = pl.col("start").dt.convert_time_zone("UTC")
        lake.append(
            table,
            rows.select(
                "metering_point",
                "quality",
                organisation=pl.lit("default"),
                meter_id=pl.when(pl.col("metering_point") == "P-2")
                .then(pl.lit(OTHER))
                .when(start < EXCHANGED)
                .then(pl.lit(OLD))
                .otherwise(pl.lit(NEW)),
                register=pl.lit("volume_m3"),
                period_start=start,
                period_end=pl.col("start").dt.offset_by(every).dt.convert_time_zone("UTC"),
                day=pl.col("start").dt.date(),
                **{
                    name: pl.col(name).cast(_MILLIONTHS) / pl.lit(1000).cast(_MILLIONTHS)
                    for name in ("consumption", "register_start", "register_end")
                },
                unit=pl.lit("m3"),
                method=pl.lit("EXACT"),
                start_quality=pl.lit("M"),
                end_quality=pl.lit("M"),
                known_from=KNOWN,
                month=start.dt.strftime("%Y-%m"),
            ),
        )
    _write(
        lake,
        READINGS,
        *(
            {
                "meter_id": meter,
                "measured_at": END - timedelta(hours=hours),
                "received_at": END,
                "landed_at": END,
                "volume_m3": 70 - hours,
                "source": "radio",
                "quality": "M",
                "month": "2025-11",
                "frame_id": HEARD if (meter, hours) == (OTHER, 1) else None,
            }
            for meter in (NEW, OTHER)
            for hours in (2, 1)
        ),
    )


def _events(lake: Lake) -> None:
    event = {"metering_point": "P-1", "register": "volume_m3", "known_from": KNOWN, "correction": 0}
    _write(
        lake,
        REGISTER_EVENTS,
        {**event, "meter_id": OLD, "at": ROLLED_OVER, "kind": "ROLLOVER", "before": 99999, "after": 1},
        {**event, "meter_id": NEW, "at": EXCHANGED, "kind": "EXCHANGE", "before": 57, "after": 0},
    )
    code = {"meter_id": NEW, "days_observed_30": 30, "max_class": None, "known_from": KNOWN}
    _write(
        lake,
        INFO_CODE_EVENTS,
        {
            **code,
            "code": "LEAK",
            "first_seen": EXCHANGED + timedelta(days=2),
            "last_seen": EXCHANGED + timedelta(days=7),
            "cleared_at": EXCHANGED + timedelta(days=7, hours=1),
            "days_active_30": 6,
            "max_class": 7,
            "priority": "high",
        },
        {
            **code,
            "code": "DRY",
            "first_seen": EXCHANGED + timedelta(days=10),
            "last_seen": END,
            "cleared_at": None,
            "days_active_30": 5,
            "priority": "normal",
        },
    )
    performance = {"criterion": "daily", "known_from": KNOWN}
    _write(
        lake,
        READING_PERFORMANCE_DAILY,
        *(
            {
                **performance,
                "meter_id": meter,
                "day": END.date(),
                "expected": 1,
                "received": received,
                "received_on_time": received,
                "performance": 100.0 * received,
                "month": "2025-11",
            }
            for meter, received in ((NEW, 1), (OTHER, 0))
        ),
    )


def _frames(lake: Lake) -> None:
    landed = [END - timedelta(days=days) for days in range(6)]
    frames = [
        {
            "frame_id": f"{day:016x}-{line}",
            "received_at": at,
            "landed_at": at,
            "landed_day": at.astimezone(UTC).date(),
            "collector": f"C-{line % 2}",
            "source_file": f"concentrator-{at:%Y-%m-%d}.csv",
            "source_line": line,
            "source_sha256": f"{day:064x}",
        }
        for day, at in enumerate(landed)
        for line in range(1, 41 + 3 * day)
    ]
    _write(lake, RECEPTIONS, *({**frame, "frame": b"\x44"} for frame in frames))
    _write(
        lake,
        OUTCOMES,
        *(
            {
                "attempt": 1,
                "decided_at": END,
                "decoders": "0" * 16,
                "outcome": {1: "no_key", 2: "corrupt", 3: "foreign"}.get(frame["source_line"] % 11, "decoded"),
                "reason": None,
                "meter_id": OTHER if frame["frame_id"] == HEARD else None,
                **{name: frame[name] for name in ("frame_id", "received_at", "landed_at", "landed_day")},
            }
            for frame in frames
            if frame["source_line"] > 1
        ),
    )


def _days() -> list[datetime]:
    """The first instants of the local days that there are figures of."""
    days = pl.datetime_range(FIRST.astimezone(ZONE), END.astimezone(ZONE), "1d", closed="left", eager=True)
    return days.dt.convert_time_zone("UTC").to_list()


def _daily(place: str, meter: str, register: str, unit: str, amount: int, **more: str) -> list[dict[str, object]]:
    """One row per local day: the amount, and a bit more each day."""
    starts = _days()
    return [
        {
            "metering_point": place,
            "meter_id": meter,
            "register": register,
            "unit": unit,
            "period_start": start,
            "period_end": end,
            "day": start.astimezone(ZONE).date(),
            "consumption": amount + number,
            "register_start": amount * number + number * (number - 1) // 2,
            "register_end": amount * (number + 1) + number * (number + 1) // 2,
            "quality": "M",
            "method": "EXACT",
            "start_quality": "M",
            "end_quality": "M",
            "known_from": KNOWN,
            "month": f"{start:%Y-%m}",
            **more,
        }
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], END], strict=True))
    ]


def add_register(home: Path, place: str, meter: str, register: str, unit: str, amount: int) -> None:
    """Gives a point five weeks of figures of one more register."""
    _by_period(Lake(home / "lake"), _daily(place, meter, register, unit, amount))


def add_tariffs(home: Path, unread: Container[int] = (10,)) -> None:
    """Gives the heat meter of P-3 two tariffs of 30 and 8 kWh a day, which its total exceeds.

    The second one began anew on 6 October.

    Args:
        home: The installation.
        unread: At which local midnights nothing was read, counted from the first of October: the eleventh.
    """
    lake = Lake(home / "lake")
    reading = {"meter_id": HEAT, "source": "radio", "quality": "M"}
    record = {"meter_id": HEAT, "quantity": "energy", "unit": "Wh", "function": "instantaneous", "exponent": 3}
    record |= {"storage": 0, "subunit": 0, "dib": "8410", "vib": "06", "data_hex": "01000000"}
    for number, at in enumerate([*_days(), END]):
        if number in unread:
            continue
        when = {"measured_at": at, "month": f"{at:%Y-%m}", "frame_id": f"{number:016x}-9"}
        _write(lake, READINGS, {**reading, **when, "received_at": at, "landed_at": at})
        second = number if number < 5 else number - 5
        _write(
            lake,
            RECORDS,
            *(
                {**record, **when, "record_no": tariff, "tariff": tariff, "value": 1e3 * count, "raw_value": count}
                for tariff, count in ((1, 30 * number), (2, 8 * second))
            ),
        )


def _by_period(lake: Lake, days: list[dict[str, object]]) -> None:
    """Writes daily rows, and their sums by month and year."""
    _write(lake, CONSUMPTION_DAILY, *days)
    for table, letters in ((CONSUMPTION_MONTHLY, 7), (CONSUMPTION_YEARLY, 4)):
        sums: dict[str, dict[str, object]] = {}
        for day in days:
            found = sums.setdefault(str(day["day"])[:letters], {**day, "consumption": 0})
            found |= {
                "consumption": found["consumption"] + day["consumption"],
                **{name: day[name] for name in ("period_end", "register_end")},
            }
        _write(lake, table, *sums.values())


def _heat(lake: Lake) -> None:
    """P-3 heats a little more each day, and cools its water by 35 K."""
    _by_period(lake, _daily("P-3", HEAT, "energy_kwh", "kWh", 40))
    _by_period(lake, _daily("P-3", HEAT, "volume_m3", "m3", 1))
    reading = {"meter_id": HEAT, "received_at": END, "landed_at": END, "source": "radio", "quality": "M"}
    _write(
        lake,
        READINGS,
        {
            **reading,
            "measured_at": END - timedelta(hours=1),
            "energy_kwh": 12345,
            "volume_m3": 678,
            "flow_temp_c": 72.5,
            "return_temp_c": 37.5,
            "month": "2025-11",
        },
    )


def _collectors(lake: Lake) -> None:
    _write(lake, COLLECTORS, {"collector": "C-0", "comment": "Water tower"}, {"collector": "C-1", "comment": None})
    link = {"receptions": 24, "telegrams": 24, "rssi_p10_dbm": -96.0, "rssi_p50_dbm": -90.0, "rssi_p90_dbm": -84.0}
    link |= {"read_hours": 2**24 - 1, "error_rate": 4.0}
    _write(
        lake,
        LINK_DAILY,
        *(
            {
                **link,
                "meter_id": meter,
                "collector": collector,
                "day": day.astimezone(ZONE).date(),
                "known_from": KNOWN,
                "month": f"{day:%Y-%m}",
            }
            for day in _days()[-3:]
            for meter, collector in ((NEW, "C-0"), (OTHER, "C-1"), (HEAT, "C-0"), (NEW, "C-1"))
        ),
    )


def _neighbour(lake: Lake) -> None:
    """Another organisation with a point and a group of the same names, and a meter of another brand."""
    mine = {"organisation": NEIGHBOUR}
    place = {**mine, "metering_point": "P-1"}
    _write(
        lake,
        METERS,
        {
            **mine,
            "meter_id": FOREIGN,
            "manufacturer": "DME",
            "serial": FOREIGN[4:12],
            "version": "7b",
            "device_type": "07",
            "medium": "water",
            "model": "HYDRUS",
            "state": "in_use",
            "key_status": "ok",
        },
    )
    _write(lake, METERING_POINTS, {**place, "medium": "water", "role": "consumption"})
    _write(lake, INSTALLATIONS, {**place, "meter_id": FOREIGN, "installed_at": FIRST, "known_from": KNOWN})
    _write(lake, GROUPS, {**mine, "group": "Neighbours", "kind": "manual"})
    _write(lake, GROUP_MEMBERS, {**place, "group": "Neighbours", "valid_from": FIRST})
    _by_period(lake, _daily("P-1", FOREIGN, "volume_m3", "m3", 777, organisation=NEIGHBOUR))
