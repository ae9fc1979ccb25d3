"""The whole simulation: meters, traffic, files and truth."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from simulator.courses import draw_demand
from simulator.files import REJECTED, write_csv, write_frames
from simulator.incidents import apply_to_registers, group_by_kind, plan
from simulator.ledger import Ledger, Observed
from simulator.population import Fleet, populate
from simulator.radio import frames_table, hear
from simulator.registration import write_registration
from simulator.traffic import compose, info_words, record_values, schedule


@dataclass(frozen=True, slots=True)
class Summary:
    """What a simulation wrote.

    Attributes:
        fleet: Its parameters.
        meters: Registered meters, replacements included.
        foreign_meters: Meters of others that are heard.
        transmissions: Distinct transmissions of which a reception was delivered undamaged.
        receptions: Receptions delivered, damaged ones included.
        bad_lines: Lines that hold no frame.
        late_receptions: Receptions in ``frames_late``.
        files: Frame files.
        outcomes: Lines by the outcome to expect when all files and keys are in.
        outcomes_before_keys: The same before the late keys.
        incidents: Incidents by kind.
    """

    fleet: Fleet
    meters: int
    foreign_meters: int
    transmissions: int
    receptions: int
    bad_lines: int
    late_receptions: int
    files: int
    outcomes: dict[str, int]
    outcomes_before_keys: dict[str, int]
    incidents: dict[str, int]


def simulate(fleet: Fleet, folder: Path) -> Summary:
    """Writes a fleet's files and their truth.

    Args:
        fleet: Parameters; equal ones give byte-identical files.
        folder: Where ``meters.csv``, ``customers.csv``, ``addresses.csv``, ``exchanges.csv``, ``keys_late.csv``,
            ``frames/``, ``frames_late/`` and ``truth/`` go. Files of the same names are overwritten.

    Returns:
        Counts, which also stand in ``truth/summary.json``.

    Raises:
        SimulatorError: The fleet is larger than the range of serials.
    """
    made = plan(fleet, populate(fleet))
    ledger = Ledger(fleet, made)
    tables = []
    for group in group_by_kind(fleet, made):
        demand = draw_demand(fleet, group.kind, len(group.meters))
        apply_to_registers(group, demand)
        sent = schedule(group)
        info = info_words(group, sent)
        blocks = compose(group, sent, record_values(group, demand, sent, info))
        heard = hear(group, sent)
        tables.append(frames_table(group, sent, blocks, heard))
        ledger.add(Observed(group, demand, sent, info, heard))
    frames = pl.concat(tables)
    lines = write_frames(fleet, frames, folder)
    write_registration(fleet, made, ledger.finals, folder)
    truth = folder / "truth"
    ledger.write(truth)
    write_csv(truth / "outcomes.csv", lines.columns, lines.iter_rows())
    foreign = sum(meter.key_state == "foreign" for meter in made.meters)
    summary = Summary(
        fleet=fleet,
        meters=len(made.meters) - foreign,
        foreign_meters=foreign,
        transmissions=sum(int(str(row[2])) for row in ledger.rows["telegrams"]),
        receptions=frames.height,
        bad_lines=lines.filter(pl.col("outcome") == REJECTED).height,
        late_receptions=frames.filter("is_late").height,
        files=lines["source_file"].n_unique(),
        outcomes=_counts(lines["outcome"]),
        outcomes_before_keys=_counts(lines["outcome_before_keys"]),
        incidents=_counts(pl.Series([item.kind for item in made.listed], dtype=pl.String)),
    )
    content = json.dumps(asdict(summary), indent=2, default=str) + "\n"
    (truth / "summary.json").write_text(content, encoding="utf-8")
    return summary


def _counts(series: pl.Series) -> dict[str, int]:
    return dict(sorted(series.value_counts().iter_rows()))


def describe(summary: Summary) -> str:
    """The summary in words, for people."""
    fleet = summary.fleet
    lines = [
        f"{summary.meters} meters at {fleet.points} metering points, seed {fleet.seed}",
        f"{fleet.days} days from {fleet.start} ({fleet.timezone})",
        f"{summary.receptions} receptions of {summary.transmissions} transmissions by {fleet.collectors} concentrators",
        f"{summary.files} files; {summary.late_receptions} receptions delivered late, {summary.bad_lines} bad lines",
        f"{summary.foreign_meters} foreign meters",
        "to expect: " + _enumerate(summary.outcomes),
        "before the late keys: " + _enumerate(summary.outcomes_before_keys),
        "incidents: " + (_enumerate(summary.incidents) or "none"),
    ]
    return "\n".join(lines)


def _enumerate(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
