"""Partitions of the graph: landing and decoding by arrival day, in UTC."""

import warnings
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import dagster as dg

# Back-fill policies are beta in this version of the orchestrator; every partitioned asset here has one, knowingly.
warnings.filterwarnings("ignore", message=".*`backfill_policy`", category=dg.BetaWarning)

ARRIVAL_DAYS = dg.DailyPartitionsDefinition(start_date=datetime(2025, 1, 1, tzinfo=UTC), timezone="UTC", end_offset=1)
"""One partition per UTC day on which files arrive, the running day included, from when there was a Meterhouse."""

WHOLE_RANGE = dg.BackfillPolicy.single_run()
"""Many days go in one run: a run costs seconds to start, a day's work may cost less."""


def after_the_latest_day(arriving: Collection[dg.AssetKey], spec: dg.AssetSpec) -> dg.AssetSpec:
    """Lets what is reckoned as a whole rest on the latest arrival day of what it is made from.

    By default it rests on all days, and the orchestrator lists every day there ever was for each dependency and run.

    Args:
        arriving: Assets that are partitioned by arrival day.
        spec: Any asset.

    Returns:
        The asset with its dependencies mapped; one that is itself partitioned stays as it is.
    """
    if spec.partitions_def:
        return spec
    latest = dg.LastPartitionMapping()
    return spec.replace_attributes(
        deps=[
            dg.AssetDep(dep.asset_key, partition_mapping=latest) if dep.asset_key in arriving else dep
            for dep in spec.deps
        ]
    )


def days_of(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The arrival days a run is for."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def day_range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make one run materialise a range of arrival days.

    Args:
        first: First day.
        last: Last day, inclusive.
    """
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
