"""The lake at a utility's size: one meter's history, a fleet's month, bytes per reading; the same in PostgreSQL.

    .venv/bin/python -m benchmarks.history build  --lake DIR [--hourly 25000] [--daily 75000] [--months 13]
    .venv/bin/python -m benchmarks.history ask    --lake DIR
    .venv/bin/python -m benchmarks.history compare [--readings 20000000]

``build`` writes readings and the consumption they give straight into a lake, month by month, as compaction leaves them:
water meters read each hour and water meters read each day, telegram keys and frame ids as long and as random as real
ones. ``ask`` times queries on it: medians and worst of several runs after a first one, each with other meters.
``compare`` puts the same readings into a lake and into a table of a PostgreSQL server, with an index by meter
and time, and asks both the same two questions in turn. Seconds by the clock; say what else the machine did.
"""

import argparse
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import psycopg2
from psycopg2.extensions import connection

from tests.postgresql import PostgreSql, programs, running
from warehouse.lake import Lake
from warehouse.phrases import phrase
from warehouse.queries import consumption, readings, subjects
from warehouse.queries.reports import Asked, consumption_report, totals
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    REGISTER,
)
from warehouse.schemas.readings import READINGS
from warehouse.transforms.calendar import local_days, local_months

ZONE = ZoneInfo("Europe/Copenhagen")
FIRST = date(2025, 1, 1)
ORGANISATION = "default"
METERS_AT_ONCE = 5_000
RUNS = 15
KNOWN = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = {
    "meter_id": "text",
    "measured_at": "timestamptz",
    "received_at": "timestamptz",
    "landed_at": "timestamptz",
    "frame_id": "text",
    "telegram_key": "text",
    "layout_id": "text",
    "volume_m3": "numeric(18, 6)",
    "ambient_temp_c": "float8",
    "info_code": "bigint",
    "info_code_kind": "text",
    "status": "smallint",
    "source": "text",
    "quality": "text",
}
"""Columns of a water meter's reading in PostgreSQL."""


def main() -> None:
    """Runs the steps that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("build", "ask", "compare"))
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--hourly", type=int, default=25_000)
    parser.add_argument("--daily", type=int, default=75_000)
    parser.add_argument("--months", type=int, default=13)
    parser.add_argument("--readings", type=int, default=20_000_000)
    options = parser.parse_args()
    if options.step == "compare":
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), options.readings)
        return
    if options.lake is None:
        parser.error("name the folder of the lake: --lake DIR")
    if options.step == "build":
        build(Lake(options.lake), options.hourly, options.daily, options.months)
    size(options.lake)
    if options.step == "ask":
        ask(Lake(options.lake))


def build(lake: Lake, hourly: int, daily: int, months: int) -> None:
    """Writes the fleet, then month by month its readings and its consumption."""
    fleet = meters(hourly + daily)
    inventory(lake, fleet)
    started = time.perf_counter()
    for start, end in month_bounds(months):
        for step, some in ((timedelta(hours=1), fleet.head(hourly)), (timedelta(days=1), fleet.tail(daily))):
            for part in some.iter_slices(METERS_AT_ONCE if step < timedelta(days=1) else daily or 1):
                rows = read(part, start, end, step)
                lake.append(READINGS, rows)
                if step < timedelta(days=1):
                    lake.append(CONSUMPTION_HOURLY, periods(rows, step))
                days = periods(part_of_days(rows, step), timedelta(days=1))
                lake.append(CONSUMPTION_DAILY, days)
                lake.append(CONSUMPTION_MONTHLY, of_months(days))
        print(f"{start:%Y-%m}: {time.perf_counter() - started:.0f} s", flush=True)


def meters(count: int) -> pl.DataFrame:
    """Water meters with a metering point each and their hourly consumption in litres."""
    return pl.select(number=pl.int_range(count)).select(
        meter_id=phrase("KAM-{}-1b-16", (pl.col("number") + 10_000_000).cast(pl.String)),
        metering_point=phrase("P{}", (pl.col("number") + 10_000_000).cast(pl.String)),
        litres=(pl.col("number") * 7919 % 23) + 1,
    )


def inventory(lake: Lake, fleet: pl.DataFrame) -> None:
    """Meters, points and installations, as the registry publishes them."""
    owned = fleet.with_columns(organisation=pl.lit(ORGANISATION), known_from=pl.lit(KNOWN))
    since = datetime(2020, 1, 1, tzinfo=UTC)
    told = {"manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water"}
    states = {"state": "in_use", "key_status": "ok", "role": "consumption"}
    rows = owned.with_columns(
        *(pl.lit(text).alias(name) for name, text in {**told, **states}.items()),
        serial=pl.col("meter_id").str.slice(4, 8),
        installed_at=pl.lit(since),
    )
    for table in (METERS, METERING_POINTS, INSTALLATIONS):
        lake.overwrite(table, rows)


def month_bounds(count: int) -> Iterator[tuple[datetime, datetime]]:
    """Start and end of local months."""
    last = FIRST + timedelta(days=31 * count)
    yield from local_months(FIRST, last, ZONE).head(count).select("start", "end").iter_rows()


def read(some: pl.DataFrame, start: datetime, end: datetime, step: timedelta) -> pl.DataFrame:
    """Readings of some meters in a month: on the hour for hourly ones, at midnight (UTC) for daily ones."""
    instants = pl.datetime_range(start, end, step, closed="left", eager=True, time_unit="us").alias("measured_at")
    rows = some.join(instants.to_frame(), how="cross")
    hours = (pl.col("measured_at") - pl.lit(datetime(2020, 1, 1, tzinfo=UTC))).dt.total_hours()
    seed = pl.concat_str("meter_id", pl.col("measured_at").dt.timestamp("us").cast(pl.String))
    return rows.with_columns(
        organisation=pl.lit(ORGANISATION),
        received_at="measured_at",
        landed_at=pl.col("measured_at").dt.truncate("1h") + timedelta(minutes=20),
        frame_id=phrase("e20fe3caa723f59e-{}", pl.int_range(pl.len()).cast(pl.String)),
        telegram_key=pl.concat_str(seed.hash(1).cast(pl.String), seed.hash(2).cast(pl.String)),
        layout_id=pl.lit("dc152099eecdcdc3940780b199832ebc"),
        volume_m3=litres(pl.col("litres") * hours + (seed.hash(3) % 20).cast(pl.Int64)),
        info_code=pl.lit(0, pl.Int64),
        info_code_kind=pl.lit("water_16bit"),
        ambient_temp_c=(seed.hash(4) % 12).cast(pl.Float64) + 5,
        status=pl.lit(0, pl.Int16),
        source=pl.lit("radio"),
        quality=pl.lit("M"),
        month=pl.col("measured_at").dt.strftime("%Y-%m"),
    )


def litres(count: pl.Expr) -> pl.Expr:
    """Litres as a register in cubic metres."""
    return (count * 1000).cast(pl.Int128).reinterpret(dtype=REGISTER)


def part_of_days(rows: pl.DataFrame, step: timedelta) -> pl.DataFrame:
    """Of hourly readings those at the start of a local day."""
    if step >= timedelta(days=1):
        return rows
    days = local_days(FIRST, FIRST + timedelta(days=500), ZONE)
    return rows.join(days.select(measured_at="start"), on="measured_at", how="semi", maintain_order="left")


def periods(rows: pl.DataFrame, step: timedelta) -> pl.DataFrame:
    """Consumption between readings; the last of each meter goes on at its rate."""
    value, following = pl.col("volume_m3"), pl.col("volume_m3").shift(-1).over("meter_id")
    rate = litres(pl.col("litres") * int(step / timedelta(hours=1)))
    closing = pl.coalesce(following, value + rate)
    return rows.select(
        "organisation",
        "metering_point",
        "meter_id",
        register=pl.lit("volume_m3"),
        period_start="measured_at",
        period_end=pl.coalesce(pl.col("measured_at").shift(-1).over("meter_id"), pl.col("measured_at") + pl.lit(step)),
        day=pl.col("measured_at").dt.convert_time_zone(ZONE.key).dt.date(),
        consumption=closing - value,
        unit=pl.lit("m3"),
        quality=pl.lit("M"),
        method=pl.lit("EXACT"),
        register_start=value,
        register_end=closing,
        start_quality=pl.lit("M"),
        end_quality=pl.lit("M"),
        share_interpolated=pl.lit(0.0),
        known_from=pl.lit(KNOWN),
        month="month",
    )


def of_months(days: pl.DataFrame) -> pl.DataFrame:
    """Months of whole months of days."""
    same = ("organisation", "register", "unit", "quality", "method", "start_quality", "end_quality", "known_from")
    return (
        days.group_by("metering_point", "meter_id", maintain_order=True)
        .agg(
            pl.col(*same, "share_interpolated").first(),
            pl.col("period_start", "register_start", "month").first(),
            pl.col("period_end", "register_end").last(),
            pl.col("consumption").sum(),
            pl.col("day").first().dt.month_start(),
        )
        .pipe(CONSUMPTION_MONTHLY.conform)
    )


def size(folder: Path) -> None:
    """Rows and bytes per row of each table."""
    lake = Lake(folder)
    for table in (READINGS, CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY):
        rows = lake.scan(table).select(pl.len()).collect().item()
        files = lake.files(table)
        used = sum(Path(file).stat().st_size for file in files)
        print(f"{table.name:22} {rows:>12,} rows  {len(files):>4} files  {used / max(rows, 1):6.1f} bytes per row")


def ask(lake: Lake) -> None:
    """Times the questions that people ask."""
    fleet = lake.scan(INSTALLATIONS).select("metering_point", "meter_id").collect()
    known = lake.scan(CONSUMPTION_HOURLY).select(pl.col("day").max()).collect().item()
    span = {"first": FIRST, "last": known}
    hourly_points = lake.scan(CONSUMPTION_HOURLY).select("metering_point").unique().collect()["metering_point"]
    chance = random.Random(11)

    def history() -> int:
        subject = subjects.point(chance.choice(hourly_points))
        return consumption.figures(lake, ORGANISATION, subject, interval="hourly", register="volume_m3", **span).height

    def registers() -> int:
        meter = fleet.filter(metering_point=chance.choice(hourly_points))["meter_id"].item()
        rows = lake.scan(READINGS).filter(organisation=ORGANISATION).filter(pl.col("meter_id") == meter)
        return rows.select("measured_at", "volume_m3", "quality").collect().height

    def month() -> int:
        asked = Asked(date(2025, 12, 1), date(2025, 12, 31), ZONE)
        return totals(consumption_report(lake, ORGANISATION, asked)).height

    def days() -> int:
        asked = Asked(date(2025, 11, 5), date(2025, 12, 17), ZONE)
        return totals(consumption_report(lake, ORGANISATION, asked)).height

    def latest() -> int:
        return readings.latest(lake, ORGANISATION, fleet["meter_id"].sample(50, seed=chance.randrange(10**6))).height

    for name, question in (
        ("one point, 13 months of hours", history),
        ("one meter, 13 months of readings", registers),
        ("all points, a month, with totals", month),
        ("all points, 43 days, with totals", days),
        ("latest reading of 50 meters", latest),
    ):
        timed(name, question)


def timed(name: str, question: Callable[[], int]) -> float:
    """Prints the first run, median and worst of the next ones; gives the median [s]."""
    seconds = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        rows = question()
        seconds.append(time.perf_counter() - started)
    first, rest = seconds[0], seconds[1:]
    middle = statistics.median(rest)
    print(
        f"{name:36} first {first:7.3f} s  median {middle:7.3f} s  worst {max(rest):7.3f} s  ({rows} rows)", flush=True
    )
    return middle


def compare(folder: Path, count: int) -> None:
    """The same readings and questions in a lake and in PostgreSQL."""
    found = programs()
    if found is None:
        raise SystemExit("There is no PostgreSQL server on this machine: install the package postgresql.")
    months = list(month_bounds(2))
    hours = int((months[-1][1] - months[0][0]) / timedelta(hours=1))
    fleet = meters(-(-count // hours))
    lake = Lake(folder / "lake")
    with running(found) as server, closing(connected(server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"create table readings ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        seconds = {"lake": 0.0, "PostgreSQL": 0.0}
        for start, end in months:
            for part in fleet.iter_slices(METERS_AT_ONCE):
                rows = read(part, start, end, timedelta(hours=1))
                seconds["lake"] += spent(lambda rows=rows: lake.append(READINGS, rows))
                text = io.BytesIO()
                rows.select(*COLUMNS).write_csv(text, include_header=False)
                text.seek(0)
                copy = f"copy readings ({', '.join(COLUMNS)}) from stdin with (format csv)"
                seconds["PostgreSQL"] += spent(lambda text=text, copy=copy: cursor.copy_expert(copy, text))
        seconds["PostgreSQL"] += spent(lambda: cursor.execute("create index on readings (meter_id, measured_at)"))
        cursor.execute("vacuum analyze readings")
        cursor.execute("select count(*), pg_total_relation_size('readings') from readings")
        rows_there, used = cursor.fetchone() or (0, 0)
        files = sum(Path(file).stat().st_size for file in lake.files(READINGS))
        print(f"{rows_there:,} readings, bytes each: lake {files / rows_there:.1f}, PostgreSQL {used / rows_there:.1f}")
        print(f"written in: lake {seconds['lake']:.0f} s, PostgreSQL with its index {seconds['PostgreSQL']:.0f} s")
        chance = random.Random(11)
        ids = fleet["meter_id"].to_list()
        start, end = months[1]

        def history_there() -> int:
            asked = "select measured_at, volume_m3, quality from readings where meter_id = %s order by measured_at"
            cursor.execute(asked, [chance.choice(ids)])
            return len(cursor.fetchall())

        def history_here() -> int:
            rows = (
                lake.scan(READINGS).filter(organisation=ORGANISATION).filter(pl.col("meter_id") == chance.choice(ids))
            )
            return rows.select("measured_at", "volume_m3", "quality").collect().height

        def month_there() -> int:
            cursor.execute(
                "select meter_id, max(volume_m3) - min(volume_m3) from readings "
                "where measured_at >= %s and measured_at < %s group by meter_id",
                [start, end],
            )
            return len(cursor.fetchall())

        def month_here() -> int:
            inside = pl.col("measured_at").is_between(start, end, closed="left")
            used = pl.col("volume_m3").max() - pl.col("volume_m3").min()
            rows = lake.scan(READINGS).filter(organisation=ORGANISATION).filter(inside)
            return rows.group_by("meter_id").agg(used).collect().height

        for name, here, there in (
            ("one meter's readings", history_here, history_there),
            ("every meter's month from its readings", month_here, month_there),
        ):
            ratio = timed(f"PostgreSQL: {name}", there) / timed(f"lake: {name}", here)
            print(f"PostgreSQL takes {ratio:.1f} times as long as the lake")


def connected(server: PostgreSql) -> connection:
    """A connection to a database of its own, with as much memory for pages and sorting as advised for this machine."""
    server.execute("alter system set shared_buffers = '2GB'")
    server.execute("alter system set work_mem = '256MB'")
    server.stop()
    server.start()
    server.execute("create database bench")
    found = psycopg2.connect(host=str(server.folder), port=server.port, user="postgres", dbname="bench")
    found.autocommit = True
    return found


def spent(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
