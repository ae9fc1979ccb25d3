"""Files that are made once and proven later: whole or not at all, the same again, and what became known since."""

import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.steps import exporting
from assets.steps.deciding import Choice
from assets.steps.deciding import decide as decide_about
from assets.steps.erasing import erase
from assets.steps.export_manifests import diff, verify
from assets.steps.exporting import Built, build, fixed_instant
from assets.steps.retention import EXPORTED, plan, run
from exports.errors import ExportError
from exports.jobs import Gate, Job
from exports.manifest import Manifest
from registry import policies
from registry.customers import edit_customer
from registry.erasures import Request
from registry.exports import formats
from registry.models import ExportRun
from tests.integration.installations import House
from tests.integration.one_meter import BY, START, given, house, read, reckon, subject, template
from tests.integration.steps_of_a_run import reckon_again

__all__ = ["house", "template"]

HOUR = timedelta(hours=1)
DAYS = (datetime(2025, 6, 2, 22, tzinfo=UTC), datetime(2025, 6, 4, 22, tzinfo=UTC))
"""Two local days."""
HOURS = """
layout: delimited
title: Hours
content: hourly
file_name: '{job}.csv'
columns: [metering_point, value]
"""
CORRECTED = "manufacturer,serial,measured_at,volume_m3\nKAM,00000001,2025-06-03T22:00:00Z,5.55\n"
"""The register at the end of the first day."""
VALUES: list[str | float] = [f"{1 + number / 10:.1f}" for number in range(72)]
THIN = """
automatic: false
survivor: last
hold_exported_months: {months}
rules:
  - stages: [{{after_months: 1, keep: day}}]
"""


def asked(form: str = "consumption-csv", number: str = "1", **changes: object) -> ExportRun:
    """A run of a job, as if it had just been asked for."""
    job = Job(**({"name": "billing", "format": form, "destination": "folder"} | changes))  # type: ignore[arg-type]
    return ExportRun(
        run_id=number,
        organisation="default",
        job_id="J1",
        period_from=DAYS[0],
        period_to=DAYS[1],
        revision=int(number),
        seq=int(number),
        state="building",
        job_document=job.written(),
        requested_by="local:test",
        requested_at=datetime.now(UTC),
        attempts=0,
    )


def made(house: House, row: ExportRun, state: str = "delivered") -> Built:
    """Builds a run's file, and notes it as delivered."""
    built = build(house.installation, row, datetime.now(UTC))
    row.as_of, row.manifest, row.state = built.facts.as_of, built.manifest.read_text(), state
    with house.installation.registry.begin() as session:
        session.add(row)
    return built


def folders(house: House) -> list[str]:
    """Folders of runs, beside the one that files are delivered to."""
    found = (house.installation.settings.home / exporting.FOLDER).iterdir()
    return sorted(path.name for path in found if path != house.installation.settings.export_path)


@pytest.fixture
def known(house: House) -> House:
    """A meter read each hour for three days, but for six hours of the second one."""
    read(house, VALUES[:30])
    read(house, VALUES[36:], START + 36 * HOUR)
    return house


def test_a_file_lies_beside_its_manifest(known: House) -> None:
    row = asked(interpolate=True)
    built = made(known, row)
    content = built.file.read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (built.facts.size_bytes, built.facts.file_sha256)
    assert Manifest.read(built.manifest.read_text()) == built.facts
    assert built.facts.contents.rows == 2
    sums = known.ask("select sum(consumption) from consumption_daily where day in ('2025-06-03', '2025-06-04')").item()
    assert built.facts.contents.sums == {"volume_m3": f"{sums:.6f}"}
    assert built.facts.policies["consumption"] == 0
    assert [str(day) for stretch in built.facts.contents.days for day in stretch] == ["2025-06-03", "2025-06-04"]
    assert folders(known) == [row.run_id]
    again = build(known.installation, row, datetime.now(UTC))
    assert again == built


def test_a_file_that_was_changed_is_not_sent(known: House) -> None:
    row = asked()
    built = made(known, row)
    built.file.write_bytes(built.file.read_bytes() + b" ")
    with pytest.raises(ExportError, match="is not what its manifest says"):
        build(known.installation, row, datetime.now(UTC))


@pytest.mark.parametrize("step", ["write", "first fsync", "second fsync", "rename"])
def test_who_dies_leaves_nothing_that_could_be_sent(known: House, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies before everything is on the disk has made no file; the next one makes the same bytes."""
    row = asked()
    row.as_of = fixed_instant(known.installation, datetime.now(UTC))
    with monkeypatch.context() as patched:
        _dying_at(step, patched)
        with pytest.raises(KeyboardInterrupt):
            build(known.installation, row, datetime.now(UTC))
    assert folders(known) == [f"{row.run_id}.part"]
    built = build(known.installation, row, datetime.now(UTC))
    other = asked(number="2")
    other.seq, other.revision, other.as_of = row.seq, row.revision, row.as_of
    assert built.facts.file_sha256 == build(known.installation, other, datetime.now(UTC)).facts.file_sha256
    assert folders(known) == ["1", "2"]


def _dying_at(step: str, patched: pytest.MonkeyPatch) -> None:
    owner, name = {"write": (exporting.writing, "write"), "rename": (Path, "rename")}.get(step, (os, "fsync"))
    before, calls = getattr(owner, name), []

    def dying(*args: object) -> object:
        calls.append(args)
        if len(calls) == (2 if step.startswith("second") else 1):
            raise KeyboardInterrupt
        return before(*args)

    patched.setattr(owner, name, dying)


def test_a_gate_says_why_a_file_is_withheld(known: House) -> None:
    assert made(known, asked(gate=Gate(missing=0))).reasons == ()
    with known.installation.registry.begin() as session:
        formats.save(session, "default", "hours", HOURS, identity="local:test", now=datetime.now(UTC))
    hourly = made(known, asked("hours", "2", gate=Gate(missing=0)))
    assert hourly.reasons == ("7 of 48 values are missing (14.58 %), more than 0 %.",)


@pytest.mark.parametrize("form", ["consumption-csv", "ready-csv"])
def test_it_is_made_again_from_its_manifest_alone(known: House, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late data, a correction, another name and a thinning: the file of then is still the file of then."""
    house_, vault = known.installation, known.installation.vault
    built = made(known, asked(form, interpolate=True))
    manifest = Manifest.read(built.manifest.read_text())
    monkeypatch.setattr("assets.steps.exporting.formats.current", None)  # its format stands in the manifest
    assert verify(house_, manifest).same

    read(known, VALUES[30:36], START + 30 * HOUR)
    given(known, "readings", CORRECTED)
    reckon(known, datetime.now(UTC))
    who = {"organisation": "default", "identity": "local:test", "now": datetime.now(UTC)}
    edit_customer(known.installation.registry, vault, metering_point="P1", texts={"address": "Other Street 2"}, **who)
    verdict = verify(house_, manifest)
    assert verdict.same, verdict.reasons
    changes = diff(house_, manifest, fixed_instant(house_, datetime.now(UTC)))
    assert changes.height
    if form == "ready-csv":
        assert changes["change"].value_counts().sort("change").rows() == [("corrected", 1), ("late", 6)]

    decide(known, THIN.format(months=36))
    planned = plan(house_, datetime.now(UTC))
    assert planned.filter(stage=EXPORTED)["rows"].sum() > 0
    reckon_again(house_)
    run(house_, identity="test", now=datetime.now(UTC))
    verdict = verify(house_, manifest)
    assert verdict.same, verdict.reasons
    assert verdict.contents == manifest.contents


def decide(house: House, document: str) -> None:
    with house.installation.registry.begin() as session:
        policies.decide(
            session, "default", "retention", document, reason="test", identity="test", now=datetime.now(UTC)
        )


def test_what_is_not_held_is_thinned_and_the_verdict_says_so(known: House) -> None:
    manifest = made(known, asked("ready-csv")).facts
    decide(known, THIN.format(months=0))
    assert plan(known.installation, datetime.now(UTC)).filter(stage=EXPORTED).is_empty()
    reckon_again(known.installation)
    run(known.installation, identity="test", now=datetime.now(UTC))
    verdict = verify(known.installation, manifest)
    assert not verdict.same
    assert any(reason.startswith("The rows differ: 42 then") for reason in verdict.reasons)
    assert "Rows were thinned by retention since (certificates 1)." in verdict.reasons


def test_what_was_erased_is_not_made_again_and_the_verdict_says_so(known: House) -> None:
    first, second = (made(known, asked("ready-csv", number)).facts for number in ("1", "2"))
    day = Request("default", "P1", date(2025, 6, 3), date(2025, 6, 3), "request 7")
    erase(known.installation, day, identity="local:test", now=datetime.now(UTC))
    for manifest in (first, second):
        verdict = verify(known.installation, manifest)
        assert not verdict.same
        assert verdict.contents is not None
        assert 0 < verdict.contents.rows < manifest.contents.rows
        assert verdict.reasons[-1] == (
            "Data was erased on request since (erasures 1): what it was about cannot be made again."
        )
    after = made(known, asked("ready-csv", "3")).facts
    assert verify(known.installation, after).same, "erased before it was made"


def test_a_file_of_another_installation_is_not_made(known: House) -> None:
    manifest = made(known, asked()).facts.model_copy(update={"installation_id": "another"})
    assert not verify(known.installation, manifest).same


def test_figures_that_others_know_go_again_when_they_changed_enough(known: House) -> None:
    """A job that sends what became known: corrections go by the policy of replacement, and unchanged figures do not."""
    first = made(known, asked(readings="since_last", interpolate=True)).facts
    assert first.contents.rows >= 2
    second = asked(number="2", readings="since_last", interpolate=True)
    second.known_after = first.as_of
    assert made(known, second).facts.contents.rows == 0
    given(known, "readings", CORRECTED)
    reckon(known, datetime.now(UTC))
    third = asked(number="3", readings="since_last", interpolate=True)
    third.known_after = first.as_of
    built = made(known, third)
    assert built.facts.contents.rows >= 1
    assert verify(known.installation, built.facts).same


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice("reject", "meter_fault", "No pulse."), ("R", None)),
        (Choice("override", "misread", "The photograph shows it.", Decimal("1.2")), ("X", "1,2")),
    ],
    ids=["rejected", "overridden"],
)
def test_what_people_refuse_is_missing_and_what_they_give_is_edited(house: House, choice: Choice, told: tuple) -> None:
    read(house, ["1", "1.1", "21.1"], DAYS[0])
    first = made(house, asked("ready-csv", readings="since_last"))
    assert _rows(first.file).select("Quality", "Value").rows()[2] == ("M", "21,1")
    decide_about(house.installation, subject(house, "V06"), choice, **BY)
    reckon(house, datetime.now(UTC))
    assert _rows(made(house, asked("ready-csv", "2")).file).select("Quality", "Value").rows()[2] == told
    later = asked("ready-csv", "3", readings="since_last")
    later.known_after = first.facts.as_of
    resent = [told] if told[0] == "X" else []
    assert _rows(made(house, later).file).select("Quality", "Value").rows() == resent


def _rows(file: Path) -> pl.DataFrame:
    return pl.read_csv(file, separator=";", infer_schema=False)
