"""The catalogue file: opened by a plain client, it says what ``sql`` says."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.unit.warehouse.test_tenants import OURS, THEIRS, fill, row
from warehouse import sql
from warehouse.catalogue import write_catalogue
from warehouse.errors import LakeError
from warehouse.lake import Lake
from warehouse.schemas import INSTALLATIONS, METERS, READINGS, TABLES

PUBLISHED = {table.name: table for table in TABLES.values() if table.published}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("the utility's")
    write_catalogue(fill(folder / "lake", OURS, THEIRS), folder / "catalogue.duckdb", OURS)
    return folder


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(folder / "catalogue.duckdb", read_only=True)


def test_a_plain_client_sees_what_sql_shows_of_the_organisation(folder: Path) -> None:
    ours = sql.Reader(Lake(folder / "lake"), OURS)
    with opened(folder) as client:
        client.execute("set TimeZone = 'UTC'")
        for name in PUBLISHED:
            found = pl.DataFrame(client.sql(f"from {name}").to_arrow_table())
            assert found.equals(sql.query(ours, f"from {name}")), name
            assert found["organisation"].to_list() == [OURS], name


def test_every_table_and_column_has_its_comment(folder: Path) -> None:
    with opened(folder) as client:
        tables = dict(client.sql("select view_name, comment from duckdb_views() where not internal").fetchall())
        columns = client.sql(
            "select table_name, column_name, comment from duckdb_columns() where not internal and schema_name = 'main'"
        )
        comments = {(table, column): comment for table, column, comment in columns.fetchall()}
    assert tables == {name: table.meaning for name, table in PUBLISHED.items()}
    assert set(comments) == {(name, column.name) for name, table in PUBLISHED.items() for column in table.columns}
    assert all(comments.values())
    assert comments["heat_daily", "volume_m3"] == "Volume of the day. [m3]"


def test_nothing_can_be_written_through_it(folder: Path) -> None:
    with opened(folder) as client, pytest.raises(duckdb.Error, match="read-only"):
        client.execute("create table t (a int)")


def test_it_is_of_a_format_that_older_clients_open(folder: Path) -> None:
    with opened(folder) as client:
        (tags,) = client.sql("select tags from duckdb_databases() where not internal").fetchall()[0]
    assert tags["storage_version"].startswith("v1.5")


def test_who_has_it_open_keeps_the_one_before(folder: Path) -> None:
    with opened(folder) as client:
        write_catalogue(Lake(folder / "lake"), folder / "catalogue.duckdb", THEIRS)
        assert client.sql("select organisation from readings").fetchall() == [(OURS,)]
    with opened(folder) as client:
        assert client.sql("select organisation from readings").fetchall() == [(THEIRS,)]
    write_catalogue(Lake(folder / "lake"), folder / "catalogue.duckdb", OURS)
    assert [file.name for file in folder.iterdir() if file.suffix == ".part"] == []


def test_a_moved_lake_is_found_once_the_catalogue_is_written_again(tmp_path: Path) -> None:
    write_catalogue(fill(tmp_path / "before" / "lake", OURS), tmp_path / "before" / "catalogue.duckdb", OURS)
    moved = (tmp_path / "before").rename(tmp_path / "after")
    with opened(moved) as client, pytest.raises(duckdb.IOException):
        client.sql("from readings").fetchall()
    write_catalogue(Lake(moved / "lake"), moved / "catalogue.duckdb", OURS)
    with opened(moved) as client:
        assert client.sql("select organisation from readings").fetchall() == [(OURS,)]


def test_a_lake_without_rows_has_a_catalogue(tmp_path: Path) -> None:
    write_catalogue(Lake(tmp_path / "lake"), tmp_path / "catalogue.duckdb", OURS)
    with opened(tmp_path) as client:
        assert client.sql("from installations").columns == INSTALLATIONS.schema.names()
        assert client.sql("select count(*) from readings").fetchall() == [(0,)]
    assert READINGS.name in PUBLISHED


def test_views_that_would_be_the_same_are_taken_over(tmp_path: Path) -> None:
    file, lake = tmp_path / "catalogue.duckdb", fill(tmp_path / "lake", OURS)
    write_catalogue(lake, file, OURS)
    before = file.stat().st_ino
    write_catalogue(lake, file, OURS)
    assert file.stat().st_ino == before, "nothing changed"
    lake.append(READINGS, row(READINGS, OURS))
    lake.merge(METERS, METERS.empty(), stale=row(METERS, OURS).select(METERS.key), forget=True)
    write_catalogue(lake, file, OURS)
    with opened(tmp_path) as client:
        assert client.sql("select count(*) from readings").fetchall() == [(2,)]
        assert client.sql("select count(*) from meters").fetchall() == [(0,)]
        assert client.sql("select count(*) from installations").fetchall() == [(1,)]
    test_every_table_and_column_has_its_comment(tmp_path)


def test_a_catalogue_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    lake, file = fill(tmp_path / "lake", OURS), tmp_path / "catalogue.duckdb"
    file.write_bytes(b"nonsense")
    write_catalogue(lake, file, OURS)
    with duckdb.connect(file) as client:
        client.execute("drop schema state cascade")
    write_catalogue(lake, file, OURS)
    test_every_table_and_column_has_its_comment(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="cannot be written"):
        write_catalogue(Lake(tmp_path / "lake"), tmp_path / "nowhere" / "catalogue.duckdb", OURS)
