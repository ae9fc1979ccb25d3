"""Back-ups are made, tried out and restored; registry and lake of different age are made to agree."""

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.installation import Installation, open_installation
from assets.steps.backing_up import back_up
from assets.steps.landing import land_paths, read_landed_files
from assets.steps.restoring import restore, verify
from cli.main import app
from connectors import backups
from connectors.errors import Permanent
from connectors.landing import archived
from pipelines.backup import back_up_and_try
from pipelines.runs import catch_up
from registry import audit, ledger
from registry.errors import RegistryError
from registry.trail import Filter, events
from simulator import Fleet, simulate
from tests.conftest import REPOSITORY
from tests.integration.installations import House, enter, fill, new_house
from tests.integration.test_truth import FIGURES, HISTORY
from warehouse.schemas import RECEPTIONS

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = date(2026, 1, 15)
WHO = {"identity": "test", "now": NOW}
FRAME = "2E44931578563412330333637A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
SMALL = Fleet(meters=8, days=3, start=date(2025, 10, 25), timezone="Europe/Copenhagen", seed=11)


def meterhouse(*words: str | Path):
    return CliRunner().invoke(app, [str(word) for word in words])


def deliver(known: Installation, folder: Path, *minutes: int, read: bool = True) -> None:
    """Lands a file per minute, each with one frame of its own, and reads them."""
    paths = []
    for minute in minutes:
        path = folder / f"file-{minute}.csv"
        path.write_text(f"received_at,frame\n2026-01-15T10:{minute:02}:00Z,{FRAME}\n")
        paths.append(path)
    land_paths(known, paths, DAY, NOW)
    if read:
        read_landed_files(known, [DAY])


def received(known: Installation) -> list[str]:
    return sorted(f"{at:%M}" for at in known.lake.scan(RECEPTIONS).select("received_at").collect()["received_at"])


def told(known: Installation, event: str) -> list[str | None]:
    return [row.details for row in events(known.registry, Filter("default", None, None, event, None, None), 10)]


# Registry and lake of different age


def registry_file(known: Installation) -> Path:
    return known.settings.home / "registry.sqlite"


@pytest.fixture
def plain(house: House) -> Installation:
    return house.installation


def put_back(known: Installation, saved: Path) -> Installation:
    known.registry.engine.dispose()
    for left in known.settings.home.glob("registry.sqlite*"):
        left.unlink()
    shutil.copyfile(saved, registry_file(known))
    return Installation(known.settings)


def saved_registry(known: Installation, tmp_path: Path) -> Path:
    known.registry.engine.dispose()  # the last connection that closes folds the log into the file
    return Path(shutil.copyfile(registry_file(known), tmp_path / "saved.sqlite"))


def test_a_registry_older_than_its_lake_skips_and_doubles_nothing(plain: Installation, tmp_path: Path) -> None:
    deliver(plain, tmp_path, 1)
    saved = saved_registry(plain, tmp_path)
    deliver(plain, tmp_path, 2)
    deliver(plain, tmp_path, 3)
    deliver(plain, tmp_path, 4, read=False)  # in the archive alone
    older = put_back(plain, saved)
    deliver(older, tmp_path, 5)
    assert received(older) == ["01", "02", "03", "04", "05"], "what is new is not taken for what the lake has"
    deliver(older, tmp_path, 2, 3)  # the same files come again
    read_landed_files(older, ledger.pending_days(older.registry, "default"))
    assert received(older) == ["01", "02", "03", "04", "05"]
    (details,) = told(older, "ledger.agree")
    assert '"found": 1' in str(details)
    assert '"learned": 2' in str(details)
    assert ledger.landed_since(older.registry, "default", NOW)["state"].unique().to_list() == ["read"]
    deliver(older, tmp_path, 6)
    assert len(told(older, "ledger.agree")) == 1, "once is enough"
    assert "06" in received(older)


def test_a_lake_older_than_its_registry_gets_its_rows_again(plain: Installation, tmp_path: Path) -> None:
    deliver(plain, tmp_path, 1)
    shutil.copytree(plain.settings.lake_path, tmp_path / "lake")
    deliver(plain, tmp_path, 2)
    ledger.write_cursor(plain.registry, "default", "touched:figures", "7", NOW)
    shutil.rmtree(plain.settings.lake_path)
    (tmp_path / "lake").rename(plain.settings.lake_path)
    older = Installation(plain.settings)
    deliver(older, tmp_path, 3)
    read_landed_files(older, ledger.pending_days(older.registry, "default"))
    assert received(older) == ["01", "02", "03"]
    assert ledger.read_cursor(older.registry, "default", "touched:figures") == "0"


def test_where_both_are_of_one_age_nothing_is_done(plain: Installation, tmp_path: Path) -> None:
    deliver(plain, tmp_path, 1)
    deliver(plain, tmp_path, 2)
    assert told(plain, "ledger.agree") == []
    assert received(plain) == ["01", "02"]


# Back-ups


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_next_backup_copies_what_is_new_and_old_ones_go(plain: Installation, tmp_path: Path) -> None:
    deliver(plain, tmp_path, 1)
    folder = tmp_path / "backups"
    first = back_up(plain, folder, keep=None, **WHO)
    deliver(plain, tmp_path, 2)
    second = back_up(plain, folder, keep=None, **WHO)
    assert second.added < second.size
    assert backups.names(folder) == [first.name, second.name]
    third = back_up(plain, folder, keep=2, **WHO)
    assert third.deleted == (first.name,)
    named = {entry.sha256 for name in backups.names(folder) for entry in backups.read(folder, name).files}
    assert {path.name for path in (folder / "contents").glob("*/*")} == named
    assert verify(folder, second.name, plain.master_key_source, NOW).opens
    assert not [path for path in folder.iterdir() if path.name.startswith(".work")]


def test_the_master_key_is_not_in_it(plain: Installation, tmp_path: Path) -> None:
    _ = plain.vault
    key = plain.master_key_source.path.read_bytes().strip()
    (plain.settings.home / "beside.key").write_bytes(key)
    folder = tmp_path / "backups"
    back_up(plain, folder, keep=None, **WHO)
    for name, content in files(folder).items():
        assert key not in content, name
        assert bytes.fromhex(key.decode()) not in content, name


def test_a_damaged_backup_is_refused_with_the_file_named(plain: Installation, tmp_path: Path) -> None:
    deliver(plain, tmp_path, 1)
    folder = tmp_path / "backups"
    made = back_up(plain, folder, keep=None, **WHO)
    for entry in backups.read(folder).files:
        content = backups.content_of(folder, entry)
        whole = content.read_bytes()
        if not whole:
            continue
        content.chmod(0o600)
        content.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(Permanent) as caught:
            restore(folder, "", tmp_path / "new", **WHO)
        assert entry.path in str(caught.value)
        content.write_bytes(whole)
    assert not (tmp_path / "new").exists()
    entry = next(entry for entry in backups.read(folder).files if entry.path.endswith(".parquet"))
    backups.content_of(folder, entry).unlink()
    refused = meterhouse("backup", "verify", folder, "--home", plain.settings.home)
    assert entry.path in str(refused.exception)
    manifest = folder / "manifests" / f"{made.name}.json"
    manifest.write_text(manifest.read_text().replace('"mode"', '"Mode"', 1))
    with pytest.raises(Permanent, match="is damaged"):
        restore(folder, "", tmp_path / "new", **WHO)


def test_places_that_will_not_do_are_refused(plain: Installation, tmp_path: Path) -> None:
    _ = plain.vault
    with pytest.raises(Permanent, match="lies in the installation itself"):
        back_up(plain, plain.settings.home / "backups", keep=None, **WHO)
    with pytest.raises(Permanent, match="holds no back-up"):
        restore(tmp_path / "absent", "", tmp_path / "new", **WHO)
    folder = tmp_path / "backups"
    back_up(plain, folder, keep=None, **WHO)
    with pytest.raises(Permanent, match="is not empty"):
        restore(folder, "", plain.settings.home, **WHO)
    (tmp_path / "other").mkdir()
    other = new_house(tmp_path / "other").installation
    with pytest.raises(Permanent, match="of another installation"):
        back_up(other, folder, keep=None, **WHO)
    with pytest.raises(RegistryError, match="the one found is"):
        verify(folder, "", other.master_key_source, NOW)


DYING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from assets.installation import open_installation
from assets.steps import backing_up
from connectors import backups
home, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
write, left = backups._put, [count]
def put(*given):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return write(*given)
backups._put = put
backing_up.back_up(open_installation(home), folder, keep=1, identity="test", now=datetime.now(UTC))
"""


@pytest.mark.parametrize("count", [0, 3])
def test_one_that_is_killed_leaves_the_one_before_whole(plain: Installation, tmp_path: Path, count: int) -> None:
    deliver(plain, tmp_path, 1)
    folder = tmp_path / "backups"
    before = back_up(plain, folder, keep=None, **WHO)
    deliver(plain, tmp_path, 2)
    dying = [sys.executable, "-c", DYING, str(plain.settings.home), str(folder), str(count)]
    assert subprocess.run(dying, cwd=REPOSITORY, check=False).returncode == -signal.SIGKILL
    assert backups.names(folder) == [before.name]
    assert verify(folder, "", plain.master_key_source, NOW).name == before.name
    after = back_up(plain, folder, keep=1, identity="test", now=datetime.now(UTC))
    assert verify(folder, "", plain.master_key_source, NOW).name == after.name
    assert not list(folder.rglob("*.part"))


WRITING = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from assets.installation import open_installation
from tests.integration.test_backup import deliver
known, folder = open_installation(Path(sys.argv[1])), Path(sys.argv[2])
for minute in range(60):
    deliver(known, folder, minute)
    print(minute, flush=True)
"""


def test_one_made_beside_a_writer_holds_each_file_once(plain: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    writing = [sys.executable, "-c", WRITING, str(plain.settings.home), str(tmp_path)]
    with subprocess.Popen(writing, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for minute in (2, 5):
            while int(writer.stdout.readline()) < minute:
                pass
            made = back_up(plain, folder, keep=None, identity="test", now=datetime.now(UTC))
            assert verify(folder, made.name, plain.master_key_source, NOW).tables
        assert writer.poll() is None, "it was still writing"
        writer.kill()
    restored = restore(folder, "", tmp_path / "new", **WHO).house
    read_landed_files(restored, ledger.pending_days(restored.registry, "default"))
    landed = list(archived(restored.settings.landing_path))
    assert len(landed) >= 6
    assert received(restored) == [f"{minute:02}" for minute in range(len(landed))]


def test_each_night_one_is_made_and_tried_out(plain: Installation, tmp_path: Path) -> None:
    assert back_up_and_try(plain, NOW) is None
    nightly = Installation(plain.settings.model_copy(update={"backup_folder": tmp_path / "nightly"}))
    assert "files" in str(back_up_and_try(nightly, NOW))
    assert len(backups.names(tmp_path / "nightly")) == 1
    plain.master_key_source.path.unlink()
    with pytest.raises(RegistryError, match="cannot be read"):
        back_up_and_try(nightly, NOW)


# The restore drill


def figures(known: House) -> dict[str, list[tuple]]:
    shown = {}
    for table in FIGURES:
        rows = known.ask(f"from {table}")
        rows = rows.drop([name for name in HISTORY if name in rows.columns])
        shown[table] = sorted(rows.rows(), key=repr)
    return shown


def test_restore_drill(house: House, tmp_path: Path) -> None:
    """Back up, lose everything but the master key, restore: the same figures, and the next files are read."""
    fleet, folder = tmp_path / "fleet", tmp_path / "backups"
    simulate(SMALL, fleet)
    frames = sorted(path for path in (fleet / "frames").iterdir() if path.is_file())
    fill(house, fleet, "meters", "customers", "exchanges")
    assert house.ingest(*frames[:-1]) == 0
    before = figures(house)
    assert before["consumption_daily"]
    assert meterhouse("backup", "create", folder).exit_code == 0
    assert house.ingest(frames[-1]) == 0
    expected = figures(house)
    chain = audit.walk(house.installation.registry)

    home = house.installation.settings.home
    house.installation.registry.engine.dispose()
    shutil.rmtree(home)
    open_installation.cache_clear()
    done = meterhouse("backup", "restore", folder, "--home", home)
    assert done.exit_code == 0, (done.stderr, done.exception)
    assert "The master key opens its keys" in done.stderr
    enter(home)
    restored = House(open_installation(home))
    assert figures(restored) == before
    assert audit.walk(restored.installation.registry).broken is None
    assert chain.broken is None
    catch_up(restored.installation, identity="test")
    assert figures(restored) == before
    assert restored.ingest(frames[-1]) == 0
    assert figures(restored) == expected


def test_a_restored_house_whose_master_key_is_lost_says_so(plain: Installation, tmp_path: Path) -> None:
    _ = plain.vault
    folder = tmp_path / "backups"
    back_up(plain, folder, keep=None, **WHO)
    os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(tmp_path / "absent.key")
    done = meterhouse("backup", "restore", folder, "--home", tmp_path / "new")
    assert done.exit_code == 1
    assert "its keys do not open" in done.stderr
