"""Former versions of figures and events go when the rows themselves do; alerts of closed windows go, too."""

from datetime import UTC, datetime, timedelta

import polars as pl

from assets.steps.alerts import evaluate_alerts
from assets.steps.retention import plan, run
from pipelines.runs import catch_up
from tests.integration.installations import House
from tests.integration.test_alert_command import READINGS, known
from tests.integration.test_alert_command import run as alert
from tests.integration.test_retention import decide
from warehouse.schemas import TABLES

__all__ = ["known"]

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=500)
"""When what was reckoned of today is old, too."""
EVENTS = """
automatic: false
survivor: last
rules:
  - zones: {zones}
    stages: [{{after_months: 1, keep: none}}]
"""
FROM = ("--start", "2025-06-01T22:00:00Z")


def former(house: House) -> dict[str, int]:
    """Rows that histories hold of what meters did."""
    histories = [table.history for table in TABLES.values() if table.versioned and table.history]
    rows = {table.name: house.installation.lake.scan(table) for table in histories if "metering_point" in table.schema}
    counts = {name: found.select(pl.len()).collect().item() for name, found in rows.items()}
    return {name: count for name, count in counts.items() if count}


def test_no_former_version_outlives_its_figure(known: House) -> None:
    alert("add", "P1", "--limit", "3", *FROM)
    alert("add", "P1", "--limit", "0.5", *FROM)
    for last in (1, 0.4, 1):
        assert known.take_text("readings", READINGS.format(last=last)) == 0
    newest = f"{NOW - timedelta(days=1):%Y-%m-%dT%H:00:00Z}"
    header = "manufacturer,serial,measured_at,volume_m3\n"
    assert known.take_text("readings", f"{header}ABC,90000002,{newest},2\n") == 0
    alert("reset", "1")
    catch_up(known.installation, identity="test")
    house, events = known.installation, "select alert_no from alert_events order by 1"
    assert {"consumption_hourly_history", "consumption_daily_history", "alert_events_history"} <= set(former(known))
    assert known.ask(events)["alert_no"].to_list() == [1, 2]

    decide(known, EVENTS.format(zones="[event]"))
    assert run(house, identity="test", now=NOW)
    left = former(known)
    assert "alert_events_history" not in left
    assert left["consumption_daily_history"]
    assert known.ask(events)["alert_no"].to_list() == [2], "what goes on would only be told again"
    evaluate_alerts(house, NOW)
    assert known.ask(events)["alert_no"].to_list() == [2]
    assert plan(house, NOW).is_empty()

    decide(known, EVENTS.format(zones="[interval, event]"))
    done = run(house, identity="test", now=LATER)
    assert done
    assert done.rows["consumption_daily_history"] == left["consumption_daily_history"]
    assert not [name for name in former(known) if name.startswith(("consumption_hourly", "consumption_daily"))]
    files = house.settings.lake_path.glob("consumption_[dh]*_history/**/*.parquet")
    assert sum(pl.read_parquet(file).height for file in files if "_delta_log" not in file.parts) == 0
