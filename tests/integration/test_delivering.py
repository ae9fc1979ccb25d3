"""Files of jobs on their way: built, gated, brought to a folder, a server and mailboxes, whoever dies meanwhile."""

import csv
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assets.steps import delivering
from assets.steps.delivering import try_again, try_destination, work_off
from assets.steps.delivery_records import publish_deliveries
from assets.steps.erasing import erase
from assets.steps.export_planning import ask_for_due, run_now
from assets.steps.mailing import deliver
from connectors.errors import ConnectorError, Transient
from exports.periods import MOST_MISSED
from registry import mail
from registry.erasures import Request
from registry.errors import RegistryError
from registry.exports import jobs, runs
from registry.exports.runs import CLAIM
from tests.conftest import REPOSITORY
from tests.integration.dying_export import STEPS
from tests.integration.exporting import BY, DAY, NOW, PERIOD, add, arrived, ask, place, run_of, waiting_files
from tests.integration.installations import House
from tests.integration.mail_server import Authority, Inbox, free_port
from tests.integration.mailing import ca, inbox, installed, port
from tests.integration.one_meter import house, read, template
from tests.integration.openssh import OpenSsh, openssh

__all__ = ["ca", "house", "inbox", "openssh", "port", "template"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

FILE = "billing_20250602_20250603_000001.csv"
BOTH = [FILE, f"{FILE}.manifest.json"]


def told(house: House) -> list[tuple[object, ...]]:
    return house.ask('select job, revision, state, file_name from deliveries order by "at"').rows()


def test_a_file_arrives_with_its_manifest_and_nothing_stays(house: House) -> None:
    it = house.installation
    place(house)
    add(house)
    run_id = ask(house)
    done = work_off(it, NOW)
    assert (done.delivered, done.troubles) == (1, ())
    assert arrived(it) == BOTH
    run = run_of(house, run_id)
    assert (run.state, run.file_name, run.revision) == ("delivered", FILE, 1)
    manifest = (it.settings.export_path / "billing" / BOTH[1]).read_text()
    assert manifest == run.manifest
    assert json.loads(manifest)["file_sha256"] == run.file_sha256
    assert waiting_files(it) == [], "personal data are kept nowhere twice"
    assert told(house) == [("billing", 1, "delivered", FILE)]
    events = house.ask("select event, identity, object from audit_log where event like 'export.run%' order by number")
    assert events.rows() == [
        ("export.run.ask", "user:7", "billing"),
        ("export.run.deliver", "service:orchestrator", "billing"),
    ]
    assert work_off(it, NOW + DAY).delivered == 0
    assert publish_deliveries(it) == 0


def test_a_period_goes_out_again_as_a_new_revision(house: House) -> None:
    place(house)
    add(house, file_name="{job}_{from:%Y%m%d}_r{revision}.csv")
    for revision in (1, 2):
        run = run_of(house, ask(house))
        assert (run.revision, run.seq) == (revision, revision)
        assert work_off(house.installation, NOW).delivered == 1
    assert [name for name in arrived(house.installation) if name.endswith("csv")] == [
        "billing_20250602_r1.csv",
        "billing_20250602_r2.csv",
    ]
    assert sorted(row[1:3] for row in told(house)) == [(1, "delivered"), (2, "delivered")]


@pytest.mark.parametrize("step", STEPS)
def test_whoever_dies_the_next_one_goes_on(house: House, step: str) -> None:
    it = house.installation
    place(house)
    add(house)
    run_id = ask(house)
    command = [sys.executable, "-m", "tests.integration.dying_export", str(it.settings.home), step]
    died = subprocess.run(command, cwd=REPOSITORY, env=os.environ, check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    work_off(it, datetime.now(UTC) + CLAIM)
    assert (run_of(house, run_id).state, run_of(house, run_id).attempts) == ("delivered", 1)
    assert arrived(it) == BOTH
    assert waiting_files(it) == []
    assert told(house) == [("billing", 1, "delivered", FILE)]


@pytest.mark.sshd
def test_a_server_that_is_down_for_three_tries_gets_one_file(house: House, openssh: OpenSsh) -> None:
    it, closed = house.installation, free_port()
    drop = openssh.drop()

    def document(port: int) -> str:
        key = openssh.trust(port).read_text()
        return (
            f"kind: sftp\nhost: 127.0.0.1\nport: {port}\nusername: {drop.username}\nfolder: {openssh.folder}\n"
            f"host_key: |\n  {key}auth: private_key\n"
        )

    place(house, document(closed), (openssh.home / "user_key").read_bytes())
    add(house)
    run_id, now, waited = ask(house), NOW, []
    for tries in (1, 2, 3):
        done = work_off(it, now)
        run = run_of(house, run_id)
        assert (done.waiting, run.state, run.attempts) == (1, "waiting", tries)
        assert "Connection refused" in done.troubles[0]
        assert run.next_at is not None
        waited.append(round((run.next_at - now) / timedelta(minutes=1)))
        now = run.next_at
    assert waited == [5, 10, 20]
    first = run.as_of
    place(house, document(openssh.port), (openssh.home / "user_key").read_bytes())
    assert work_off(it, now).delivered == 1
    assert sorted(path.name for path in openssh.folder.iterdir()) == BOTH, "one file"
    assert (run_of(house, run_id).as_of, run_of(house, run_id).attempts) == (first, 4), "built once"
    assert told(house) == [("billing", 1, "delivered", FILE)]


def test_what_somebody_has_to_mend_fails_at_once_and_is_built_anew(house: House) -> None:
    it = house.installation
    place(house)
    add(house)
    run_id = ask(house)
    folder = it.settings.export_path
    folder.rmdir()
    done = work_off(it, NOW)
    assert (done.failed, run_of(house, run_id).state) == (1, "failed")
    assert "METERHOUSE_EXPORT_FOLDER" in done.troubles[0]
    assert waiting_files(it) == []
    first = run_of(house, run_id).as_of
    folder.mkdir()
    later = NOW + timedelta(minutes=1)
    try_again(it, run_id, identity="user:7", now=later)
    assert work_off(it, later).delivered == 1
    again = run_of(house, run_id)
    assert (again.revision, again.attempts) == (1, 1)
    assert first is not None
    assert again.as_of is not None
    assert again.as_of > first
    assert [row[2] for row in told(house)] == ["failed", "delivered"]


def test_a_full_disk_of_ours_passes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    place(house)
    add(house)
    run_id = ask(house)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", _full(Path.mkdir))
        done = work_off(house.installation, NOW)
    assert (done.waiting, run_of(house, run_id).state) == (1, "waiting"), done
    assert "No space left" in done.troubles[0]
    assert work_off(house.installation, NOW + timedelta(hours=1)).delivered == 1


def _full(mkdir):
    def refuse(path: Path, *args: object, **options: object) -> None:
        if path.name.endswith(".part"):
            raise OSError(28, "No space left on device")
        mkdir(path, *args, **options)

    return refuse


def test_a_gate_withholds_until_a_person_lets_go(house: House) -> None:
    it = house.installation
    read(house, list(range(12)))  # half a day: the day is not whole
    place(house)
    add(house, gate={"missing": 0})
    add(house, "open", gate={"missing": 100})
    run_id, other = ask(house), ask(house, "open")
    done = work_off(it, NOW)
    assert (done.withheld, done.delivered) == (1, 1), "the others go out"
    run = run_of(house, run_id)
    assert run.state == "withheld"
    assert "values are missing" in (run.reason or "")
    assert run_of(house, other).state == "delivered"
    assert not [name for name in arrived(it) if name.startswith("billing")]
    assert work_off(it, NOW + DAY).delivered == 0
    with it.registry.begin() as session:
        runs.release(session, it.organisation, run_id, **BY)
    for path in (it.settings.home / "exports" / run_id).iterdir():
        path.unlink()
    (it.settings.home / "exports" / run_id).rmdir()  # somebody tidied up: the same is built again
    assert work_off(it, NOW + DAY).delivered == 1
    released = run_of(house, run_id)
    assert (released.released_by, released.file_sha256) == ("user:7", run.file_sha256)
    rows = house.ask("select state, released_by from deliveries where job = 'billing' order by \"at\"").rows()
    assert rows == [("withheld", None), ("delivered", "user:7")]


def test_late_rows_are_in_the_next_since_last_file_once(house: House) -> None:
    it = house.installation
    place(house)
    add(house, readings="since_last", format="ready-csv", file_name="{job}_{seq}.csv")
    read(house, [1, 2, 3])
    counts = []
    for start, values in ((None, []), (PERIOD.start + timedelta(hours=12), [11.5]), (None, [])):
        if start:
            read(house, values, start)
        run = run_now(it, "billing", identity="user:7", now=datetime.now(UTC))
        assert work_off(it, datetime.now(UTC)).delivered == 1
        counts.append(run_of(house, run.run_id).rows)
    assert counts == [3, 1, 0]


def test_a_file_goes_by_letter_with_its_manifest(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    it = house.installation
    place(house, 'kind: mail\nto: [kim@elsewhere.example]\nsubject: "{job} {from}"\nlanguage: da\n')
    add(house)
    run_id = ask(house)
    assert work_off(it, NOW).delivered == 1
    assert waiting_files(it) == []
    assert deliver(installed(house, port, ca), NOW + DAY).sent == 1
    (message,) = inbox.messages
    assert message["Subject"] == "billing 2025-06-02"
    assert [file.get_filename() for file in message.iter_attachments()] == BOTH[::-1]
    letter = message.get_body(("plain",)).get_content()
    assert "2025-06-02 00:00 – 2025-06-03 00:00" in letter
    assert "Den er vedhæftet." in letter, "in the destination's language"
    with it.registry.begin(readonly=True) as session:
        (entry,) = mail.entries(session, it.organisation)
    assert entry.subject == f"export:{run_id}:0"


def test_a_file_too_large_for_letters_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    it = house.installation
    place(house, "kind: mail\nto: [kim@elsewhere.example]\n")
    add(house)
    run_id = ask(house)
    monkeypatch.setattr("assets.steps.export_letters.MOST_BYTES", 100)
    done = work_off(it, NOW)
    assert done.failed == 1
    assert "give the job a destination of another kind" in done.troubles[0]
    assert run_of(house, run_id).state == "failed"
    with it.registry.begin(readonly=True) as session:
        assert mail.entries(session, it.organisation) == []


def test_a_letter_is_queued_with_its_run_or_not_at_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    it = house.installation
    place(house, "kind: mail\nto: [kim@elsewhere.example, robin@elsewhere.example]\n")
    add(house)
    ask(house)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivering.runs, "delivered", dies)
        with pytest.raises(KeyboardInterrupt):
            work_off(it, NOW)
    with it.registry.begin(readonly=True) as session:
        assert mail.entries(session, it.organisation) == []
    assert work_off(it, datetime.now(UTC) + CLAIM).delivered == 1
    with it.registry.begin(readonly=True) as session:
        assert len(mail.entries(session, it.organisation)) == 2


def test_schedules_ask_for_each_period_once_and_catch_up(house: House) -> None:
    it = house.installation
    place(house)
    add(house, schedule={"at": "06:00"}, now=NOW - 3 * DAY)
    add(house, "idle", active=False, now=NOW - 3 * DAY)
    add(house, "new", readings="since_last", now=NOW - 3 * DAY)
    noon = NOW + timedelta(hours=12)
    asked = ask_for_due(it, noon, names=["billing"])
    assert [run.period_to for run in asked] == [datetime(2025, 6, day, 22, tzinfo=UTC) for day in (27, 28, 29, 30)]
    assert ask_for_due(it, noon, names=["billing"]) == []
    assert [run.known_after is None for run in ask_for_due(it, noon)] == [False], "one file brings all that is new"
    assert ask_for_due(it, noon) == []
    assert ask_for_due(it, noon + DAY, late=timedelta(hours=9)) == []
    assert len(ask_for_due(it, noon + DAY, late=timedelta(hours=5))) == 2
    assert len(ask_for_due(it, noon + 90 * DAY, names=["billing"])) == MOST_MISSED
    now = run_now(it, "idle", identity="user:7", now=noon)
    assert (now.requested_by, now.period_to) == ("user:7", datetime(2025, 6, 30, 22, tzinfo=UTC))


def test_a_job_changed_after_asking_does_not_change_the_file(house: House) -> None:
    place(house)
    add(house)
    ask(house)
    add(house, file_name="other_{seq}.csv")
    assert work_off(house.installation, NOW).delivered == 1
    assert arrived(house.installation) == BOTH


def test_a_file_that_waits_tells_nothing_of_who_was_erased(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    it = house.installation
    read(house, list(range(30)), PERIOD.start - timedelta(hours=2))
    place(house)
    add(house)
    run_id = ask(house)

    def away(*_: object, **__: object) -> None:
        raise Transient("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "upload", away)
        assert work_off(it, NOW).waiting == 1
    (folder,) = waiting_files(it)
    assert values(next(folder.glob("*.csv"))) == ["24"]
    before = run_of(house, run_id)
    erase(it, Request("default", "P1", date(2025, 6, 2), date(2025, 6, 2), "request 7"), **BY)
    assert waiting_files(it) == []
    assert work_off(it, NOW + DAY).delivered == 1
    after = run_of(house, run_id)
    assert after.as_of == before.as_of, "as it was known then, of what is left"
    assert after.file_sha256 != before.file_sha256
    assert "24" not in values(it.settings.export_path / "billing" / FILE)


def values(file: Path) -> list[str]:
    with file.open() as lines:
        return [row["consumption"] for row in csv.DictReader(lines)]


def test_folders_that_nobody_needs_go(house: House) -> None:
    it = house.installation
    orphan, young, other = (it.settings.home / "exports" / name for name in ("a" * 32, "b" * 32, "kept"))
    for folder in (orphan, young, other):
        folder.mkdir()
    for folder in (orphan, other):
        os.utime(folder, (0, 0))
    work_off(it, NOW)
    assert sorted(waiting_files(it)) == [young, other], "somebody may be at the young one"
    for folder in (young, other):
        folder.rmdir()
    it.settings.export_path.rmdir()
    (it.settings.home / "exports").rmdir()
    assert work_off(it, NOW).delivered == 0, "as in an installation that never sent a file"


def test_a_removed_job_sends_nothing_more(house: House) -> None:
    it = house.installation
    place(house)
    add(house)
    run_id = ask(house)
    with it.registry.begin() as session:
        jobs.remove(session, it.organisation, "billing", **BY)
    assert run_of(house, run_id).state == "cancelled"
    assert work_off(it, NOW).delivered == 0
    assert told(house) == [("billing", 1, "cancelled", None)]


def test_a_destination_is_tried_before_the_night(house: House) -> None:
    it = house.installation
    place(house)
    name = try_destination(it, "place", NOW)
    assert arrived(it) == [name]
    place(house, "kind: mail\nto: [kim@elsewhere.example]\n")
    with pytest.raises(RegistryError, match="mail test export_file"):
        try_destination(it, "place", NOW)
    place(house)
    (it.settings.export_path / "billing" / name).unlink()
    (it.settings.export_path / "billing").rmdir()
    it.settings.export_path.rmdir()
    with pytest.raises(ConnectorError, match="METERHOUSE_EXPORT_FOLDER"):
        try_destination(it, "place", NOW)
