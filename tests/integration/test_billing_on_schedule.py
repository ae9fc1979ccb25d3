"""A morning of billing: the daemon asks at the job's time and delivers by SFTP, while readings are being ingested."""

import getpass
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy2

import pytest

from assets.steps.export_manifests import verify
from cli.serve import dagster_daemon
from exports.manifest import Manifest
from registry.people.rights import ORCHESTRATOR
from simulator import Fleet, simulate
from tests.conftest import REPOSITORY
from tests.integration.exporting import add, place
from tests.integration.installations import FLEET, House, fill
from tests.integration.openssh import OpenSsh, openssh

__all__ = ["openssh"]

LONGEST_S = 300
START_S = 50
"""What the daemon has for its start before the job is due: a tick before that is not its own."""


@pytest.fixture
def late(house: House, tmp_path: Path) -> Path:
    """Frames of three days up to yesterday are known, but for those of the middle one, which lie in a folder."""
    start = datetime.now(UTC).date() - timedelta(days=3)
    folder, beside = tmp_path / "days", tmp_path / "late"
    simulate(Fleet(meters=6, days=3, start=start, timezone=FLEET.timezone, incidents=False), folder)
    beside.mkdir()
    for file in (folder / "frames").glob(f"*{start + timedelta(days=1)}*"):
        file.rename(beside / file.name)
    fill(house, folder, "meters", "customers", "frames")
    return beside


@pytest.fixture
def daemon(house: House, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts what runs schedules and sensors."""
    running: list[subprocess.Popen[bytes]] = []
    with (tmp_path / "daemon.log").open("wb") as log:
        yield lambda: running.append(subprocess.Popen(dagster_daemon(), cwd=REPOSITORY, stdout=log, stderr=log))
        for process in running:
            process.terminate()
            process.wait(60)


def document(server: OpenSsh) -> str:
    key = server.trust(server.port).read_text()
    place = {"kind": "sftp", "host": "127.0.0.1", "port": server.port, "folder": str(server.folder)}
    return json.dumps({**place, "username": getpass.getuser(), "host_key": key, "auth": "private_key"})


def receptions(house: House) -> int:
    return int(house.ask("select count(*) from frames").item())


@pytest.mark.slow
@pytest.mark.sshd
def test_the_file_of_the_day_arrives_while_readings_do(
    house: House, late: Path, daemon: Callable[[], None], openssh: OpenSsh
) -> None:
    it = house.installation
    place(house, document(openssh), (openssh.home / "user_key").read_bytes())
    due = datetime.now(it.settings.zone) + timedelta(seconds=START_S)
    due = due.replace(second=0, microsecond=0) + timedelta(minutes=1)
    add(house, now=datetime.now(UTC), format="ready-csv", schedule={"interval": "daily", "at": f"{due:%H:%M}"})
    before = receptions(house)

    daemon()
    for file in late.iterdir():
        copy2(file, it.settings.inbox_path)
    arrived: list[str] = []
    began = time.monotonic()
    while time.monotonic() - began < LONGEST_S and not (len(arrived) > 1 and receptions(house) > before):
        time.sleep(1)
        arrived = sorted(path.name for path in openssh.folder.glob("billing_*") if path.suffix != ".part")

    assert datetime.now(UTC) >= due
    assert receptions(house) > before, "readings were ingested meanwhile"
    file, proof = arrived
    assert proof == f"{file}.manifest.json"
    manifest = Manifest.read((openssh.folder / proof).read_text(encoding="utf-8"))
    yesterday = due.date() - timedelta(days=1)
    assert manifest.period.start.astimezone(it.settings.zone).date() == yesterday
    assert manifest.contents.rows >= 6 * 23, "an hour of the local day is in the late file"
    assert verify(it, manifest).same
    asked = house.ask("select identity from audit_log where event = 'export.run.ask'")
    assert asked["identity"].to_list() == [ORCHESTRATOR]
