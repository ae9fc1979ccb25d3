"""Tenants: what belongs to another organisation shows in no published table and through no query function."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse import queries, sql
from warehouse.errors import WarehouseError
from warehouse.excerpt import Excerpt, Readable
from warehouse.lake import Lake
from warehouse.policies import (
    CoveragePolicy,
    DistrictsPolicy,
    InfoCodePolicy,
    LeakPolicy,
    ReplacementPolicy,
    read_policy,
    shipped_document,
)
from warehouse.queries import (
    alerts,
    attention,
    checking,
    collectors,
    comparison,
    consumption,
    corrections,
    coverage,
    exceptions,
    exchanges,
    exported,
    exported_figures,
    exported_readings,
    extents,
    fleet,
    gauges,
    groups,
    heat,
    heat_days,
    heat_faults,
    imports,
    info_codes,
    leaks,
    motivation_tariff,
    normalisation,
    overview,
    performance,
    pressure,
    provenance,
    readings,
    report_changes,
    reports,
    roles,
    silence,
    subjects,
    tariffs,
    water,
    weather,
    wired,
)
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    RECORDS,
    TABLES,
    Table,
)
from warehouse.schemas.frames import RECEPTIONS

OURS, THEIRS = "ours", "theirs"
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
DAY = date(TODAY.year, TODAY.month, TODAY.day)
ZONE = ZoneInfo("UTC")
EXPORTED = exported.Asked(OURS, ZONE, TODAY - timedelta(days=1), TODAY + timedelta(days=1), TODAY + timedelta(days=1))
NOTHING_ERASED = pl.DataFrame(schema={"metering_point": pl.String, "first_day": pl.Date, "last_day": pl.Date})
METERS = pl.DataFrame({"meter_id": [f"{OURS}-meter_id", f"{THEIRS}-meter_id"], "medium": ["water", "water"]})
PERIOD = {"register": "volume_m3", "first": DAY, "last": DAY}


SPECIAL = {
    "register": "volume_m3",
    "criterion": "daily",
    "outcome": "decoded",
    "quality": "M",
    "unit": "m3",
    "kind": "EXCHANGE",
    "month": f"{TODAY:%Y-%m}",
    "medium": "water",
    "role": "consumption",
    "table_name": "consumption_daily",
    "old_quality": "E",
    "new_quality": "M",
    "start_quality": "M",
    "end_quality": "M",
    "priority": "high",
    "state": "triggered",
    "verdict": "WRONG_SCALE",
    "quantity": "power",
}
"""Texts that mean something."""


def value(dtype: pl.DataType, name: str, mark: str) -> object:
    """Something of a type; texts tell whose they are."""
    if dtype == pl.String:
        return SPECIAL.get(name, f"{mark}-{name}")
    if isinstance(dtype, pl.Datetime):
        return TODAY
    if dtype == pl.Date:
        return DAY
    if dtype.is_decimal():
        return Decimal(7) if mark == OURS else Decimal(11)
    if dtype == pl.Binary:
        return mark.encode()
    if dtype == pl.Boolean:
        return True
    return 5 if name == "heard_hours" else 1  # with an hour without reception between two others


def row(table: Table, organisation: str) -> pl.DataFrame:
    cells = {column.name: [value(column.dtype, column.name, organisation)] for column in table.columns}
    cells["organisation"] = [organisation]
    if "period_end" in cells:
        cells["period_end"] = [TODAY + timedelta(hours=1)]
    for name in ("removed_at", "valid_to", "cleared_at"):
        if name in cells:
            cells[name] = [None]
    if "period_end" in cells:
        cells["period_end"] = [TODAY + timedelta(hours=1)]
    return pl.DataFrame(cells, schema=dict(table.schema))


def fill(folder: Path, *organisations: str) -> Lake:
    lake = Lake(folder)
    for table in TABLES.values():
        if table.kind == "stored":
            for organisation in organisations:
                lake.append(table, row(table, organisation))
    return lake


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return fill(tmp_path_factory.mktemp("alone"), OURS)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return fill(tmp_path_factory.mktemp("shared"), OURS, THEIRS)


PUBLISHED = [table.name for table in TABLES.values() if table.published]


@pytest.mark.parametrize("name", PUBLISHED)
def test_sql_shows_our_rows_alone(shared: Lake, name: str) -> None:
    everything = sql.query(sql.Reader(shared), f"select organisation from {name}")["organisation"]
    assert sorted(everything) == [OURS, THEIRS]
    mine = sql.query(sql.Reader(shared, OURS), f"from {name}")
    assert mine["organisation"].to_list() == [OURS]
    assert THEIRS not in mine.select(pl.col(pl.String)).write_csv()


def districts() -> DistrictsPolicy:
    """Somebody has named the sensors of another organisation beside our own."""
    ours, theirs = f"{OURS}-metering_point", f"{THEIRS}-metering_point"
    text = f"""districts:
  ours-district:
    inflow: [x]
    points: [y]
    mains_km: 1
    connections: 1
    sensors: {{{ours}: {{elevation_m: 1}}, {theirs}: {{elevation_m: 1}}}}
    stretches:
      - {{upstream: {ours}, downstream: {ours}, flow: {ours}}}
      - {{upstream: {theirs}, downstream: {theirs}, flow: {theirs}}}
"""
    policy = read_policy("districts", shipped_document("districts").replace("districts: {}\n", text))
    assert isinstance(policy, DistrictsPolicy)
    return policy


TODAYS = water.Asked(ZONE, DAY, DAY)


def subject(name: str) -> pl.DataFrame:
    return subjects.point(f"{name}-metering_point")


COVERAGE = read_policy("coverage", shipped_document("coverage").replace("gap_h: 2", "gap_h: 1"))
assert isinstance(COVERAGE, CoveragePolicy)
CODES = InfoCodePolicy(codes={}, max_age_intervals=3, max_age_h={}, few_observations_days=15, alert_days=21)
EVERYTHING = ReplacementPolicy(least_absolute={}, least_percent=0, better_quality=True)
ASKED = info_codes.Asked(as_of=TODAY, zone=ZONE, expected_interval=timedelta(hours=1))


LEAKS = read_policy("leaks", shipped_document("leaks"))
assert isinstance(LEAKS, LeakPolicy)


@dataclass(frozen=True)
class Heated:
    """The same lake, where what was used in months is heat."""

    lake: Readable

    def scan(self, table: Table) -> pl.LazyFrame:
        rows = self.lake.scan(table)
        return rows.with_columns(register=pl.lit("energy_kwh")) if table is CONSUMPTION_MONTHLY else rows

    def partitions(self, table: Table) -> list[str]:
        return self.lake.partitions(table)


@dataclass(frozen=True)
class ByWire:
    """The same lake, where readings came by wire."""

    lake: Readable

    def scan(self, table: Table) -> pl.LazyFrame:
        rows = self.lake.scan(table)
        return rows.with_columns(source=pl.lit(wired.WIRED)) if table is READINGS else rows

    def partitions(self, table: Table) -> list[str]:
        return self.lake.partitions(table)


@dataclass(frozen=True)
class ByTariff:
    """The same lake, where each organisation's meters send a register of a tariff of its own."""

    lake: Readable

    def scan(self, table: Table) -> pl.LazyFrame:
        rows = self.lake.scan(table)
        if table is not RECORDS:
            return rows
        nothing = pl.lit(None, pl.String)
        return rows.with_columns(
            quantity=pl.lit("volume"),
            function=pl.lit("instantaneous"),
            modifiers=nothing,
            tariff=pl.when(pl.col("organisation") == OURS).then(1).otherwise(2),
            **dict.fromkeys(("storage", "subunit"), pl.lit(0)),
        )

    def partitions(self, table: Table) -> list[str]:
        return self.lake.partitions(table)


GRID = gauges.Grid(DAY, DAY, ZONE, timedelta(hours=1))

CALLS: dict[Callable[..., object], Callable[[Readable], object]] = {
    alerts.report: lambda lake: alerts.report(lake, OURS, TODAY),
    attention.late_meters: lambda lake: attention.late_meters(lake, OURS)[1],  # type: ignore[index]
    attention.counts: lambda lake: attention.counts(lake, OURS),
    attention.silent_collectors: lambda lake: attention.silent_collectors(lake, OURS, 0),
    attention.rejected_lines: lambda lake: attention.rejected_lines(lake, OURS, TODAY.date()),
    checking.last_frame: lambda lake: checking.last_frame(lake, OURS, f"{OURS}-meter_id"),
    checking.unregistered: lambda lake: checking.unregistered(lake, OURS, "meter_id"),
    checking.heard_by: lambda lake: checking.heard_by(lake, OURS, f"{OURS}-meter_id"),
    checking.meters_heard: lambda lake: checking.meters_heard(lake, OURS, f"{OURS}-collector"),
    checking.collector_now: lambda lake: checking.collector_now(lake, OURS, f"{OURS}-collector"),
    checking.last_contact: lambda lake: checking.last_contact(lake, OURS, f"{OURS}-meter_id"),
    fleet.kinds: lambda lake: fleet.kinds(lake, OURS),
    fleet.installed: lambda lake: fleet.installed(lake, OURS),
    wired.extent: lambda lake: wired.extent(ByWire(lake), OURS, ZONE),
    wired.meters: lambda lake: wired.meters(ByWire(lake), OURS, DAY, DAY, ZONE),
    fleet.hearing: lambda lake: fleet.hearing(lake, OURS),
    info_codes.of_meter: lambda lake: info_codes.of_meter(lake, OURS, CODES, "en", f"{OURS}-meter_id", "water"),
    info_codes.open_of: lambda lake: info_codes.open_of(lake, OURS, CODES, "en", METERS),
    readings.recent: lambda lake: readings.recent(lake, OURS, f"{OURS}-meter_id"),
    alerts.events: lambda lake: alerts.events(lake, OURS, 1),
    consumption.registers: lambda lake: consumption.registers(lake, OURS, both()),
    consumption.extent: lambda lake: consumption.extent(lake, OURS, both(), "volume_m3"),
    consumption.figures: lambda lake: consumption.figures(lake, OURS, both(), interval="daily", **PERIOD),
    consumption.summed: lambda lake: consumption.summed(lake, OURS, both(), interval="daily", **PERIOD),
    comparison.on_common_grid: lambda lake: comparison.on_common_grid(
        lake,
        OURS,
        [comparison.Series(f"{whose}-metering_point", "volume_m3") for whose in (OURS, THEIRS)],
        comparison.Compared(DAY, DAY, ZONE, "daily", timedelta(hours=1)),
    ),
    report_changes.report_changes: lambda lake: report_changes.report_changes(
        lake, OURS, reports.Asked(DAY, DAY, ZONE), TODAY - timedelta(days=400)
    ),
    consumption.register_events: lambda lake: consumption.register_events(lake, OURS, both(), **PERIOD, zone=ZONE),
    consumption.info_codes: lambda lake: consumption.info_codes(lake, OURS, both(), first=DAY, last=DAY, zone=ZONE),
    exceptions.exceptions: lambda lake: exceptions.exceptions(lake, OURS, zone=ZONE, states=()),
    consumption.latest_reading: lambda lake: consumption.latest_reading(lake, OURS, both()),
    corrections.corrections: lambda lake: corrections.corrections(
        lake, OURS, CONSUMPTION_DAILY, EVERYTHING, TODAY, TODAY + timedelta(days=1)
    ),
    gauges.on_grid: lambda lake: gauges.on_grid(lake, OURS, both(), "flow_temp_c", GRID),
    coverage.meters: lambda lake: coverage.meters(lake, OURS, COVERAGE, DAY, DAY),
    coverage.collectors: lambda lake: coverage.collectors(lake, OURS, COVERAGE, DAY, DAY, zone=ZONE),
    coverage.what_if: lambda lake: coverage.what_if(lake, OURS, DAY, DAY),
    coverage.gaps: lambda lake: coverage.gaps(lake, OURS, COVERAGE, DAY, DAY, zone=ZONE),
    performance.by_meter: lambda lake: performance.by_meter(lake, OURS, "daily", DAY, DAY),
    exported.group_members: lambda lake: exported.group_members(lake, EXPORTED, f"{OURS}-group"),
    exported_figures.figures: lambda lake: pl.concat(
        exported_figures.figures(
            lake, EXPORTED, places(lake), "daily", filling="all", replacement=shipped("replacement")
        )
    ),
    exported_readings.readings: lambda lake: pl.concat(exported_readings.readings(lake, EXPORTED, places(lake))),
    exported_readings.final_readings: lambda lake: exported_readings.final_readings(lake, EXPORTED, places(lake)),
    extents.newest: lambda lake: extents.newest(lake, RECEPTIONS, pl.col("organisation") == OURS),
    extents.first_and_last_day: lambda lake: extents.first_and_last_day(lake, READING_PERFORMANCE_DAILY, OURS),
    performance.causes: lambda lake: performance.causes(lake, OURS, "daily", DAY, DAY),
    silence.newest: lambda lake: silence.newest(lake, OURS),
    silence.silent: lambda lake: silence.silent(lake, OURS, COVERAGE, TODAY + timedelta(days=4), ZONE),
    silence.batteries: lambda lake: silence.batteries(lake, OURS, COVERAGE, TODAY),
    groups.counts: lambda lake: groups.counts(lake, OURS, TODAY),
    groups.on_day: lambda lake: groups.on_day(lake, OURS, f"{OURS}-group", DAY, ZONE),
    groups.readers: lambda lake: groups.readers(lake, OURS, TODAY),
    groups.read_by: lambda lake: groups.read_by(lake, OURS, f"{OURS}-collector", DAY, ZONE),
    info_codes.report: lambda lake: info_codes.report(lake, OURS, CODES, ASKED),
    leaks.report: lambda lake: leaks.report(lake, OURS, LEAKS, leaks.Asked(ZONE)),
    heat.report: lambda lake: heat.report(
        lake, OURS, shipped("heat"), shipped("ratings"), heat.Asked(first=DAY, last=DAY, zone=ZONE)
    ),
    heat.checks: lambda lake: heat.checks(lake, OURS, first=DAY, last=DAY),
    heat_faults.report: lambda lake: heat_faults.report(lake, OURS, at=TODAY),
    motivation_tariff.report: lambda lake: motivation_tariff.report(
        lake, OURS, shipped("motivation_tariff", "price_per_mwh: null", "price_per_mwh: 545"), year=DAY.year, zone=ZONE
    ),
    weather.temperatures: lambda lake: weather.temperatures(lake, OURS, shipped("weather"), f"{OURS}-station"),
    weather.signatures: lambda lake: weather.signatures(lake, OURS),
    weather.signatures_of_years: lambda lake: weather.signatures_of_years(lake, OURS),
    weather.sums: lambda lake: weather.sums(lake, OURS, shipped("weather"), first=DAY, last=DAY),
    normalisation.report: lambda lake: normalisation.report(
        Heated(lake), OURS, shipped("weather"), normalisation.Asked(DAY, DAY, ZONE)
    ),
    overview.counts: lambda lake: overview.counts(lake, OURS),
    overview.outcomes_by_day: lambda lake: overview.outcomes_by_day(lake, OURS),
    overview.latest_imports: lambda lake: overview.latest_imports(lake, OURS),
    overview.performance: lambda lake: overview.performance(lake, OURS),
    provenance.of_day: lambda lake: [
        provenance.of_day(lake, OURS, f"{whose}-metering_point", DAY, erased=NOTHING_ERASED)["figures"]
        for whose in (OURS, THEIRS)
    ],
    readings.latest: lambda lake: readings.latest(lake, OURS, METERS["meter_id"]),
    readings.main_registers: lambda lake: readings.main_registers(lake, OURS, METERS),
    reports.consumption_report: lambda lake: reports.consumption_report(lake, OURS, reports.Asked(DAY, DAY, ZONE)),
    consumption.total: lambda lake: consumption.total(
        lake, OURS, both(), consumption.figures(lake, OURS, both(), interval="daily", **PERIOD)
    ),
    roles.consuming: lambda lake: roles.consuming(lake, OURS, subject(OURS)),
    water.balances: lambda lake: water.balances(lake, OURS, TODAYS, "daily"),
    water.loss_alarms: lambda lake: water.loss_alarms(lake, OURS, TODAYS),
    heat_days.extent: lambda lake: heat_days.extent(lake, OURS),
    heat_days.of_point: lambda lake: heat_days.of_point(
        lake, OURS, shipped("weather"), heat_days.Asked(f"{OURS}-metering_point", DAY, DAY, ZONE)
    ),
    heat_faults.years: lambda lake: heat_faults.years(lake, OURS),
    weather.signature_years: lambda lake: weather.signature_years(lake, OURS),
    weather.signature_report: lambda lake: weather.signature_report(lake, OURS, TODAY),
    leaks.extent: lambda lake: leaks.extent(lake, OURS, ZONE),
    water.extent: lambda lake: water.extent(lake, OURS),
    water.zone_pressures: lambda lake: water.zone_pressures(lake, OURS, TODAYS),
    pressure.extent: lambda lake: pressure.extent(lake, OURS, districts(), ZONE),
    pressure.sensors: lambda lake: pressure.sensors(lake, OURS, districts(), TODAYS),
    pressure.difference: lambda lake: pressure.difference(
        lake, OURS, districts(), TODAYS, f"{OURS}-metering_point", f"{OURS}-metering_point"
    ),
    pressure.priority: lambda lake: pressure.priority(lake, OURS, f"{OURS}-group", TODAY),
    subjects.members: lambda lake: subjects.members(lake, OURS, f"{OURS}-group", TODAY),
    water.night_flows: lambda lake: water.night_flows(lake, OURS, TODAYS),
    water.pressure_events: lambda lake: water.pressure_events(lake, OURS, TODAYS),
    water.pressures: lambda lake: water.pressures(lake, OURS, districts(), TODAYS),
    water.stretches: lambda lake: water.stretches(lake, OURS, districts(), TODAYS),
    water.samples_of: lambda lake: water.samples_of(
        lake, OURS, both()["metering_point"], TODAY, TODAY + timedelta(hours=1)
    ),
    tariffs.sent: lambda lake: [
        tariffs.sent(ByTariff(lake), OURS, f"{whose}-metering_point", **PERIOD) for whose in (OURS, THEIRS)
    ],
    tariffs.figures: lambda lake: pl.concat(
        tariffs.figures(
            ByTariff(lake),
            OURS,
            f"{whose}-metering_point",
            **PERIOD,
            interval="hourly",
            gap_limit=timedelta(days=1),
        )
        for whose in (OURS, THEIRS)
    ),
    alerts.changes: lambda lake: alerts.changes(lake, OURS),
    collectors.collectors: lambda lake: collectors.collectors(lake, OURS, COVERAGE, DAY, DAY, zone=ZONE),
    collectors.extent: lambda lake: collectors.extent(lake, OURS),
    exceptions.around: lambda lake: exceptions.around(lake, OURS, f"{OURS}-meter_id", "volume_m3", TODAY),
    exceptions.extent: lambda lake: exceptions.extent(lake, OURS, ZONE),
    exchanges.exchanges: lambda lake: exchanges.exchanges(lake, OURS, ZONE, DAY, DAY),
    exchanges.extent: lambda lake: exchanges.extent(lake, OURS, ZONE),
    groups.collectors: lambda lake: groups.collectors(lake, OURS),
    imports.rejected: lambda lake: imports.rejected(lake, OURS, days=100_000),
    info_codes.extent: lambda lake: info_codes.extent(lake, OURS, ZONE),
    performance.by_day: lambda lake: performance.by_day(lake, OURS, "daily", DAY, DAY),
    performance.extent: lambda lake: performance.extent(lake, OURS),
    subjects.metering_points: lambda lake: subjects.metering_points(lake, OURS),
    subjects.meters: lambda lake: subjects.meters(lake, OURS),
    subjects.is_point: lambda lake: subjects.is_point(lake, OURS, f"{OURS}-metering_point"),
    subjects.groups: lambda lake: subjects.groups(lake, OURS),
    subjects.group: lambda lake: subjects.group(lake, OURS, f"{THEIRS}-group"),
}


def shipped(kind: str, *change: str) -> Any:
    return read_policy(kind, shipped_document(kind).replace(*change) if change else shipped_document(kind))


def places(lake: Readable) -> exported.Places:
    """What a file of ours is about."""
    return exported.Places.known(lake, EXPORTED, None, None)


def both() -> pl.DataFrame:
    """Somebody asks for a point of theirs beside our own."""
    return pl.concat([subject(OURS), subject(THEIRS)])


def asking() -> set[Callable[..., object]]:
    """Every public query function that reads the lake."""
    modules = [
        importlib.import_module(f"{queries.__name__}.{info.name}") for info in pkgutil.iter_modules(queries.__path__)
    ]
    return {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if "lake" in inspect.signature(function).parameters
    }


def test_every_query_function_is_among_the_calls() -> None:
    assert asking() == set(CALLS)


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_query_functions_tell_nothing_of_others(alone: Lake, shared: Lake, function: Callable[..., object]) -> None:
    expected, found = CALLS[function](alone), CALLS[function](shared)
    if isinstance(found, pl.DataFrame) and isinstance(expected, pl.DataFrame):
        assert found.equals(expected)
    else:
        assert found == expected
    is_nothing = expected.is_empty() if isinstance(expected, pl.DataFrame) else not expected
    assert is_nothing == (function is subjects.group), "what tells nothing proves nothing"


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory: pytest.TempPathFactory) -> Excerpt:
    """Our meter within a lake where another meter of ours has the same rows."""
    lake = fill(tmp_path_factory.mktemp("excerpt"), OURS)
    for table in TABLES.values():
        if table.kind == "stored":
            mine = row(table, OURS)
            marks = {name: f"{THEIRS}-{name}" for name, dtype in mine.schema.items() if dtype == pl.String}
            kept = (
                "organisation",
                "register",
                "criterion",
                "outcome",
                "quality",
                "unit",
                "kind",
                "month",
                "medium",
                "role",
                "verdict",
                "quantity",
            )
            lake.append(
                table, mine.with_columns(pl.lit(text).alias(name) for name, text in marks.items() if name not in kept)
            )
    return Excerpt(lake, {f"{OURS}-meter_id"})


PLACES = ("metering_points", "metering_points_history", "receptions")
"""Tables without a meter that show what belongs to one."""


@pytest.mark.parametrize("name", [table.name for table in TABLES.values() if table.kind == "stored"])
def test_an_excerpt_shows_the_rows_of_its_meters_alone(excerpt: Excerpt, name: str) -> None:
    table = TABLES[name]
    rows = excerpt.scan(table).collect()
    assert rows.height == int("meter_id" in table.schema or name in PLACES)
    assert THEIRS not in rows.select(pl.col(pl.String)).write_csv()


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_query_functions_tell_an_excerpt_nothing_of_other_meters(
    excerpt: Excerpt, function: Callable[..., object]
) -> None:
    if function is exported.group_members:  # an excerpt has no groups
        with pytest.raises(WarehouseError, match="no group"):
            CALLS[function](excerpt)
        return
    found = CALLS[function](excerpt)
    assert THEIRS not in (found.write_csv() if isinstance(found, pl.DataFrame) else str(found))
