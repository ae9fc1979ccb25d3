"""The whole system from one directory on a machine without any network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY, require

WORK = """
import socket
import sys
from pathlib import Path

from tests.integration.installations import new_house

try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError:
    pass
else:
    sys.exit("there is a network")
folder, fleet = map(Path, sys.argv[1:])
house = new_house(folder)
assert house.take("meters", fleet / "meters.csv") == 0
assert house.take("customers", fleet / "customers.csv") == 0
assert house.ingest(*sorted((fleet / "frames").iterdir())[:4]) == 0
assert house.ask("select count(*) from consumption_daily where consumption is not null").item() > 0
print(house.installation.settings.home)
"""


def test_everything_runs_without_a_network(tmp_path: Path, fleet: Path) -> None:
    unshare = shutil.which("unshare")
    alone = [unshare or "unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    may = unshare and subprocess.run([*alone, "true"], check=False, capture_output=True).returncode == 0
    require(bool(may), "a process without a network cannot be made here (unshare --net)")
    done = subprocess.run(
        [*alone, sys.executable, "-W", "ignore", "-c", WORK, str(tmp_path), str(fleet)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    home = Path(done.stdout.splitlines()[-1])
    beside = {path.name for path in tmp_path.iterdir()} - {"home"}
    assert beside <= {"master.key", "master.heads"}, "one directory, and its key beside it"
    assert (home / "lake").is_dir()
