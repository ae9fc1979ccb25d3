"""SQL over the lake: what is seen, and what is out of reach."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from warehouse import sql
from warehouse.errors import SqlError
from warehouse.lake import Lake
from warehouse.schemas import AUDIT_LOG, TABLES
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS
from warehouse.schemas.readings import READINGS

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
METERS = ("KAM-11111111-1b-16", "KAM-22222222-1b-16")


def readings(organisation: str, meter_id: str, *volumes: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "organisation": organisation,
                "meter_id": meter_id,
                "measured_at": AT + timedelta(hours=hour),
                "received_at": AT,
                "landed_at": AT,
                "volume_m3": Decimal(volume),
                "source": "radio",
                "quality": "M",
                "month": "2026-03",
            }
            for hour, volume in enumerate(volumes)
        ],
        schema_overrides={"volume_m3": pl.Decimal(18, 6)},
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "the lake's Ωhm")
    lake.append(READINGS, readings("a", METERS[0], "1.5", "123456789012.345678"))
    lake.append(READINGS, readings("b", METERS[1], "7"))
    return lake


@pytest.fixture
def reader(lake: Lake) -> sql.Reader:
    return sql.Reader(lake)


def receptions(*frame_ids: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "organisation": "a",
                "frame_id": frame_id,
                "received_at": AT,
                "landed_at": AT,
                "landed_day": AT.date(),
                "frame": b"\x44",
                "source_file": "f.csv",
                "source_line": line,
                "source_sha256": "00",
            }
            for line, frame_id in enumerate(frame_ids, 1)
        ]
    )


def outcomes(*attempts: tuple[str, int, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "organisation": "a",
                "frame_id": frame_id,
                "attempt": attempt,
                "decided_at": AT,
                "decoders": "0" * 16,
                "outcome": outcome,
                "reason": reason,
                "received_at": AT,
                "landed_at": AT,
                "landed_day": AT.date(),
            }
            for frame_id, attempt, outcome, reason in attempts
        ]
    )


def test_every_published_table_has_its_declared_columns_and_types(reader: sql.Reader) -> None:
    published = {table.name: table for table in TABLES.values() if table.published}

    assert set(sql.query(reader, "show tables")["name"]) == set(published)
    for name, table in published.items():
        found = sql.query(reader, f'select * from "{name}"')
        assert found.schema == table.schema, name


def test_every_column_carries_its_meaning(reader: sql.Reader) -> None:
    found = sql.query(reader, "select column_name, comment from duckdb_columns() where table_name = 'readings'")

    meanings = dict(found.iter_rows())
    assert set(meanings) == set(READINGS.schema.names())
    assert all(meanings.values())
    assert meanings["ambient_temp_c"] == "Temperature around the meter. [degC]"


def test_values_come_exact_and_in_utc(reader: sql.Reader) -> None:
    found = sql.query(
        reader,
        "select measured_at, volume_m3 from readings where volume_m3 = 123456789012.345678 and month = '2026-03'",
    )

    assert found.rows() == [(AT + timedelta(hours=1), Decimal("123456789012.345678"))]
    assert found.schema["measured_at"] == pl.Datetime("us", "UTC")
    assert sql.query(reader, "select strftime(measured_at, '%H') as h from readings")["h"].min() == "12"


def test_organisation_sees_its_own_rows_only(lake: Lake) -> None:
    reader = sql.Reader(lake, organisation="b")

    assert sql.query(reader, "select distinct meter_id from readings").rows() == [(METERS[1],)]
    (path,) = [file for file in lake.files(READINGS) if pl.read_parquet(file)["organisation"][0] == "a"]
    for statement in (
        f"select * from read_parquet($${path}$$)",
        f'select * from "{path}"',
        f'with "{path}" as (select 1) select * from "{path}"',
        f'describe "{path}"',
        f'summarize "{path}"',
        f'select (select count(*) from "{path}")',
        f"select * from query($$from '{path}'$$)",
        "select * from query_table('readings')",
    ):
        with pytest.raises(SqlError, match="out of reach"):
            sql.query(reader, statement)


def test_only_the_meters_that_somebody_may_read_are_seen(lake: Lake) -> None:
    lake.append(READINGS, readings("a", METERS[1], "3"))

    def seen(*meters: str) -> list[tuple[object, ...]]:
        reader = sql.Reader(lake, "a", frozenset(meters))
        return sql.query(reader, "select meter_id, count(*) from readings group by all order by all").rows()

    assert seen(*METERS) == [(METERS[0], 2), (METERS[1], 1)]
    assert seen(METERS[1]) == [(METERS[1], 1)]
    assert seen() == []
    assert seen("x') or ('a' = 'a") == []


def test_tables_without_meters_show_nothing_to_whom_meters_are_granted(lake: Lake) -> None:
    event = {"organisation": "a", "at": AT, "event": "x", "identity": "x", "number": 1, "digest": "x"}
    lake.append(AUDIT_LOG, pl.DataFrame([event]))
    assert sql.query(sql.Reader(lake, "a"), "select count(*) from audit_log").item() == 1
    assert sql.query(sql.Reader(lake, "a", METERS), "select count(*) from audit_log").item() == 0


def test_organisation_name_is_text_not_sql(lake: Lake) -> None:
    assert sql.query(sql.Reader(lake, organisation="x' or 'a' = 'a"), "from readings").is_empty()


def test_frames_show_the_latest_outcome_whole(lake: Lake) -> None:
    lake.append(RECEPTIONS, receptions("f-1", "f-2", "f-3"))
    lake.append(OUTCOMES, outcomes(("f-1", 1, "no_key", "no key yet"), ("f-2", 1, "corrupt", "CRC")))
    lake.append(OUTCOMES, outcomes(("f-1", 2, "decoded", None)))

    found = sql.query(sql.Reader(lake), "select frame_id, outcome, reason, attempt, frame from frames order by all")

    assert found.rows() == [
        ("f-1", "decoded", None, 2, b"\x44"),
        ("f-2", "corrupt", "CRC", 1, b"\x44"),
        ("f-3", None, None, None, b"\x44"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "select 1",
        "with a as (select 1 as n) select * from a",
        "from readings",
        "values (1)",
        "table readings",
        "describe readings",
        "summarize readings",
        "show tables",
        "select * from range(3)",
        "select unnest([1, 2])",
        "select * from information_schema.columns",
        "select * from (pivot readings on quality in ('M') using count(*) group by meter_id)",
        "select 1;",
    ],
)
def test_reading_statements_run(reader: sql.Reader, statement: str) -> None:
    assert sql.query(reader, statement).height


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("", "0 statements"),
        ("-- nothing", "0 statements"),
        ("select 1; select 2", "2 statements"),
        ("select 1; drop view readings", "2 statements"),
        ("drop view readings", "DROP is refused"),
        ("create table t as select 1", "CREATE is refused"),
        ("insert into readings select * from readings", "INSERT is refused"),
        ("copy readings to 'x.csv'", "COPY is refused"),
        ("attach 'x.db'", "ATTACH is refused"),
        ("install httpfs", "LOAD is refused"),
        ("load json", "LOAD is refused"),
        ("pragma version", "PRAGMA is refused"),
        ("set timezone = 'Europe/Vienna'", "SET is refused"),
        ("call pragma_version()", "CALL is refused"),
        ("export database 'x'", "EXPORT is refused"),
        ("explain analyze copy readings to 'x.csv'", "EXPLAIN is refused"),
        ("pivot readings on quality using count(*)", "PIVOT must name its columns"),
        ("select * from read_text('/etc/hostname')", "'read_text' is out of reach"),
        ("select * from read_csv_auto('/etc/hostname')", "'read_csv_auto' is out of reach"),
        ("select * from glob('/*')", "'glob' is out of reach"),
        ("select * from '/etc/hostname'", "'/etc/hostname' is a file"),
        ("select * from readings r, lateral (select * from read_blob('/etc/hostname'))", "'read_blob' is out of"),
        ("select * from duckdb_secrets()", "'duckdb_secrets' is out of reach"),
        ("select * from receptions", "receptions does not exist"),
        ("select nothing from readings", "nothing"),
        ("selec 1", "syntax error"),
        ("select interval 1 day", "cast it"),
        ("select * from leaked", "leaked does not exist"),
    ],
)
def test_everything_else_is_refused(reader: sql.Reader, statement: str, message: str) -> None:
    leaked = pl.DataFrame({"secret": [1]})

    with pytest.raises(SqlError, match=message):
        sql.query(reader, statement)
    assert leaked.height == 1
    assert sql.query(reader, "select count(*) from readings").item() == 3


def test_a_statement_can_leave_nothing_behind(
    lake: Lake, reader: sql.Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall: what a statement could do that the check let through."""
    monkeypatch.setattr(sql, "_named", lambda connection, statement: [READINGS])
    assert sql.query(reader, "from readings").height == 3
    file = lake.files(READINGS)[0]
    for statement in (
        f"copy (select 1) to '{tmp_path}/x.csv'",
        f"copy (select 1 as n) to $${file}$$ (format parquet)",
        f"attach '{tmp_path}/x.db'",
        f"select * from read_text('{tmp_path}/y.txt')",
        "set enable_external_access = true",
        "set memory_limit = '90GB'",
    ):
        with pytest.raises(SqlError, match=r"disabled|locked|Cannot"):
            sql.query(reader, statement)
    assert not list(tmp_path.glob("x.*"))
    assert lake.scan(READINGS).collect().height == 3


def test_a_statement_opens_what_it_names(reader: sql.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    files = Lake.files
    monkeypatch.setattr(Lake, "files", lambda self, table: [opened.append(table.name), files(self, table)][1])
    sql.query(reader, "select * from readings where meter_id in (select meter_id from records)")
    assert sorted(opened) == ["readings", "readings_history", "records"]


def test_partition_by_date_has_its_type(lake: Lake) -> None:
    rejected = TABLES["rejected_rows"]
    lake.append(
        rejected,
        pl.DataFrame(
            {
                "organisation": "a",
                "source_file": "f",
                "source_line": 1,
                "source_sha256": "0",
                "reason": "no hex",
                "landed_at": AT,
                "landed_day": AT.date(),
            }
        ),
    )

    found = sql.query(sql.Reader(lake), "select landed_day from rejected_rows where landed_day = date '2026-03-01'")

    assert found.rows() == [(date(2026, 3, 1),)]


def test_columns_of_one_name_are_told_by_it(reader: sql.Reader) -> None:
    with pytest.raises(SqlError, match="Several columns of the result are called a, b: name each apart"):
        sql.query(reader, "select 1 as b, 2 as a, 3 as c, 4 as a, 5 as b")
