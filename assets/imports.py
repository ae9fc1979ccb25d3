"""Import of registry files and key files that were dropped into the installation's folder ``imports``."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

import dagster as dg

from assets.resources import InstallationResource
from assets.steps.addresses import check_new_addresses
from assets.steps.dropped import import_dropped, in_order, read_dropped
from assets.steps.key_drop import import_key_drop
from registry.errors import RegistryError
from registry.people.rights import ORCHESTRATOR

AGAIN_TAG = "meterhouse/again"
"""Tag of a run that failed: a JSON list with the numbers of the files, from 0, that another run is to take."""


class DroppedFiles(dg.Config):
    """Files to import in a run.

    Attributes:
        paths: Files; the folder of a registry file is named as its profile.
        source: ``folder``: on this machine; ``sftp``: on the SFTP drop.
    """

    paths: list[str]
    source: str = "folder"


@dg.op
def import_dropped_files(
    context: dg.OpExecutionContext, config: DroppedFiles, installation: InstallationResource
) -> None:
    """Imports each file, all or nothing; fails, so that somebody looks, where one is refused.

    Where the setting ``check_addresses`` is on, addresses that came are looked up afterwards, whatever was refused.
    """
    house, refused, again = installation.open(), list[str](), list[str]()
    metadata: dict[str, dict[str, int]] = {}
    for path, content in read_dropped(house, in_order(house, config.paths), config.source):
        name = "/".join(PurePosixPath(path).parts[-2:])
        done = import_dropped(house, path, content, config.source, identity=ORCHESTRATOR, now=datetime.now(UTC))
        if report := done.report:
            counts = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged}
            metadata[name] = {**counts, "rejected": report.rejected.height, **report.classes}
        if done.refused:
            last = (
                ""
                if done.again
                else f" It is left alone until it changes, or somebody asks: 'meterhouse imports again {name}'."
            )
            refused.append(f"{name}: {done.refused}{last}")
        if done.again:
            again.append(path)
    try:
        if found := check_new_addresses(house, identity=ORCHESTRATOR, now=datetime.now(UTC)):
            metadata["addresses"] = found
    except RegistryError as exc:
        refused.append(f"Addresses are not looked up: {exc}")
    _finish(context, refused, [config.paths.index(path) for path in again], metadata)


@dg.op
def import_dropped_keys(
    context: dg.OpExecutionContext, config: DroppedFiles, installation: InstallationResource
) -> None:
    """Imports each key file; fails, so that somebody looks, where one stays in the drop."""
    done = import_key_drop(installation.open(), config.paths, config.source, now=datetime.now(UTC))
    names = {path: PurePosixPath(path).name for path in done}
    metadata = {
        names[path]: {
            "new": one.report.new,
            "changed": one.report.changed,
            "equal": one.report.equal,
            "unknown": one.report.unknown.height,
            "rejected": one.report.rejected.height,
        }
        for path, one in done.items()
        if one.report
    }
    left = [f"{names[path]}: {one.left}" for path, one in done.items() if one.left]
    _finish(context, left, [config.paths.index(path) for path, one in done.items() if one.again], metadata)


def _finish(
    context: dg.OpExecutionContext,
    refused: Sequence[str],
    again: Sequence[int],
    metadata: Mapping[str, Mapping[str, int]],
) -> None:
    """Ends the run: well, or with the reasons, and with what another run is to take."""
    told = {name: dict(counts) for name, counts in metadata.items()}
    if refused:
        context.instance.add_run_tags(context.run_id, {AGAIN_TAG: json.dumps(sorted(again))})
        raise dg.Failure("\n".join(refused), metadata=told)
    context.add_output_metadata(told)
