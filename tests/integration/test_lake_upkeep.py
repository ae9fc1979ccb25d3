"""Upkeep of the lake: each night in the utility's zone, by hand, and nobody notices."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from assets.resources import InstallationResource
from assets.steps.estimating import kept_newest
from assets.steps.touched import join_batches, newest_batch, pending
from assets.steps.upkeep import compact_lake, is_closed
from cli.main import app
from pipelines.upkeep import NIGHT_TAG, nightly_upkeep, upkeep_job
from registry import mail
from registry.people import services
from registry.trail import Filter, events
from tests.integration.installations import House
from tests.integration.lake_writer import batch
from warehouse.schemas import LAYOUTS, READINGS, RECEPTIONS, TOUCHED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_month_is_closed_a_day_after_its_end() -> None:
    assert is_closed(READINGS, "2026-01", NOW)
    assert not is_closed(READINGS, "2026-02", NOW), "latecomers"
    assert is_closed(READINGS, "2026-02", NOW + timedelta(days=1))
    assert is_closed(RECEPTIONS, "2026-02-27", NOW)
    assert not is_closed(RECEPTIONS, "2026-02-28", NOW)
    assert not is_closed(LAYOUTS, "", NOW)


@pytest.fixture
def crowded(house: House) -> House:
    """Readings of a month that is over and of one that goes on, in two files each."""
    for number in (1, 0, 25 * 24 + 1, 25 * 24):
        house.installation.lake.append(READINGS, batch("A", number))
    return house


def files(house: House, month: str) -> list[str]:
    return [file for file in house.installation.lake.files(READINGS) if f"month={month}" in file]


def test_closed_months_are_sorted_and_running_ones_joined(crowded: House) -> None:
    lake = crowded.installation.lake
    before = lake.scan(READINGS).sort(READINGS.key).collect()
    now = datetime(2026, 2, 26, tzinfo=UTC)
    assert compact_lake(crowded.installation, identity="test", now=now) == {"readings": 2}
    (january,), (february,) = files(crowded, "2026-01"), files(crowded, "2026-02")
    keys = [pl.read_parquet(file).select(READINGS.sort_by) for file in (january, february)]
    assert [rows.equals(rows.sort(READINGS.sort_by)) for rows in keys] == [True, False]
    assert lake.scan(READINGS).sort(READINGS.key).collect().equals(before)
    assert compact_lake(crowded.installation, identity="test", now=now) == {}
    trail = events(crowded.installation.registry, Filter("default", event="lake"))
    assert [json.loads(event.details or "") for event in trail] == [{"readings": 2}]


def test_the_command_compacts_and_vacuums(crowded: House) -> None:
    home = ["--home", str(crowded.installation.settings.home)]
    done = CliRunner().invoke(app, ["lake", "compact", *home])
    assert done.exit_code == 0, done.output
    assert "readings,2" in done.output
    done = CliRunner().invoke(app, ["lake", "vacuum", *home])
    assert done.exit_code == 0, done.output
    assert "0 files deleted" in done.output, "older versions are kept for a week"


def ticks(house: House, instance: dg.DagsterInstance, first: datetime, hours: int) -> list[dg.RunRequest]:
    """What the schedule asks for, hour by hour."""
    resource = InstallationResource(home=str(house.installation.settings.home))
    asked = []
    for hour in range(hours):
        with dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=first + timedelta(hours=hour, minutes=15),
            resources={"installation": resource},
        ) as context:
            answer = nightly_upkeep(context)
        if isinstance(answer, dg.RunRequest):
            asked.append(answer)
            instance.create_run_for_job(upkeep_job, tags=answer.tags, status=dg.DagsterRunStatus.SUCCESS)
    return asked


def test_each_night_has_one_run_also_those_when_the_clocks_change(house: House) -> None:
    with dg.DagsterInstance.get() as instance:
        for evening in (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)):
            asked = ticks(house, instance, evening, 8)
            assert [request.tags[NIGHT_TAG] for request in asked] == [f"{evening + timedelta(days=1):%Y-%m-%d}"]
        instance.create_run_for_job(upkeep_job, tags={NIGHT_TAG: "2026-11-03"}, status=dg.DagsterRunStatus.FAILURE)
        assert len(ticks(house, instance, datetime(2026, 11, 3, 2, tzinfo=UTC), 1)) == 1, "a failed one is repeated"
        registry = house.installation.registry
        services.enable(registry, "default", "orchestrator", is_enabled=False, identity="local:owner", now=NOW)
        assert ticks(house, instance, datetime(2026, 11, 5, 2, tzinfo=UTC), 1) == []


def test_the_nightly_run_works_and_is_the_orchestrators(crowded: House) -> None:
    with dg.DagsterInstance.get() as instance:
        assert upkeep_job.execute_in_process(instance=instance).success
    assert len(files(crowded, "2026-01")) == 1
    trail = events(crowded.installation.registry, Filter("default", event="lake"))
    assert [(event.event, event.identity) for event in trail] == [("lake.compact", "service:orchestrator")]


def test_the_nightly_run_forgets_for_whom_old_messages_were(house: House) -> None:
    it = house.installation
    vault, long_ago = it.vault, datetime.now(UTC) - timedelta(days=91)
    with it.registry.begin() as session:
        to = mail.Recipient("user:1", "kim@example.org")
        link = {"organisation": "Northtown", "link": "https://meters.example.org/x", "valid_until": "2026-01-15"}
        message = mail.queue(session, vault, "default", "confirm_address", to, "en", link, long_ago)
    mail.sent(it.registry, message, long_ago)
    with dg.DagsterInstance.get() as instance:
        assert upkeep_job.execute_in_process(instance=instance).success
    (event,) = events(it.registry, Filter("default", event="mail.forget"))
    assert (event.identity, json.loads(event.details or "")) == ("service:orchestrator", {"recipients": 1})
    assert CliRunner().invoke(app, ["mail", "forget", "--home", str(it.settings.home)]).exit_code == 0


def test_batches_that_everybody_has_seen_are_joined(house: House, fleet: Path) -> None:
    it = house.installation
    house.take("meters", fleet / "meters.csv")
    house.take("customers", fleet / "customers.csv")
    days = [sorted((fleet / "frames").glob(f"*_2025-10-{day}*")) for day in (20, 21, 22)]
    for files in days[:2]:
        assert house.ingest(*files) == 0
    reach = pl.col("first_at").min(), pl.col("last_at").max()
    before = it.lake.scan(TOUCHED).collect()
    newest, kept = newest_batch(it), kept_newest(it)
    assert join_batches(it, None) == 0, "before the first reading nothing is settled"
    assert join_batches(it, kept) > 0
    joined = it.lake.scan(TOUCHED).collect()
    assert (
        joined.group_by("meter_id")
        .agg(reach)
        .sort("meter_id")
        .equals(before.group_by("meter_id").agg(reach).sort("meter_id"))
    ), "all that was ever touched can be reckoned again"
    assert joined.filter(pl.col("last_at") <= kept)["meter_id"].is_unique().all()
    assert (newest_batch(it), pending(it, "figures")[0].height) == (newest, 0)
    assert join_batches(it, kept) == 0
    assert house.ingest(*days[2]) == 0
    assert newest_batch(it) > newest
    assert house.ask("select count(*) from consumption_daily where day = '2025-10-22'").item() > 0
