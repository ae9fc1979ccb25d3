"""``ingest`` and ``materialize``: files into the house, and everything they touch up to date."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.landing import frame_files
from assets.steps.touched import touch_days
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import complain, messages, say
from cli.report_options import DAY, possible
from pipelines.runs import RunError, catch_up, ingest_files, run_days
from registry import ledger
from registry.imports.instants import read_instant
from warehouse.schemas import OUTCOMES
from warehouse.transforms.calendar import local_days


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Frame files, or folders of them.", exists=True)],
    home: HomeOption = None,
    collector: Annotated[str, typer.Option(help="Collector where a file names none.")] = "",
    received_at: Annotated[
        str, typer.Option(help="Reception time where a file has none, e.g. 2026-01-31T12:00:00Z.")
    ] = "",
) -> None:
    """Lands files or folders, then runs the assets they touch."""
    house = open_home(home)
    at = read_instant(received_at, house.settings.zone) if received_at else None
    raise typer.Exit(run_ingest(house, paths, collector, at))


def run_ingest(house: Installation, paths: list[Path], collector: str = "", received_at: datetime | None = None) -> int:
    """Lands files, runs the graph and says what came of it.

    Returns:
        Exit status: 0, or 1 where a file was refused or the run failed.
    """
    started = datetime.now(UTC)
    files = frame_files(paths)
    if not files:
        complain("There are no files in what you named.")
        return 1
    before = house.lake.version(OUTCOMES)
    try:
        with messages.status(f"Landing and decoding {len(files)} files …"):
            ingest_files(house, files, identity=identity(), collector=collector, received_at=received_at)
    except RunError as exc:
        complain(str(exc))
        return 1
    return report(house, len(files), started, before)


def report(house: Installation, named: int, started: datetime, before: int | None) -> int:
    """Says what came of the files of a run.

    Args:
        house: The installation.
        named: How many files it was given.
        started: When it began; what was decided since then is told, also of files that an earlier run had landed.
        before: Version of ``outcomes`` when it began.

    Returns:
        Exit status: 1 where a file was refused.
    """
    files = ledger.landed_since(house.registry, house.organisation, started)
    refused = files.filter(pl.col("state") == "refused")
    for name, reason in refused.select("name", "reason").rows():
        complain(f"{name} was refused: {reason}")
    days = [date.fromisoformat(day) for day in house.lake.changed_since(OUTCOMES, before)]
    attempts = house.lake.scan(OUTCOMES).filter(
        pl.col("organisation") == house.organisation,
        pl.col("landed_day").is_in(days),
        pl.col("decided_at") >= started,
    )
    # Few are tried again: to look for each one's last attempt among all would take longer than to decode them.
    outdone = attempts.filter(pl.col("attempt") > 1).select("frame_id", pl.col("attempt") - 1)
    last = attempts.join(outdone, on=["frame_id", "attempt"], how="anti")
    outcomes = last.group_by("outcome").len().sort("outcome")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.collect().rows()) or "none to decode"
    known = f", {named - files.height} known already" if named > files.height else ""
    say(f"{files.height} files landed, {refused.height} refused{known}; receptions: {counts}.")
    return 1 if refused.height else 0


def materialize(
    home: HomeOption = None,
    select: Annotated[str, typer.Option(help="Assets, separated by commas; all by default.")] = "",
    from_: Annotated[datetime | None, typer.Option("--from", formats=DAY, callback=possible, help="First day.")] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=DAY, callback=possible, help="Last day.")] = None,
) -> None:
    """Brings assets up to date: everything stale, or the days named.

    Days are arrival days (UTC) for landing and decoding; for figures they are local days, reckoned again.
    """
    house = open_home(home)
    selection = [name.strip() for name in select.split(",") if name.strip()] or None
    try:
        with messages.status("Working …"):
            if from_ is None and to is None:
                ranges = catch_up(house, identity=identity(), selection=selection)
                done = ", ".join(f"{first} to {last}" for first, last in ranges) or "nothing was left behind"
            else:
                first, last = _days(from_, to)
                days = local_days(first, last, house.settings.zone)
                touch_days(house, days["start"][0], days["end"][-1], identity())
                run_days(house, first, last, identity=identity(), selection=selection)
                done = f"{first} to {last}"
    except RunError as exc:
        complain(str(exc))
        raise typer.Exit(1) from exc
    say(f"Up to date: {done}.")


def _days(first: datetime | None, last: datetime | None) -> tuple[date, date]:
    low, high = (first or last), (last or first)
    if low is None or high is None or low > high:
        raise typer.BadParameter("--from lies after --to.")
    return low.date(), high.date()
