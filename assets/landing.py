"""Assets of landing: delivered files in the archive, their lines as receptions and rejected rows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.partitions import ARRIVAL_DAYS, WHOLE_RANGE, days_of
from assets.resources import InstallationResource
from assets.specs import OWNER, table_spec
from assets.steps.landing import land_paths, land_remote, read_landed_files
from warehouse.schemas import RECEPTIONS, REJECTED_ROWS


class DeliveredFiles(dg.Config):
    """Files to land in a run; without any, what lies in the archive already is taken further.

    Attributes:
        paths: Files on this machine, or names on the SFTP drop.
        source: ``folder`` or ``sftp``.
        collector: Collector to assume where a file names none.
        received_at: Reception time (ISO 8601 with offset) to assume where a file has none.
    """

    paths: list[str] = Field(default_factory=list)
    source: str = "folder"
    collector: str = ""
    received_at: str = ""


@dg.asset(
    partitions_def=ARRIVAL_DAYS,
    backfill_policy=WHOLE_RANGE,
    group_name="landing",
    kinds={"file"},
    owners=[OWNER],
)
def landed_files(
    context: dg.AssetExecutionContext, config: DeliveredFiles, installation: InstallationResource
) -> dg.MaterializeResult[None]:
    """Files as they were delivered, unchanged, once per content; the ledger in the registry knows each by its hash."""
    house = installation.open()
    day = max(days_of(context))
    received_at = datetime.fromisoformat(config.received_at) if config.received_at else None
    if config.source == "sftp":
        report = land_remote(house, config.paths, day, datetime.now(UTC))
    else:
        paths = [Path(path) for path in config.paths]
        report = land_paths(
            house, paths, day, datetime.now(UTC), collector=config.collector or None, received_at=received_at
        )
    for reason in report.missed:
        context.log.warning(reason)
    return dg.MaterializeResult(
        metadata={"files": report.new, "known_before": report.known, "missed": list(report.missed)}
    )


@dg.multi_asset(
    specs=[
        table_spec(RECEPTIONS, "landing", deps=["landed_files"]),
        table_spec(REJECTED_ROWS, "landing", deps=["landed_files"]),
    ],
    partitions_def=ARRIVAL_DAYS,
    backfill_policy=WHOLE_RANGE,
)
def read_files(
    context: dg.AssetExecutionContext, installation: InstallationResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Lines of landed files: frames with their reception, and what is no frame with the reason."""
    report = read_landed_files(installation.open(), days_of(context))
    for name, reason in report.refused.items():
        context.log.warning(f"{name} was refused: {reason}")
    yield dg.MaterializeResult(
        asset_key=RECEPTIONS.name, metadata={"dagster/row_count": report.frames, "refused_files": len(report.refused)}
    )
    yield dg.MaterializeResult(asset_key=REJECTED_ROWS.name, metadata={"dagster/row_count": report.rejected})
