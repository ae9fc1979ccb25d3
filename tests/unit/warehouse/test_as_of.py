"""As of: what was known at an instant, by the lake and by SQL."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from warehouse import sql
from warehouse.errors import LakeError, SqlError
from warehouse.excerpt import Excerpt
from warehouse.lake import Lake
from warehouse.schemas import (
    GROUP_MEMBERS,
    HEAT_DAILY,
    INSTALLATIONS,
    POLICIES,
    READINGS,
    READINGS_HISTORY,
    TABLES,
    TELEGRAMS,
    Table,
)
from warehouse.schemas.table import KNOWN_TO
from warehouse.versions import Past, keep_versions

START = datetime(2026, 3, 1, tzinfo=UTC)
VERSIONED = [table for table in TABLES.values() if table.versioned]


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def rows(table: Table, number: int, said: str, known: datetime) -> pl.DataFrame:
    """One row with a key of its own and something that it says."""

    def cell(name: str, dtype: pl.DataType) -> object:
        is_key = name in table.key
        text, days = f"{name}-{number}" if is_key else said, number if is_key else number + len(said)
        if dtype == pl.String:
            return "2026-03" if name == "month" else text
        if isinstance(dtype, pl.Datetime):
            return START + timedelta(days=days)
        if dtype == pl.Boolean:
            return days % 2 == 0
        if dtype == pl.Date:
            return (START + timedelta(days=days)).date()
        return Decimal(days) if dtype.is_decimal() else days

    cells = {name: [cell(name, dtype)] for name, dtype in table.schema.items()}
    return pl.DataFrame(cells | {"organisation": ["o"], "known_from": [known]}, schema=dict(table.schema))


def none(table: Table) -> pl.DataFrame:
    return table.empty().select(table.key)


def asked(lake: Lake, table: Table, when: datetime) -> pl.DataFrame:
    """What SQL says, which is what the lake says."""
    by_sql = sql.query(sql.Reader(lake, "o", known_at=when), f"from {table.name}")
    by_scan = Past(lake, when).scan(table).collect()
    columns = table.schema.names()
    assert by_sql.columns == columns
    assert by_sql.sort(columns).equals(by_scan.sort(columns))
    return by_scan.sort(columns)


@pytest.mark.parametrize("table", VERSIONED, ids=lambda table: table.name)
def test_every_versioned_table_tells_what_it_said(tmp_path: Path, table: Table) -> None:
    lake, states = Lake(tmp_path), {}
    changes = [
        (1, pl.concat([rows(table, 1, "a", at(1)), rows(table, 2, "a", at(1))]), none(table)),
        (2, rows(table, 1, "changed", at(2)), none(table)),
        (3, rows(table, 3, "new", at(3)), rows(table, 2, "a", at(3)).select(table.key)),
        (4, rows(table, 1, "a", at(4)), none(table)),
        (5, rows(table, 1, "a", at(5)), none(table)),
    ]
    for hour, fresh, stale in changes:
        lake.merge(table, fresh, stale=stale, superseded_at=at(hour))
        states[hour] = lake.scan(table).collect().sort(table.schema.names())
    assert asked(lake, table, at(0.5)).is_empty(), "what was not known yet does not show"
    for hour, state in states.items():
        assert asked(lake, table, at(hour)).equals(state), "from the instant of the change on"
        assert asked(lake, table, at(hour + 0.5)).equals(state), "and until the next"
    assert table.history is not None
    history = lake.scan(table.history).collect()
    assert history.height == 3, "history costs what changed, not what was reckoned again"
    assert (history["known_from"] < history[KNOWN_TO.name]).all()


def test_what_is_forgotten_was_never_said(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.merge(HEAT_DAILY, rows(HEAT_DAILY, 1, "a", at(1)), stale=none(HEAT_DAILY), superseded_at=at(1))
    stale = rows(HEAT_DAILY, 1, "a", at(1)).select(HEAT_DAILY.key)
    lake.merge(HEAT_DAILY, HEAT_DAILY.empty(), stale=stale, forget=True)
    assert asked(lake, HEAT_DAILY, at(1)).is_empty()


def test_a_versioned_table_loses_nothing_by_oversight(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.merge(HEAT_DAILY, rows(HEAT_DAILY, 1, "a", at(1)), stale=none(HEAT_DAILY))
    with pytest.raises(LakeError, match="heat_daily keeps versions: say when its rows are superseded"):
        lake.merge(HEAT_DAILY, rows(HEAT_DAILY, 1, "changed", at(2)), stale=none(HEAT_DAILY))
    assert asked(lake, HEAT_DAILY, at(2))["quality"].to_list() == ["a"], "and changes nothing"


def test_a_run_that_died_before_it_replaced_leaves_no_second_version(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.merge(HEAT_DAILY, rows(HEAT_DAILY, 1, "a", at(1)), stale=none(HEAT_DAILY), superseded_at=at(1))
    keep_versions(lake, HEAT_DAILY, lake.scan(HEAT_DAILY).collect(), at(2))  # and dies
    assert asked(lake, HEAT_DAILY, at(1.5)).height == 1
    assert asked(lake, HEAT_DAILY, at(2.5)).height == 1, "it holds still"
    lake.merge(HEAT_DAILY, rows(HEAT_DAILY, 1, "changed", at(3)), stale=none(HEAT_DAILY), superseded_at=at(3))
    assert HEAT_DAILY.history is not None
    assert lake.scan(HEAT_DAILY.history).collect()[KNOWN_TO.name].to_list() == [at(3)]
    assert asked(lake, HEAT_DAILY, at(2.5))["quality"].to_list() == ["a"]


def reading(landed: datetime, volume: str, frame_id: str = "f") -> pl.DataFrame:
    cells = {
        "organisation": "o",
        "meter_id": "m",
        "measured_at": START,
        "received_at": START,
        "landed_at": landed,
        "frame_id": frame_id,
        "volume_m3": Decimal(volume),
        "source": "radio",
        "quality": "M",
        "month": "2026-03",
    }
    return READINGS.conform(pl.DataFrame([cells], schema_overrides={"volume_m3": pl.Decimal(18, 6)}))


def test_readings_are_as_of_their_landing(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.append(READINGS, reading(at(4), "2"))
    lake.append(READINGS_HISTORY, reading(at(1), "1").with_columns(superseded_at=pl.lit(at(5))))
    assert asked(lake, READINGS, at(0.5)).is_empty()
    assert asked(lake, READINGS, at(3))["volume_m3"].to_list() == [Decimal(1)]
    assert asked(lake, READINGS, at(4.5))["volume_m3"].to_list() == [Decimal(1)], "landed, and not decoded yet"
    assert asked(lake, READINGS, at(5))["volume_m3"].to_list() == [Decimal(2)]


def test_a_member_without_a_point_is_one_row(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    member = rows(GROUP_MEMBERS, 1, "a", at(1)).with_columns(metering_point=pl.lit(None, pl.String))
    lake.merge(GROUP_MEMBERS, member, stale=none(GROUP_MEMBERS), superseded_at=at(1))
    ended = member.with_columns(valid_to=pl.lit(at(9)), known_from=pl.lit(at(1.5)))
    lake.merge(GROUP_MEMBERS, ended, stale=none(GROUP_MEMBERS), superseded_at=at(2))
    for when, end in ((1.2, member["valid_to"][0]), (1.7, member["valid_to"][0]), (2, at(9))):
        assert asked(lake, GROUP_MEMBERS, at(when))["valid_to"].to_list() == [end]


def test_a_policy_has_no_end_before_the_next_is_decided(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    row = rows(POLICIES, 1, "a", at(1))
    lake.append(POLICIES, row.with_columns(known_to=pl.lit(at(3))))
    lake.append(POLICIES, row.with_columns(version=pl.lit(2), known_from=pl.lit(at(3)), known_to=pl.lit(None)))
    assert asked(lake, POLICIES, at(2))["known_to"].to_list() == [None]
    assert asked(lake, POLICIES, at(3))["known_to"].to_list() == [at(3), None]


def test_a_table_without_its_past_is_not_asked_for_it(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="telegrams does not keep what it said before"):
        Past(Lake(tmp_path), at(1)).scan(TELEGRAMS)
    connection = sql.Reader(Lake(tmp_path), "o", known_at=at(1))
    for statement in ("from telegrams", "select count(*) from telegrams"):
        with pytest.raises(SqlError, match="telegrams does not keep what it said before"):
            sql.query(connection, statement)


WITHOUT_A_PAST = {"telegrams", "records"}
"""What nobody bills from; the dictionary says of each that it cannot be asked as of an instant."""


def test_every_other_published_table_says_since_when_it_knows() -> None:
    without = {table.name for table in TABLES.values() if table.published and table.known_since is None}
    lasting = {table.name for table in TABLES.values() if table.lasting}
    assert without - lasting == WITHOUT_A_PAST
    assert lasting == {"layouts"}


def test_an_excerpt_of_the_past_shows_its_meters_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    both = pl.concat([rows(INSTALLATIONS, number, f"m{number}", at(1)) for number in (1, 2)])
    lake.merge(INSTALLATIONS, both, stale=none(INSTALLATIONS), superseded_at=at(1))
    lake.merge(INSTALLATIONS, INSTALLATIONS.empty(), stale=both.select(INSTALLATIONS.key), superseded_at=at(2))
    seen = Excerpt(Past(lake, at(1)), {"m1"}).scan(INSTALLATIONS).collect()
    assert seen["meter_id"].to_list() == ["m1"]
    connection = sql.Reader(lake, "o", {"m1"}, at(1))
    assert sql.query(connection, "from installations")["meter_id"].to_list() == ["m1"]
    assert sql.query(connection, "from installations_history").is_empty()
