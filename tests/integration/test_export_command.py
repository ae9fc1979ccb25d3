"""``export`` and ``job`` on the command line: the same engine as schedules, secrets unseen, exit status told."""

import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from registry.exports import runs
from tests.integration.exporting import FORM, arrived, waiting_files
from tests.integration.installations import House
from tests.integration.one_meter import house, read, template

__all__ = ["house", "template"]

JOB = f"name: billing\nformat: {FORM}\ndestination: place\nschedule: {{at: '06:00'}}\n"
DAYS = ("--from", "2025-06-02", "--to", "2025-06-02")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def done(*words: object) -> str:
    result = run(*words)
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout


def refused(*words: object) -> str:
    result = run(*words)
    assert result.exit_code != 0, result.output
    return str(result.exception) if not isinstance(result.exception, SystemExit) else result.stderr


def rows(*words: object) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done(*words))))


@pytest.fixture
def job(house: House, tmp_path: Path) -> Path:
    """A destination and a job; gives the job's file."""
    (tmp_path / "place.yaml").write_text("kind: folder\npath: billing\n")
    (tmp_path / "billing.yaml").write_text(JOB)
    done("export", "destinations", "save", "place", tmp_path / "place.yaml")
    done("job", "add", tmp_path / "billing.yaml")
    return tmp_path / "billing.yaml"


def test_a_job_from_its_document_to_its_file(house: House, job: Path) -> None:
    read(house, list(range(30)))
    (listed,) = rows("job", "list")
    assert (listed["name"], listed["active"], listed["last_state"]) == ("billing", "true", "")
    assert listed["next_run"].endswith("04:00:00+00:00") or listed["next_run"].endswith("05:00:00+00:00")
    done("job", "run", "billing", *DAYS)
    assert len(arrived(house.installation)) == 2
    (only,) = rows("job", "runs", "billing")
    assert (only["state"], only["revision"], only["period_from"]) == ("delivered", "1", "2025-06-01T22:00:00+00:00")
    done("job", "run", "billing", *DAYS)
    assert [one["revision"] for one in rows("job", "runs", "billing")] == ["2", "1"]
    assert "give --from and --to" in refused("job", "run", "billing", "--from", "2025-06-02")
    shown = done("job", "show", "billing")
    job.write_text(shown)
    assert "say --replace" in refused("job", "add", job)
    job.write_text(shown.replace("06:00", "07:00"))
    done("job", "add", job, "--replace")
    done("job", "deactivate", "billing")
    assert rows("job", "list")[0]["next_run"] == ""
    assert "active: false" in done("job", "show", "billing")
    done("job", "activate", "billing")
    assert "0 delivered" in run("export", "run").stderr
    assert rows("job", "failed") == []
    done("job", "remove", "billing", "--yes")
    assert rows("job", "list") == []
    assert "There is no job billing" in refused("job", "run", "billing")


def test_the_same_bytes_by_hand_and_by_job(house: House, job: Path, tmp_path: Path) -> None:
    read(house, list(range(30)))
    done("job", "run", "billing", *DAYS)
    out = tmp_path / "by-hand.csv"
    done("export", "now", "--format", FORM, *DAYS, "--out", out, "--job", "billing")
    folder = house.installation.settings.export_path / "billing"
    (delivered,) = folder.glob("*.csv")
    assert out.read_bytes() == delivered.read_bytes()
    assert len(out.read_text().splitlines()) > 1
    assert waiting_files(house.installation) == []
    assert "exists: name another file" in refused("export", "now", "--format", FORM, *DAYS, "--out", out)
    manifest = tmp_path / "by-hand.csv.manifest.json"
    assert "the same bytes" in run("export", "verify", manifest).stderr
    assert len(done("export", "diff", manifest).splitlines()) == 1, "nothing is known differently"
    assert "is no manifest" in refused("export", "verify", out)
    assert "No format called none" in refused(
        "export", "now", "--format", "none", *DAYS, "--out", tmp_path / "none.csv"
    )
    assert not (tmp_path / "none.csv").exists()


def test_a_withheld_file_is_released_by_a_person(house: House, job: Path) -> None:
    read(house, list(range(12)))
    job.write_text(f"{JOB}gate: {{missing: 0}}\n")
    done("job", "add", job, "--replace")
    assert "is withheld" in refused("job", "run", "billing", *DAYS)
    (withheld,) = rows("job", "failed")
    assert "values are missing" in withheld["reason"]
    assert "release it" in refused("job", "retry", withheld["run"])
    done("job", "release", withheld["run"])
    assert len(arrived(house.installation)) == 2
    assert rows("job", "failed") == []
    with house.installation.registry.begin(readonly=True) as session:
        assert str(runs.get(session, "default", withheld["run"]).released_by).startswith("local:")


def test_failed_runs_are_tried_again_or_cancelled(house: House, job: Path) -> None:
    outgoing = house.installation.settings.export_path
    outgoing.rmdir()
    assert "METERHOUSE_EXPORT_FOLDER" in refused("job", "run", "billing", *DAYS)
    (failed,) = rows("job", "failed")
    assert (failed["job"], failed["state"], failed["attempts"]) == ("billing", "failed", "1")
    outgoing.mkdir()
    done("job", "retry", failed["run"])
    assert len(arrived(house.installation)) == 2
    assert "is delivered already" in refused("job", "cancel", failed["run"])
    assert "There is no run" in refused("job", "retry", "none")


def test_formats_of_ones_own(house: House, tmp_path: Path) -> None:
    names = [one["name"] for one in rows("export", "formats", "list")]
    assert FORM in names
    own = tmp_path / "own.yaml"
    own.write_text(done("export", "formats", "show", FORM))
    done("export", "formats", "save", "own", own)
    assert {one["name"]: one["version"] for one in rows("export", "formats", "list")}["own"] == "1"
    own.write_text("layout: none\n")
    assert "is not understood" in refused("export", "formats", "save", "own", own)
    assert "is no name" in refused("export", "formats", "save", "Not a name", own)
    done("export", "formats", "remove", "own")
    assert "There is no format own" in refused("export", "formats", "show", "own")


def test_secrets_of_destinations_are_never_shown(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "ftps.yaml"
    document.write_text("kind: ftps\nhost: localhost\nusername: meterhouse\nport: 1\n")
    assert "is missing: name a file" in refused("export", "destinations", "save", "far", document)
    (tmp_path / "secret").write_text("t0p-s3cret\n")
    done("export", "destinations", "save", "far", document, "--secret-file", tmp_path / "secret")
    (listed,) = rows("export", "destinations", "list")
    assert (listed["kind"], listed["secret"], listed["place"]) == ("ftps", "true", "ftps://meterhouse@localhost:1")
    tried = run("export", "destinations", "test", "far")
    assert tried.exit_code == 1
    told = tried.output + str(tried.exception) + str(house.ask("select * from audit_log").rows())
    assert "t0p-s3cret" not in told
    done("export", "destinations", "save", "far", document, "--keep-secret")
    assert rows("export", "destinations", "list")[0]["secret"] == "true"
    document.write_text(document.read_text().replace("localhost", "elsewhere"))
    done("export", "destinations", "save", "far", document, "--keep-secret")
    assert rows("export", "destinations", "list")[0]["secret"] == "false", "a password goes to no other server"
    monkeypatch.setenv("METERHOUSE_DESTINATION_SECRET", "another")
    done("export", "destinations", "save", "far", document)
    assert rows("export", "destinations", "list")[0]["secret"] == "true"
    done("export", "destinations", "remove", "far")
    assert rows("export", "destinations", "list") == []


def test_what_a_job_names_has_to_be_there(house: House, job: Path) -> None:
    for change, message in {
        "format: none": "There is no format none",
        "destination: none": "There is no destination none",
        "group: none": "There is no group 'none'",
        "readings: final": "a format of content readings",
        "interval: often": "interval",
        "schedule: {at: 16:30}": "such as '16:30'",
    }.items():
        word = change.split(":")[0]
        kept = [line for line in JOB.splitlines() if not line.startswith(f"{word}:")]
        job.write_text("\n".join([*kept, change]) + "\n")
        assert message in refused("job", "add", job, "--replace"), change
    job.write_text(JOB)
    assert "is that of the jobs billing" in refused("export", "destinations", "remove", "place")
