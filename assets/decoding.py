"""Assets of decoding: what became of the receptions, and what they say."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.partitions import ARRIVAL_DAYS, WHOLE_RANGE, days_of
from assets.resources import InstallationResource
from assets.specs import table_spec
from assets.steps.decoding import decode_days
from warehouse.schemas import FORMATS, LAYOUTS, METERS, OUTCOMES, READINGS, RECEPTIONS, RECORDS, TELEGRAMS

_TABLES = (OUTCOMES, TELEGRAMS, READINGS, RECORDS, LAYOUTS, FORMATS)


@dg.multi_asset(
    specs=[table_spec(table, "decoding", deps=[RECEPTIONS.name, METERS.name]) for table in _TABLES],
    partitions_def=ARRIVAL_DAYS,
    backfill_policy=WHOLE_RANGE,
)
def decode(
    context: dg.AssetExecutionContext, installation: InstallationResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Decrypts and decodes the receptions that have no outcome yet or waited for something that has come."""
    report = decode_days(installation.open(), days_of(context), datetime.now(UTC))
    counts: dict[str, Mapping[str, dg.MetadataValue[Any] | int]] = {
        OUTCOMES.name: {
            "dagster/row_count": report.frames,
            "outcomes": dg.MetadataValue.json(dict(report.outcomes)),
            "erased": report.erased,
        },
        TELEGRAMS.name: {"dagster/row_count": report.telegrams},
        READINGS.name: {"dagster/row_count": report.readings, "superseded": report.superseded},
        RECORDS.name: {"dagster/row_count": report.records},
    }
    for table in _TABLES:
        yield dg.MaterializeResult(asset_key=table.name, metadata=counts.get(table.name, {}))
