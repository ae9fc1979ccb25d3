"""The way of a figure: imported readings, copies of a telegram, erased days, and what a single meter's reader sees."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from warehouse.excerpt import Excerpt
from warehouse.lake import Lake
from warehouse.queries import provenance
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CORRECTIONS,
    EXCHANGES,
    INSTALLATIONS,
    OUTCOMES,
    POLICIES,
    READINGS,
    RECEPTIONS,
    Table,
)

DAY = date(2026, 3, 1)
START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
OLD, NEW = "KAM-11111111-1b-16", "KAM-22222222-1b-16"
NOTHING = pl.DataFrame(schema={"metering_point": pl.String, "first_day": pl.Date, "last_day": pl.Date})
HEARD = END + timedelta(minutes=30)


def write(lake: Lake, table: Table, *rows: dict) -> None:
    shared = {"organisation": "o", "metering_point": "P", "month": "2026-03", "known_from": END}
    frame = pl.DataFrame(
        [{name: {**shared, **row}.get(name) for name in table.schema} for row in rows], schema=dict(table.schema)
    )
    lake.append(table, frame)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A point whose meter was exchanged at noon: the old one's reading was imported, the new one's was heard twice."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    noon = START + timedelta(hours=12)
    write(
        lake,
        INSTALLATIONS,
        {"meter_id": OLD, "installed_at": START - timedelta(days=9), "removed_at": noon},
        {"meter_id": NEW, "installed_at": noon},
    )
    exchanged = {"exchanged_at": noon, "old_meter_id": OLD, "new_meter_id": NEW, "register": "volume_m3"}
    write(lake, EXCHANGES, {**exchanged, "old_final": Decimal(11), "new_initial": Decimal(0)})
    figure = {
        "meter_id": NEW,
        "register": "volume_m3",
        "period_start": START,
        "period_end": END,
        "day": DAY,
        "unit": "m3",
        "quality": "I",
        "start_quality": "M",
        "end_quality": "I",
    }
    write(lake, CONSUMPTION_DAILY, {**figure, "consumption": Decimal(3), "method": "EXCHANGE", "known_from": HEARD})
    write(lake, CONSUMPTION_DAILY.history, {**figure, "consumption": Decimal(2), "known_to": HEARD})
    write(
        lake,
        CORRECTIONS,
        {
            **figure,
            "table_name": "consumption_daily",
            "old_quality": "I",
            "new_quality": "I",
            "cause": "exchange",
            "known_to": HEARD,
        },
    )
    imported = {"meter_id": OLD, "measured_at": START, "received_at": START, "landed_at": START, "quality": "M"}
    write(
        lake,
        READINGS,
        {**imported, "volume_m3": Decimal(10), "source": "import", "source_file": "old.csv", "source_line": 7},
        {
            **imported,
            "meter_id": NEW,
            "measured_at": HEARD,
            "received_at": HEARD,
            "volume_m3": Decimal(2),
            "source": "radio",
            "frame_id": "f-1",
            "telegram_key": "k",
        },
    )
    seen = [("f-1", HEARD, "c1"), ("f-2", HEARD + timedelta(seconds=2), "c2"), ("f-3", HEARD + timedelta(days=3), "c1")]
    for line, (frame_id, at, collector) in enumerate(seen, start=1):
        same = {"frame_id": frame_id, "received_at": at, "landed_at": at, "landed_day": at.date()}
        judged = {"attempt": 1, "decided_at": at, "decoders": "d", "outcome": "decoded", "access_no": 42}
        write(lake, OUTCOMES, {**same, **judged, "meter_id": NEW, "telegram_key": "k"})
        source = {"source_file": "new.csv", "source_line": line, "source_sha256": "00"}
        write(lake, RECEPTIONS, {**same, **source, "collector": collector, "rssi_dbm": -70.0, "frame": b"x"})
    write(lake, POLICIES, *({"kind": "consumption", "version": number, "document": "", "identity": "i", "reason": "r",
                             "known_from": END + timedelta(hours=number - 2)} for number in (1, 2, 3)))  # fmt: skip
    return lake


def told(lake: Lake | Excerpt, erased: pl.DataFrame = NOTHING) -> dict:
    return provenance.of_day(lake, "o", "P", DAY, register="volume_m3", erased=erased)


def test_an_imported_reading_says_its_file_and_line(lake: Lake) -> None:
    start = told(lake)["figures"][0]["start"]
    (reading,) = start["readings"]
    assert (reading["measured_at"], reading["value"], reading["meter_id"]) == (START, Decimal(10), OLD)
    assert (reading["telegram"], reading["source_file"], reading["source_line"]) == (None, "old.csv", 7)


def test_a_telegram_names_every_reception_of_it_and_no_later_one(lake: Lake) -> None:
    before, reading = told(lake)["figures"][0]["end"]["readings"]
    assert (before["meter_id"], reading["meter_id"]) == (OLD, NEW), "with the exchange between them"
    telegram = reading["telegram"]
    assert (telegram["telegram_id"], telegram["access_no"]) == ("f-1", 42)
    heard = [(one["frame_id"], one["collector"], one["rssi_dbm"], one["source_line"]) for one in telegram["receptions"]]
    assert heard == [("f-1", "c1", -70.0, 1), ("f-2", "c2", -70.0, 2)]


def test_readings_far_from_the_day_are_found_in_the_lake(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    near = told(lake)
    monkeypatch.setattr(provenance, "_NEAR", timedelta(days=-1))
    assert told(lake) == near


def test_what_happened_on_the_way_is_told(lake: Lake) -> None:
    (figure,) = told(lake)["figures"]
    assert [(row["old_final"], row["new_initial"]) for row in figure["exchanges"]] == [(Decimal(11), Decimal(0))]
    assert [(row["consumption"], row["cause"]) for row in figure["superseded"]] == [(Decimal(2), "exchange")]
    assert figure["policy"]["version"] == 2, "the one in force when the figure became known"
    assert [row["meter_id"] for row in told(lake)["installations"]] == [OLD, NEW]


def test_an_erased_day_says_so(lake: Lake) -> None:
    erased = pl.DataFrame({"metering_point": ["P", "Q"], "first_day": [DAY, DAY], "last_day": [DAY, DAY]})
    assert told(lake, erased)["erased"] == [{"first_day": DAY, "last_day": DAY}]
    far = erased.with_columns(pl.col("first_day", "last_day") + timedelta(days=2))
    assert told(lake, far)["erased"] == []


def test_who_may_see_one_meter_sees_its_part_of_the_way(lake: Lake) -> None:
    whole = told(lake)["figures"][0]
    (figure,) = told(Excerpt(lake, {NEW}))["figures"]
    assert figure["end"]["readings"] == whole["end"]["readings"][1:], "receptions included, not the other meter's"
    assert OLD not in str(figure)
    assert figure["policy"] is None
    assert told(Excerpt(lake, {OLD}))["figures"] == []


def test_a_day_without_figures_has_none(lake: Lake) -> None:
    nowhere = provenance.of_day(lake, "o", "Q", DAY, erased=NOTHING)
    assert (nowhere["figures"], nowhere["installations"]) == ([], [])
