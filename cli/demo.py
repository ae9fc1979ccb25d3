"""``demo``: the main job on shipped samples, from encrypted telegrams to a report."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from cli.address import run_check
from cli.home import HomeOption, open_home
from cli.ingest import run_ingest
from cli.installation import make
from cli.messages import messages, say
from cli.registry import run_import
from cli.serve import Service, serve
from settings import CONFIG_NAME
from simulator import Fleet, simulate
from warehouse.sql import Reader, query

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FLEET = Fleet(meters=60, days=8, start=date(2025, 10, 20), timezone="Europe/Copenhagen", seed=7, electricity=2)
"""Eight days around the end of summer time, with every incident the simulator knows, and electricity by tariff."""

SAMPLES_RECEIVED_AT = datetime(2025, 10, 24, 12, tzinfo=UTC)


def demo(
    home: HomeOption = None,
    serve_: Annotated[bool, typer.Option("--serve", help="Serve the pages and the Dagster UI afterwards.")] = False,
) -> None:
    """Simulates a fleet, decodes what its concentrators heard, and reports consumption against the truth."""
    directory = (home or Path("meterhouse-home") / "demo").expanduser().resolve()
    fleet = directory / "fleet"
    if not (directory / CONFIG_NAME).is_file():
        make(directory, FLEET.timezone)
        with messages.status("Simulating a fleet …"):
            simulate(FLEET, fleet)
    house = open_home(directory)
    status = max(
        run_import(house, "meters", fleet / "meters.csv"),
        run_import(house, "meters", SAMPLES / "meters.csv"),
        run_import(house, "customers", fleet / "customers.csv"),
        run_check(house, fleet / "addresses.csv"),
        run_import(house, "exchanges", fleet / "exchanges.csv"),
        run_ingest(house, [fleet / "frames"]),
        run_ingest(house, [SAMPLES / "telegrams.jsonl.zst"], received_at=SAMPLES_RECEIVED_AT),
        run_ingest(house, [fleet / "frames_late"]),
        run_import(house, "meters", fleet / "keys_late.csv"),
    )
    print(report(house, fleet / "truth"))
    say(f"\nOpen the pages and the Dagster UI with: ./meterhouse serve all --home {directory}")
    say(f'Ask with: ./meterhouse sql --home {directory} "select * from consumption_daily limit 10"')
    if serve_ and not status:
        serve(Service.all, directory)
    raise typer.Exit(status)


def report(house: Installation, truth: Path) -> str:
    """What came of the fleet's telegrams, held against what the simulator knows."""
    connection = Reader(house.lake, house.organisation)
    outcomes = query(connection, "select outcome, count(*) as receptions from frames group by all order by all")
    totals = query(
        connection,
        """
        select register, unit, sum(consumption) as consumption, count(*) as point_days,
               count(*) filter (where quality in ('M', 'A')) as measured
        from consumption_daily where consumption is not null group by all order by all
        """,
    )
    performance = query(
        connection,
        """
        select criterion, round(100.0 * sum(received) / sum(expected), 2) as percent
        from reading_performance_daily group by all order by all
        """,
    )
    codes = query(connection, "select code, count(*) as episodes from info_code_events group by all order by all")
    lines = ["", "Receptions by outcome"]
    lines += [f"  {outcome:<18} {count:>8}" for outcome, count in outcomes.rows()]
    lines += ["", "Consumption of the fleet (days with a known figure)"]
    lines += [
        f"  {register:<24} {consumption:>16} {unit:<8} {days:>5} point-days, {measured} measured"
        for register, unit, consumption, days, measured in totals.rows()
    ]
    lines += ["", "Reading performance"]
    lines += [f"  {criterion:<18} {percent:>8} %" for criterion, percent in performance.rows()]
    lines += ["", "Info codes"]
    lines += [f"  {code:<36} {count:>3} episodes" for code, count in codes.rows()]
    lines += ["", *compare(house, truth)]
    return "\n".join(lines)


def compare(house: Installation, truth: Path) -> list[str]:
    """Daily consumption and performance against the simulator's truth, in words."""
    connection = Reader(house.lake, house.organisation)
    key = ["metering_point", "register", "day"]
    days = query(
        connection, "select metering_point, register, cast(day as varchar) as day, consumption from consumption_daily"
    )
    expected = pl.read_csv(truth / "consumption_daily.csv", infer_schema=False).filter(
        pl.col("both_boundaries_within_hour") == "true"
    )
    wanted = pl.col("consumption_expected").cast(pl.Decimal(18, 6))
    exact = expected.join(days, on=key, how="left").filter(wanted.eq_missing(pl.col("consumption"))).height
    slots = ["meter_id", "day", "criterion"]
    counted = query(
        connection,
        "select meter_id, cast(day as varchar) as day, criterion, expected, received from reading_performance_daily",
    )
    hand = pl.read_csv(truth / "performance_daily.csv", infer_schema=False)
    numbers = [pl.col(name).cast(pl.Int32).eq_missing(pl.col(f"{name}_counted")) for name in ("expected", "received")]
    equal = hand.join(counted, on=slots, how="left", suffix="_counted").filter(numbers).height
    return [
        "Against the simulator's truth",
        f"  daily consumption exact to the register's resolution: {exact} of {expected.height}",
        f"  reading performance equal to the hand count:          {equal} of {hand.height}",
    ]
