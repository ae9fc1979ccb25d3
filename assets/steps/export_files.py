"""Built files that wait for their delivery: they hold personal data, and are kept nowhere twice."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from assets.installation import Installation
from assets.steps.exporting import FOLDER
from registry.exports.runs import SETTLED
from registry.models import ExportRun

_RUN = re.compile(r"[0-9a-f]{32}(\.part)?")
_DAY_S = 86_400


def folder_of(house: Installation, run_id: str) -> Path:
    """Where a run's file waits until it is delivered."""
    return house.settings.home / FOLDER / run_id


def forget(house: Installation, run_id: str) -> None:
    """Removes the file of a run, if there is one: it is built anew when it is needed."""
    shutil.rmtree(folder_of(house, run_id), ignore_errors=True)


def forget_all(house: Installation) -> None:
    """Removes the files of all runs, so that none tells of somebody who was erased.

    Those that are still to go out are built anew, as they were known then, of what is left.
    """
    with house.alone("exporting"):
        for folder in _folders(house):
            shutil.rmtree(folder)


def sweep(house: Installation) -> None:
    """Removes the files of settled runs, and what nobody has been at for a day."""
    for folder in _folders(house):
        with house.registry.begin(readonly=True) as session:
            run = session.get(ExportRun, folder.name.removesuffix(".part"))
        is_old = datetime.now(UTC).timestamp() - folder.stat().st_mtime > _DAY_S
        if run.state in SETTLED if run else is_old:
            shutil.rmtree(folder)


def _folders(house: Installation) -> list[Path]:
    return [path for path in (house.settings.home / FOLDER).glob("*") if _RUN.fullmatch(path.name)]
