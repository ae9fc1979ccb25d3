"""Heat, districts, leaks and pressure for the small installation: what the pages about them show.

Eight substations H-1 to H-8 over 60 days of winter, the eighth of which cools badly and the seventh of which stands
still; a district Harbour with two pressure sensors; leaks at P-1 and P-2. A second organisation has a fault, too.
"""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from registry import policies
from registry.models import Customer, GroupMember, MeteringPoint
from registry.store import Registry
from tests.unit.dashboards.house import KNOWN, NEIGHBOUR, OLD, ORGANISATION, OTHER, ZONE
from warehouse.lake import Lake
from warehouse.policies import RatingsPolicy, read_as, shipped_document
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    ENERGY_SIGNATURES,
    GROUP_MEMBERS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INSTALLATIONS,
    LEAK_EVENTS,
    LOSS_ALARMS,
    METERING_POINTS,
    NIGHT_FLOW_DAILY,
    OUTDOOR_TEMPERATURES,
    PRESSURE_EVENTS,
    READINGS,
    REGISTER,
    WATER_BALANCE_DAILY,
    WATER_BALANCE_MONTHLY,
    Table,
)

BEGUN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 60
FIRST_DAY = date(2025, 9, 5)
LAST_DAY = FIRST_DAY + timedelta(days=DAYS - 1)
YEAR = (datetime(2025, 7, 1, tzinfo=ZONE).astimezone(UTC), datetime(2026, 7, 1, tzinfo=ZONE).astimezone(UTC))
SUBSTATIONS = tuple(f"H-{number}" for number in range(1, 9))
SENSORS = ("S-UP", "S-DOWN")
DISTRICT = """districts:
  Harbour:
    inflow: [DM-1]
    group: Harbour
    mains_km: 12.5
    connections: 640
    average_pressure_m: 42
    tariff: 2.1
    sensors:
      S-UP: {elevation_m: 31.5}
      S-DOWN: {elevation_m: 18.0}
"""


def add(home: Path, *, price: bool = True) -> Path:
    """Adds all of it to an installation of :func:`tests.unit.dashboards.house.home_with_figures`.

    Args:
        home: The installation.
        price: Whether the motivation tariff names a price.
    """
    lake = Lake(home / "lake")
    _register(home, price=price)
    _places(lake)
    _heat(lake)
    _weather(lake)
    _faults(lake)
    _district(lake)
    _leaks(lake)
    _pressure(lake)
    return home


def _write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    lake.append(table, pl.DataFrame([{"organisation": ORGANISATION, **row} for row in rows], infer_schema_length=None))


def meter_of(place: str) -> str:
    """The meter at a substation or a sensor."""
    number = [*SUBSTATIONS, *SENSORS].index(place) + 1
    return f"KAM-6000000{number % 10}-30-{'04' if place in SUBSTATIONS else '16'}"


def _register(home: Path, *, price: bool) -> None:
    registry = Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
    wanted = {"districts": shipped_document("districts").replace("districts: {}\n", DISTRICT)}
    if price:
        tariff = shipped_document("motivation_tariff").replace("price_per_mwh: null", "price_per_mwh: 545")
        wanted["motivation_tariff"] = tariff.replace("least_days: 360", "least_days: 30")
    with registry.begin() as session:
        for kind, document in wanted.items():
            policies.decide(
                session, ORGANISATION, kind, document, reason="test", identity="local:test", now=KNOWN, untried=True
            )
        for number, place in enumerate((*SUBSTATIONS, *SENSORS)):
            session.add(MeteringPoint(organisation=ORGANISATION, metering_point=place))
            session.add(
                Customer(
                    organisation=ORGANISATION,
                    metering_point=place,
                    customer_number=f"H{number}",
                    name=f"Sample {place}",
                    address=f"Heat Street {number}",
                    postal_code="1000",
                    city="Sampletown",
                    latitude=f"55.68{number}1",
                    longitude=f"12.58{number}3",
                )
            )
        for place in SUBSTATIONS[-2:]:
            session.add(
                GroupMember(
                    organisation=ORGANISATION,
                    group_id="b" * 32,
                    metering_point=place,
                    valid_from=BEGUN,
                    known_from=KNOWN,
                )
            )
    registry.engine.dispose()


def _places(lake: Lake) -> None:

    for place in (*SUBSTATIONS, *SENSORS):
        role, medium = ("consumption", "heat") if place in SUBSTATIONS else ("pressure", "water")
        _write(lake, METERING_POINTS, {"metering_point": place, "medium": medium, "role": role})
        _write(
            lake,
            INSTALLATIONS,
            {"metering_point": place, "meter_id": meter_of(place), "installed_at": BEGUN, "known_from": KNOWN},
        )
    members = [{"group": "Nobody", "metering_point": place} for place in SUBSTATIONS[-2:]]
    members += [{"group": "Priority meters", "metering_point": place} for place in SENSORS]
    _write(lake, GROUP_MEMBERS, *({**member, "valid_from": BEGUN, "valid_to": None} for member in members))


def _temperature(number: int) -> float:
    return 13 - 0.22 * number + 2.5 * math.sin(number * 1.7)


def _local(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def _heat(lake: Lake) -> None:
    """Substation by substation the same shape; H-7 stands still and H-8 cools by 10 K."""
    days: list[dict[str, object]] = []
    daily: list[dict[str, object]] = []
    for place_number, place in enumerate(SUBSTATIONS):
        still, bad = place == "H-7", place == "H-8"
        cooling = 10 if bad else 42 - 2 * place_number
        totals: dict[str, float] = {}
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            energy = 0.0 if still else round(24 * (0.4 + 0.25 * max(0.0, 16 - _temperature(number))), 1)
            volume = 0.0 if still else round(energy / (1.148 * cooling), 3)
            common = {
                "metering_point": place,
                "meter_id": meter_of(place),
                "day": day,
                "quality": "M",
                "known_from": KNOWN,
                "month": f"{_local(day):%Y-%m}",
            }
            days.append(
                common
                | {
                    "volume_m3": volume,
                    "energy_kwh": energy,
                    "flow_temp_c": None if still else 75.0,
                    "return_temp_c": None if still else 75.0 - cooling,
                    "cooling_k": None if still else float(cooling),
                    "weighting": "none" if still else "registers",
                    "night_energy_share": 0.24,
                    "hours_counted": 24,
                    "hunting_hours": 8 if bad else 1,
                }
            )
            amounts = {
                "volume_m3": volume,
                "energy_kwh": energy,
                "volume_temp_flow_m3c": volume * 75,
                "volume_temp_return_m3c": volume * (75 - cooling),
            }
            for register, amount in amounts.items():
                daily.append(
                    common
                    | {
                        "register": register,
                        "unit": "",
                        "period_start": _local(day),
                        "period_end": _local(day + timedelta(days=1)),
                        "consumption": amount,
                        "register_start": totals.get(register, 0.0),
                        "register_end": totals.get(register, 0.0) + amount,
                        "start_quality": "M",
                        "end_quality": "M",
                        "method": "EXACT",
                    }
                )
                totals[register] = totals.get(register, 0.0) + amount
    lake.append(HEAT_DAILY, HEAT_DAILY.conform(_exact([{"organisation": ORGANISATION, **row} for row in days])))
    frame = _exact([{"organisation": ORGANISATION, **row} for row in daily])
    lake.append(CONSUMPTION_DAILY, CONSUMPTION_DAILY.conform(frame))
    heat = frame.filter(register="energy_kwh").with_columns(pl.col("day").dt.truncate("1mo"))
    months = heat.group_by("organisation", "metering_point", "meter_id", "register", "unit", "day").agg(
        pl.col("period_start").min(),
        pl.col("period_end").max(),
        pl.col("consumption").sum(),
        pl.col("quality", "known_from", "month", "start_quality", "end_quality", "method").first(),
    )
    lake.append(CONSUMPTION_MONTHLY, CONSUMPTION_MONTHLY.conform(months))


def _exact(rows: list[dict[str, object]]) -> pl.DataFrame:
    names = ("volume_m3", "energy_kwh", "consumption", "register_start", "register_end")
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return frame.with_columns(pl.col(name).round(6).cast(REGISTER) for name in names if name in frame.columns)


def _weather(lake: Lake) -> None:
    common = {"station": "main", "source": "weather.csv", "known_from": KNOWN}
    temperatures = [
        {**common, "day": FIRST_DAY + timedelta(days=number), "mean_temp_c": round(_temperature(number), 2)}
        for number in range(DAYS)
    ]
    earlier = [
        {**common, "day": date(2024, month, 1) + timedelta(days=number), "mean_temp_c": 9.0 if month == 10 else 14.0}
        for month, length in ((9, 30), (10, 31))
        for number in range(length)
    ]
    _write(lake, OUTDOOR_TEMPERATURES, *temperatures, *earlier)
    fitted = {"quantity": "power", "station": "main", "t0_c": 16.0, "r2": 0.97, "days": DAYS, "known_from": KNOWN}
    _write(
        lake,
        ENERGY_SIGNATURES,
        *(
            {
                **fitted,
                "metering_point": place,
                "meter_id": meter_of(place),
                "period_start": YEAR[0],
                "period_end": YEAR[1],
                "slope": 0.25,
                "base": 0.4,
                "heating_days": 58,
                "quality": "weak" if place == "H-8" else "ok",
            }
            for place in SUBSTATIONS
            if place != "H-7"
        ),
    )


def _faults(lake: Lake) -> None:
    fault = {
        "metering_point": "H-8",
        "meter_id": meter_of("H-8"),
        "period_start": YEAR[0],
        "period_end": YEAR[1],
        "since": FIRST_DAY + timedelta(days=20),
        "excess_m3": 140.0,
        "cost": None,
        "known_from": KNOWN,
    }
    low = {"rule": "low_cooling", "score": 0.67, "value": 10.0, "limit": 30.0, "reason": "It cools by 10 K."}
    swings = {"rule": "control", "score": 0.4, "value": 0.33, "limit": 0.2, "reason": "Its flow turns."}
    shifted = {"rule": "signature_shift", "score": 0.2, "value": 0.25, "limit": 0.2, "reason": "It takes more."}
    _write(
        lake, HEAT_FAULTS, fault | low, fault | swings, fault | shifted | {"metering_point": "H-6", "excess_m3": 5.0}
    )
    _write(lake, HEAT_FAULTS, fault | low | {"organisation": NEIGHBOUR, "metering_point": "N-9"})


def _district(lake: Lake) -> None:
    def balance(day: date, days: int, state: str, loss: float | None) -> dict[str, object]:
        end = day + timedelta(days=days)
        middle = 30.0 * days if loss is None else loss
        return {
            "district": "Harbour",
            "day": day,
            "period_start": _local(day),
            "period_end": _local(end),
            "input_m3": 210.0 * days,
            "output_m3": 0.0,
            "storage_change_m3": 0.0,
            "consumption_measured_m3": 160.0 * days,
            "consumption_estimated_m3": 10.0 * days,
            "billed_unmetered_m3": 0.0,
            "unbilled_m3": 4.0 * days,
            "loss_m3": loss,
            "loss_low_m3": middle - 6.0 * days,
            "loss_high_m3": middle + 6.0 * days,
            "sigma_meters_m3": 2.0 * days,
            "sigma_estimates_m3": 1.0 * days,
            "coverage": 0.97 if state == "known" else 0.81,
            "expected_m3": 170.0 * days,
            "members": 640,
            "members_measured": 620 if state == "known" else 510,
            "apparent_loss_m3": None if loss is None else 3.0 * days,
            "real_loss_m3": None if loss is None else loss - 3.0 * days,
            "nrw_m3": None if loss is None else loss + 4.0 * days,
            "nrw_cost": None if loss is None else 2.1 * (loss + 4.0 * days),
            "loss_l_per_connection_day": None if loss is None else (loss - 3.0 * days) * 1000 / 640 / days,
            "loss_l_per_km_day": None if loss is None else (loss - 3.0 * days) * 1000 / 12.5 / days,
            "pressure_m": 44.0 + (day.day % 5) / 5,
            "pressure_method": "plain",
            "uarl_m3": 20.0 * days,
            "ili": None if loss is None else 1.4,
            "ili_warning": None if loss is None else "640 connections, stated for more than 5000",
            "state": state,
            "known_from": KNOWN,
        }

    daily = [
        balance(
            FIRST_DAY + timedelta(days=number),
            1,
            "interval" if number % 13 == 6 else "known",
            None if number % 13 == 6 else 30.0 + number % 7 + (20 if number > 50 else 0),
        )
        for number in range(DAYS)
    ]
    _write(lake, WATER_BALANCE_DAILY, *daily)
    months = [
        balance(date(2025, 9, 1), 26, "interval", None) | {"days": 30, "days_balanced": 26},
        balance(date(2025, 10, 1), 31, "known", 1054.0) | {"days": 31, "days_balanced": 31},
    ]
    _write(lake, WATER_BALANCE_MONTHLY, *months)
    night = {
        "district": "Harbour",
        "hours": 3,
        "lnu_m3h": 0.3,
        "lnu_method": "measured",
        "lnu_coverage": 0.96,
        "nights": 7,
        "lnu_median_m3h": 0.3,
        "exceptional_m3h": 0.0,
        "hdf_h": 22.4,
        "hdf_method": "measured",
        "known_from": KNOWN,
    }
    _write(
        lake,
        NIGHT_FLOW_DAILY,
        *(
            {
                **night,
                "day": FIRST_DAY + timedelta(days=number),
                "hour_start": _local(FIRST_DAY + timedelta(days=number)) + timedelta(hours=3),
                "mnf_m3h": 1.6 + (number % 4) / 10 + (0.9 if number > 50 else 0),
                "mnf_median_m3h": 1.7 + (0.9 if number > 54 else 0),
                "leak_night_m3h": 1.4 + (0.9 if number > 54 else 0),
                "leakage_m3": 31.4,
            }
            for number in range(DAYS)
        ),
    )
    alarm = {"district": "Harbour", "limit": 2.2, "usual": 1.7, "sigma": 0.1, "peak": 2.8, "known_from": KNOWN}
    days = {"first_day": FIRST_DAY + timedelta(days=51), "last_day": LAST_DAY, "days": 9}
    _write(lake, LOSS_ALARMS, {**alarm, **days, "kind": "sudden"})
    _write(lake, LOSS_ALARMS, {**alarm, **days, "kind": "sudden", "organisation": NEIGHBOUR})


def _leaks(lake: Lake) -> None:
    leak = {"evidence_hours": 70, "confidence": 0.9, "known_from": KNOWN}
    begun = datetime(2025, 10, 27, 6, tzinfo=UTC)
    rows = (
        {"metering_point": "P-1", "meter_id": OLD, "kind": "continuous_flow", "state": "confirmed", "rate_lh": 30.0,
         "first_seen": begun, "last_seen": begun + timedelta(days=4), "lost_l": 2880.0},
        {"metering_point": "P-2", "meter_id": OTHER, "kind": "burst", "state": "suspected", "rate_lh": 400.0,
         "first_seen": begun, "last_seen": begun + timedelta(hours=3), "lost_l": 1200.0},
    )  # fmt: skip
    _write(lake, LEAK_EVENTS, *(leak | row for row in rows))
    _write(lake, LEAK_EVENTS, leak | rows[0] | {"organisation": NEIGHBOUR, "metering_point": "N-9", "lost_l": 9999.0})


def _pressure(lake: Lake) -> None:
    """Two days of five minutes; the lower sensor has 1.2 bar more, less what flow costs, and surges once."""
    begun = _local(LAST_DAY - timedelta(days=1))
    reading = {"organisation": ORGANISATION, "source": "radio", "quality": "M"}
    rows = []
    for sensor, level in zip(SENSORS, (3.1, 4.2), strict=True):
        for step in range(2 * 288):
            at = begun + timedelta(minutes=5 * step)
            draw = 0.15 * math.sin(step / 288 * 2 * math.pi) * (2 if sensor == "S-DOWN" else 1)
            jump = -1.3 if sensor == "S-DOWN" and 300 <= step < 304 else 0.0
            times = dict.fromkeys(("measured_at", "received_at", "landed_at"), at)
            value = round(level + draw + jump, 3)
            rows.append(
                {**reading, **times, "meter_id": meter_of(sensor), "pressure_bar": value, "month": f"{at:%Y-%m}"}
            )
    lake.append(READINGS, pl.DataFrame(rows))
    surge = {"district": "Harbour", "metering_point": "S-DOWN", "kind": "surge", "samples": 1, "extreme_bar": 1.3}
    at = begun + timedelta(minutes=1500)
    _write(lake, PRESSURE_EVENTS, surge | {"at": at, "until": at, "known_from": KNOWN})


def ratings_of(home: Path) -> RatingsPolicy:
    """The ratings in force."""
    registry = Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
    with registry.begin(readonly=True) as session:
        found = policies.stored(session, ORGANISATION, "ratings")
    registry.engine.dispose()
    return read_as(RatingsPolicy, found.document)
