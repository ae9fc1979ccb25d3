"""Import of registry files that were dropped into the installation's folder ``imports/<profile>/``."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from assets.resources import InstallationResource
from assets.steps.importing import import_dropped, in_order
from registry.errors import RegistryError


class DroppedFiles(dg.Config):
    """Files to import in a run.

    Attributes:
        paths: Files on this machine; the folder of each is named as its profile.
    """

    paths: list[str]


@dg.op
def import_dropped_files(
    context: dg.OpExecutionContext, config: DroppedFiles, installation: InstallationResource
) -> None:
    """Imports each file, all or nothing; fails, so that somebody looks, where one is refused."""
    house, refused = installation.open(), list[str]()
    metadata: dict[str, dict[str, int]] = {}
    for path in in_order(house, [Path(path) for path in config.paths]):
        name = f"{path.parent.name}/{path.name}"
        try:
            report = import_dropped(house, path, datetime.now(UTC))
        except RegistryError as exc:
            refused.append(f"{name}: {exc}")
            continue
        counts = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged}
        metadata[name] = {**counts, "rejected": report.rejected.height, **report.classes}
        if not report.stored:
            refused.append(f"{name}: {report.rejected.height} lines rejected; see the table rejected_rows.")
    if refused:
        raise dg.Failure("\n".join(refused), metadata=metadata)
    context.add_output_metadata(metadata)
