"""Registry and lake of different age: after one of them was put back from a back-up, they are made to agree.

The ledger numbers batches of files and the lake takes each number once. An older ledger would give numbers again, and
the lake would skip what came under them; it would also have files read again whose rows are there. An older lake lacks
rows that the ledger and the cursors of figures take for done.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from assets.installation import Installation
from assets.steps.touched import forget_progress
from connectors.landing import LandedFile as ArchivedFile
from connectors.landing import archived
from registry import audit, ledger
from registry.ledger import FileResult, LandedFile
from warehouse.schemas import RECEPTIONS, REJECTED_ROWS

SERIES = "landing"
"""Series of the lake's batch numbers: with the ledger it makes each file's rows come exactly once."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What had to be done for registry and lake to agree.

    Attributes:
        learned: Files whose rows are in the lake and that the ledger did not know, or not as read.
        found: Files of the landing archive that neither knew; they are read now.
        lost: Files that the ledger held for read and whose rows the lake lacks; they are read again.
        reckoned: Consumers of what was touched that start again from the beginning.
    """

    learned: int = 0
    found: int = 0
    lost: int = 0
    reckoned: int = 0


def agreed(house: Installation, identity: str, now: datetime) -> int:
    """Highest number that the lake has taken, after the ledger was made to agree with it where it did not.

    Call it with the work ``landing`` to oneself.
    """
    frames_taken, taken = _taken(house)
    if not ledger.agrees(house.registry, house.organisation, taken, frames_taken):
        agree(house, identity, now)
    return taken


def agree(house: Installation, identity: str, now: datetime) -> Agreement:
    """Makes the ledger agree with the lake and the landing archive, and figures start again that the lake lacks.

    Call it with the work ``landing`` to oneself.

    Args:
        house: The installation.
        identity: Who does it; the audit log tells what was done, if anything.
        now: When.

    Returns:
        What had to be done.
    """
    frames_taken, taken = _taken(house)
    held = {row["source_sha256"]: row for row in _held(house).to_dicts()}
    files = {file.sha256: _landed(file, held) for file in archived(house.settings.landing_path)}
    for sha256 in held.keys() - files.keys():
        row = held[sha256]
        if row["frames"]:  # rejected rows alone may be those of a registry file, which is not archived
            files[sha256] = LandedFile(sha256, row["source_file"], 0, row["landed_at"], row["landed_day"])
    learned = found = 0
    with house.registry.begin() as session:
        lost = ledger.read_again(session, house.organisation, frames_taken)
        states = ledger.known(session, house.organisation)
        for sha256, file in files.items():
            rows = held.get(sha256)
            result = FileResult(file, frames=rows["frames"], rejected=rows["rejected"]) if rows else None
            if result and states.get(sha256) not in {"read", "refused"}:
                learned += 1
            elif sha256 not in states:
                found += 1
            else:
                continue
            ledger.learn(session, house.organisation, file, result=result, batch_no=taken)
    done = Agreement(learned, found, lost, forget_progress(house, now))
    if any(asdict(done).values()):
        with house.registry.begin() as session:
            audit.record(
                session,
                organisation=house.organisation,
                event="ledger.agree",
                identity=identity,
                now=now,
                details=asdict(done),
            )
    return done


def _taken(house: Installation) -> tuple[int, int]:
    """Highest number of a batch with frames, and of any batch, that the lake has taken."""
    frames = house.lake.applied(RECEPTIONS, SERIES)
    return frames, max(frames, house.lake.applied(REJECTED_ROWS, SERIES))


def _held(house: Installation) -> pl.DataFrame:
    """Files of which the lake holds rows: ``source_sha256``, its name and landing, ``frames`` and ``rejected``."""
    counts = (
        house.lake.scan(table)
        .filter(pl.col("organisation") == house.organisation)
        .select("source_sha256", "source_file", "landed_at", "landed_day", kind=pl.lit(kind))
        for table, kind in ((RECEPTIONS, "frames"), (REJECTED_ROWS, "rejected"))
    )
    return (
        pl.concat(counts)
        .group_by("source_sha256")
        .agg(
            pl.col("source_file", "landed_at", "landed_day").first(),
            frames=(pl.col("kind") == "frames").sum(),
            rejected=(pl.col("kind") == "rejected").sum(),
        )
        .collect()
    )


def _landed(file: ArchivedFile, held: Mapping[str, Mapping[str, Any]]) -> LandedFile:
    """A file of the archive as the ledger knows it; of a day of its own where the lake tells none."""
    row = held.get(file.sha256)
    day = row["landed_day"] if row else file.landed_at.date()
    return LandedFile(file.sha256, file.name, file.size, file.landed_at, day)
