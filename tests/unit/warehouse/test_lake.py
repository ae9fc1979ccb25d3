"""The lake in one process: types, merges, batches, evolution, compaction."""

import os
import re
import time
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from tests.unit.warehouse.points import POINTS, START, facts, points, rows
from warehouse import commits, parquet
from warehouse import lake as lake_module
from warehouse.errors import LakeError
from warehouse.lake import Lake
from warehouse.merging import MergeResult
from warehouse.predicates import Box
from warehouse.schemas import TOUCHED, Column, SchemaError
from warehouse.schemas.frames import FRAMES, RECEPTIONS, TELEGRAMS
from warehouse.schemas.readings import READINGS
from warehouse.schemas.registry import GROUP_MEMBERS, GROUPS
from warehouse.schemas.table import INSTANT

WEEK = timedelta(days=7)
NONE_STALE = pl.DataFrame(schema={"organisation": pl.String})


def reception(number: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "organisation": "o",
            "frame_id": f"a-{number}",
            "received_at": START,
            "landed_at": START,
            "landed_day": date(2026, 1, 31),
            "frame": b"\x00",
            "source_file": "f",
            "source_line": 1,
            "source_sha256": "s",
        }
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_table_never_written_reads_as_typed_and_empty(lake: Lake) -> None:
    assert lake.scan(READINGS).collect_schema() == READINGS.schema
    assert lake.scan(READINGS).collect().is_empty()
    assert lake.version(READINGS) is None
    assert lake.files(READINGS) == []
    assert lake.tables() == []


def test_views_are_not_stored(lake: Lake) -> None:
    with pytest.raises(LakeError, match="frames is a view"):
        lake.scan(FRAMES)


def test_append_keeps_types_and_column_order(lake: Lake) -> None:
    fresh = rows(("p", 3, "123456789012.345678"), ("p", 0, None))

    assert lake.append(POINTS, fresh.select(reversed(fresh.columns)))

    assert lake.scan(POINTS).collect_schema() == POINTS.schema
    assert facts(lake) == [("p", 0, None), ("p", 3, "123456789012.345678")]


def test_register_predicate_finds_a_wide_decimal(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "123456789012.345678")))

    found = lake.scan(POINTS).filter(pl.col("value") == Decimal("123456789012.345678")).collect()

    assert found.height == 1


def test_partition_by_date_and_quotes_in_values_survive(lake: Lake) -> None:
    said = {"group": 'It\'s "here"', "metering_point": "p", "valid_from": START, "known_from": START}
    member = GROUP_MEMBERS.conform(pl.DataFrame({"organisation": "o", **said}))
    lake.merge(GROUP_MEMBERS, member, stale=NONE_STALE)
    ended = member.with_columns(valid_to=pl.col("valid_from") + timedelta(days=1))
    assert lake.merge(GROUP_MEMBERS, ended, stale=NONE_STALE, superseded_at=START + WEEK).replaced == 1
    assert lake.scan(GROUP_MEMBERS).collect().equals(ended)

    frame = reception(1)
    lake.append(RECEPTIONS, frame)
    again = frame.with_columns(source_line=pl.lit(2))
    assert lake.merge(RECEPTIONS, again, stale=pl.DataFrame(schema={"frame_id": pl.String})).replaced == 1
    assert lake.scan(RECEPTIONS).filter(landed_day=date(2026, 1, 31)).collect()["source_line"].to_list() == [2]
    lake.compact(RECEPTIONS, "2026-01-31")
    assert lake.scan(RECEPTIONS).collect().height == 1


def test_frame_that_does_not_fit_is_refused_and_nothing_written(lake: Lake) -> None:
    with pytest.raises(SchemaError, match="points"):
        lake.append(POINTS, rows(("p", 0, "1")).drop("point"))
    assert lake.version(POINTS) is None


def test_batch_is_applied_once(lake: Lake) -> None:
    assert lake.append(POINTS, rows(("p", 0, "1")), batch="landing", batch_no=1)
    assert not lake.append(POINTS, rows(("p", 0, "1")), batch="landing", batch_no=1)
    assert lake.append(POINTS, rows(("p", 1, "2")), batch="landing", batch_no=2)
    assert not lake.append(POINTS, rows(("p", 0, "1")), batch="landing", batch_no=1)
    assert lake.append(POINTS, rows(("p", 2, "3")), batch="other", batch_no=1)
    assert facts(lake) == [("p", 0, "1"), ("p", 1, "2"), ("p", 2, "3")]


def test_empty_append_makes_no_commit(lake: Lake) -> None:
    assert lake.append(POINTS, POINTS.empty())
    assert lake.version(POINTS) is None


def test_merge_replaces_rows_of_the_same_key(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 1, "2"), ("p", 2, "3"), ("q", 1, "9")))

    result = lake.merge(POINTS, rows(("p", 1, "2"), ("p", 2, "4"), ("p", 5, "5")), stale=points())

    assert result == MergeResult(inserted=1, replaced=1, removed=0, unchanged=1, superseded=POINTS.empty())
    assert result.superseded.equals(rows(("p", 2, "3")))
    assert facts(lake) == [("p", 0, "1"), ("p", 1, "2"), ("p", 2, "4"), ("p", 5, "5"), ("q", 1, "9")]


def test_merge_removes_what_is_stale_in_the_window_only(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 1, "2"), ("p", 4, "3"), ("q", 1, "9"), ("pq", 1, "8")))

    result = lake.merge(
        POINTS,
        rows(("p", 2, "7")),
        stale=points("p", "q"),
        window=("at", START + timedelta(hours=1), START + timedelta(hours=4)),
    )

    assert (result.inserted, result.replaced, result.removed) == (1, 0, 2)
    assert facts(lake) == [("p", 0, "1"), ("p", 2, "7"), ("p", 4, "3"), ("pq", 1, "8")]


def test_merge_may_remove_all_rows(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 5, "2")))

    assert lake.merge(POINTS, POINTS.empty(), stale=points("p")).removed == 2
    assert facts(lake) == []


def test_merge_into_an_empty_table(lake: Lake) -> None:
    assert lake.merge(POINTS, rows(("p", 0, "1")), stale=points("p")).inserted == 1
    assert facts(lake) == [("p", 0, "1")]


def test_merge_is_one_commit_and_none_when_nothing_changes(lake: Lake) -> None:
    fresh = rows(("p", 0, "1"), ("p", 5, None))
    lake.append(POINTS, fresh)
    lake.merge(POINTS, rows(("p", 1, "2")), stale=points("q"))
    before = lake.version(POINTS)
    assert before == 2, "one commit creates the table, one per write follows"

    later = fresh.with_columns(known_from=pl.lit(START + timedelta(days=9)))
    result = lake.merge(POINTS, later, stale=points())

    assert (result.unchanged, lake.version(POINTS)) == (2, before)
    assert lake.scan(POINTS).collect()["known_from"].unique().to_list() == [START]


def test_merge_of_one_changed_row_keeps_known_from_of_the_rest(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 1, "2")))

    lake.merge(POINTS, rows(("p", 0, "1"), ("p", 1, "3"), known=START + timedelta(days=1)), stale=points("p"))

    known = lake.scan(POINTS).sort("at").collect()["known_from"].to_list()
    assert known == [START, START + timedelta(days=1)]


def test_merge_touches_only_files_of_its_block(lake: Lake) -> None:
    lake.append(POINTS, rows(("a", 0, "1")))
    lake.append(POINTS, rows(("b", 0, "1")))
    lake.append(POINTS, rows(("a", 3, "1")))
    before = set(lake.files(POINTS))

    lake.merge(POINTS, rows(("b", 0, "2")), stale=points())

    assert len(before & set(lake.files(POINTS))) == 2


def test_merge_looks_for_transmissions_among_those_of_their_time_alone(lake: Lake) -> None:
    def telegrams(hour: int) -> pl.DataFrame:
        at, month = START + timedelta(hours=hour), "2026-01"
        named = {"organisation": "o", "telegram_id": f"t-{hour}", "telegram_key": f"k-{hour}", "meter_id": "m"}
        said = {"received_at": at, "last_received_at": at, "receptions": 1, "outcome": "decoded", "month": month}
        return pl.DataFrame([named | said])

    lake.merge(TELEGRAMS, telegrams(0), stale=NONE_STALE)
    for path in lake.files(TELEGRAMS):
        Path(path).unlink()

    assert lake.merge(TELEGRAMS, telegrams(1), stale=NONE_STALE).inserted == 1
    assert lake.merge(TELEGRAMS, telegrams(1), stale=NONE_STALE).unchanged == 1
    with pytest.raises(LakeError, match="No such file"):
        lake.merge(TELEGRAMS, telegrams(0), stale=NONE_STALE)


def test_merge_refuses_a_key_given_twice(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"points: .* a key twice"):
        lake.merge(POINTS, rows(("p", 0, "1"), ("p", 0, "2")), stale=points())


def test_merge_refuses_stale_columns_outside_the_key(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"points: \['value'\] are not of its key"):
        lake.merge(POINTS, POINTS.empty(), stale=pl.DataFrame({"value": [1]}))


def test_overwrite_skips_identical_rows(lake: Lake) -> None:
    groups = pl.DataFrame({"organisation": ["o", "o"], "group": ["b", "a"], "kind": ["manual", "manual"]})

    assert lake.overwrite(GROUPS, groups)
    assert not lake.overwrite(GROUPS, groups.reverse())
    assert lake.overwrite(GROUPS, groups.head(1))
    assert lake.scan(GROUPS).collect()["group"].to_list() == ["b"]
    assert lake.tables() == [GROUPS]


def test_columns_declared_later_read_as_null_and_can_be_written(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    wider = replace(
        POINTS, columns=(*POINTS.columns[:3], Column("note", pl.String, ".", nullable=True), *POINTS.columns[3:])
    )

    assert lake.scan(wider).collect_schema() == wider.schema
    assert lake.scan(wider).collect()["note"].to_list() == [None]

    lake.append(wider, rows(("p", 1, "2")).with_columns(note=pl.lit("new")))
    assert lake.scan(wider).sort("at").collect()["note"].to_list() == [None, "new"]
    lake.merge(wider, rows(("p", 0, "1")).with_columns(note=pl.lit("late")), stale=points())
    assert lake.scan(wider).sort("at").collect()["note"].to_list() == ["late", "new"]


def test_column_declared_later_may_come_with_a_merge(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("q", 0, "1")))
    wider = replace(POINTS, columns=(*POINTS.columns, Column("note", pl.String, ".", nullable=True)))

    lake.merge(wider, rows(("p", 0, "1")).with_columns(note=pl.lit("x")), stale=points())

    assert lake.scan(wider).sort("point").collect()["note"].to_list() == ["x", None]


def test_compact_leaves_one_sorted_file_and_the_same_rows(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_ROWS_SORTED_AT_ONCE", 3)
    for hour in (1, 0):
        lake.append(POINTS, rows(*((name, hour, "1") for name in "dbca")))
    lake.append(POINTS, rows(("z", 40, "1")))
    before = facts(lake)

    lake.compact(POINTS, "2026-01")

    january = [path for path in lake.files(POINTS) if "month=2026-01" in path]
    assert len(january) == 1
    together = pl.read_parquet(january[0]).select("point", "at")
    assert together["point"].rle().struct.field("value").is_unique().all()
    assert together.filter(pl.col("point") == "a")["at"].is_sorted()
    assert facts(lake) == before
    lake.compact(POINTS, "2020-01")
    lake.compact(READINGS, "2020-01")
    with pytest.raises(LakeError, match="groups has no partitions"):
        lake.compact(GROUPS, "2026-01")


def test_vacuum_keeps_young_files(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    lake.merge(POINTS, rows(("p", 0, "2")), stale=points())

    assert lake.vacuum(POINTS, WEEK) == []
    assert lake.vacuum(READINGS, WEEK) == []


def old(*files: Path | str) -> None:
    for file in files:
        os.utime(file, (time.time() - 8 * 86400,) * 2)


def test_vacuum_deletes_what_dead_writers_left_and_spares_what_living_ones_write(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1"), ("p", 1, "1")))
    home = Path(lake.files(POINTS)[0]).parent
    dead, living = home / "part-dead.parquet", home / "part-living.parquet"
    dead.write_bytes(b"half")
    living.write_bytes(b"half")
    old(dead, *lake.files(POINTS))
    before = facts(lake)

    assert lake.vacuum(POINTS, WEEK) == [str(dead.relative_to(Path(lake._root, POINTS.name)))]
    assert (dead.exists(), living.exists()) == (False, True)
    assert facts(lake) == before


def test_a_reader_of_an_older_version_goes_on_until_the_retention_is_over(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    lake.append(POINTS, rows(("p", 1, "1")))
    pinned, replaced = lake.scan(POINTS), lake.files(POINTS)
    lake.compact(POINTS, "2026-01")
    old(*replaced)  # what counts is when a file was replaced, not when it was written

    lake.vacuum(POINTS, WEEK)
    assert pinned.collect().height == 2
    assert len(lake.vacuum(POINTS, timedelta(0))) == 2
    assert facts(lake) == [("p", 0, "1"), ("p", 1, "1")]


def test_small_files_are_joined_and_then_left_alone(lake: Lake) -> None:
    for hour in range(4):
        lake.append(POINTS, rows(("p", hour, "123456789012.345678"), ("q", hour + 3, None)))
    assert lake.overfull(POINTS) == ["2026-01", "2026-02"]
    before = facts(lake)
    for partition in lake.overfull(POINTS):
        lake.gather(POINTS, partition)
    assert lake.overfull(POINTS) == []
    assert (len(lake.files(POINTS)), facts(lake)) == (2, before)
    found = lake.scan(POINTS).filter(pl.col("value") == Decimal("123456789012.345678")).collect()
    assert found.height == 4, "no statistics of wide decimals"
    version = lake.version(POINTS)
    lake.gather(POINTS, "2026-01")
    assert lake.version(POINTS) == version
    assert lake.overfull(READINGS) == []
    lake.gather(READINGS, "2026-01")
    assert lake.version(READINGS) is None


def test_tables_without_partitions_and_with_days_are_joined(lake: Lake) -> None:
    for number in range(3):
        span = {"meter_id": "m", "first_at": START, "last_at": START, "batch_no": number + 1, "cause": "readings"}
        lake.append(TOUCHED, pl.DataFrame({"organisation": "o", **span}, schema_overrides=TOUCHED.schema))
        lake.append(RECEPTIONS, reception(number))
    assert (lake.overfull(TOUCHED), lake.overfull(RECEPTIONS)) == ([""], ["2026-01-31"])
    lake.gather(TOUCHED, "")
    lake.gather(RECEPTIONS, "2026-01-31")
    assert [len(lake.files(table)) for table in (TOUCHED, RECEPTIONS)] == [1, 1]
    assert lake.scan(TOUCHED).collect().height == lake.scan(RECEPTIONS).collect().height == 3


def test_purge_leaves_no_older_version_and_no_word_of_it_in_the_log(lake: Lake) -> None:
    for name, hour in (("keep", 0), ("gone", 5), ("gone", 6), ("keep", 8)):
        lake.append(POINTS, rows((name, hour, "1")), batch="load", batch_no=hour + 1)
    lake._open(POINTS).create_checkpoint()  # an older checkpoint holds the statistics, too
    lake.merge(POINTS, rows(), stale=points("gone"))
    left_by_a_dead_writer = Path(lake.files(POINTS)[0]).with_name("part-of-nobody.parquet")
    left_by_a_dead_writer.write_bytes(b"gone")
    before, version = facts(lake), lake.version(POINTS)

    lake.purge(POINTS)

    assert facts(lake) == before
    assert lake.version(POINTS) > version
    held = [file for file in Path(lake._root, POINTS.name).rglob("*") if file.is_file()]
    assert {file for file in held if file.suffix == ".parquet" and "_delta_log" not in file.parts} == {
        Path(file) for file in lake.files(POINTS)
    }
    assert not [file for file in held if b"gone" in file.read_bytes()]
    logged = pl.concat([pl.read_parquet(file).select("add") for file in held if ".checkpoint." in file.name])
    assert "gone" not in str(logged["add"].to_list())
    assert not lake.append(POINTS, rows(("keep", 8, "1")), batch="load", batch_no=9), "batches are still known"
    assert lake._open(POINTS).metadata().configuration["delta.logRetentionDuration"] == "interval 3650 days"
    lake.purge(POINTS)
    assert facts(lake) == before


def test_scan_is_pinned_to_the_version_it_was_opened_on(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    pinned = lake.scan(POINTS)

    lake.append(POINTS, rows(("p", 1, "2")))

    assert pinned.collect().height == 1


def test_conflict_is_repeated_on_what_the_other_writer_left(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    theirs = iter([("p", 3, "8"), ("p", 0, "9")])

    def interrupted(*args: object, **options: object) -> None:
        if (their := next(theirs, None)) is not None:
            Lake(lake._root).merge(POINTS, rows(their), stale=points())
        write_deltalake(*args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(lake_module, "write_deltalake", interrupted)
    monkeypatch.setattr(commits, "_FIRST_PAUSE_S", 0.0)
    result = lake.merge(POINTS, rows(("p", 0, "2")), stale=points("p"))

    assert (result.replaced, result.removed) == (1, 1)
    assert facts(lake) == [("p", 0, "2")]


def test_endless_conflict_ends_in_an_error_that_names_the_table(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: object, **__: object) -> None:
        raise CommitFailedError("concurrent")

    monkeypatch.setattr(lake_module, "write_deltalake", lose)
    monkeypatch.setattr(commits, "_LONGEST_PAUSE_S", 0.0)
    monkeypatch.setattr(commits, "_FIRST_PAUSE_S", 0.0)
    with pytest.raises(LakeError, match=r"points: other writers .* 20 times"):
        lake.append(POINTS, rows(("p", 0, "1")))


@pytest.mark.parametrize("name", ["a b", "Zähler", "it's+1&2;3"])
def test_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    lake = Lake(tmp_path / name)
    lake.append(POINTS, rows(("p", 0, "1")))

    assert facts(lake) == [("p", 0, "1")]
    assert all(Path(file).is_file() for file in lake.files(POINTS))


@pytest.mark.parametrize("sign", ["%", "*", "?", "[", "#", "="])
def test_directory_with_a_sign_of_urls_or_patterns_is_refused(tmp_path: Path, sign: str) -> None:
    with pytest.raises(LakeError, match=re.escape(f"without {sign!r}")):
        Lake(tmp_path / f"a{sign}20b")


def test_damaged_log_is_named(lake: Lake) -> None:
    lake.append(POINTS, rows(("p", 0, "1")))
    Path(lake._root, "points", "_delta_log", f"{0:020d}.json").write_text("{", encoding="utf-8")

    with pytest.raises(LakeError, match="points: cannot be opened"):
        lake.scan(POINTS)


def test_box_says_the_same_in_both_languages() -> None:
    box = Box(
        partitions={"month": ("2026-01",), "d": (date(2026, 1, 2),)}, ranges={"p": ("O'A", "z"), "at": (START, START)}
    )

    assert box.sql == (
        "\"month\" in ('2026-01') and \"d\" in ('2026-01-02') and \"p\" >= 'O''A' and \"p\" <= 'z' "
        "and \"at\" >= '2026-01-31T22:00:00.000000Z' and \"at\" <= '2026-01-31T22:00:00.000000Z'"
    )
    frame = pl.DataFrame(
        {"month": ["2026-01", "2026-02"], "d": [date(2026, 1, 2)] * 2, "p": ["a", "a"], "at": [START] * 2},
        schema_overrides={"at": INSTANT},
    )
    assert frame.filter(box.expression).height == 1
    assert frame.filter(Box().expression).height == 2
    assert Box().sql == "true"


def test_thinning_rewrites_a_partition_and_counts_what_went_in_the_same_commit(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.append(POINTS, rows(("a", 0, "1"), ("a", 1, "2"), ("b", 0, "3"), ("a", 30, "4")))
    early = pl.col("at") > START

    def thin(month: str, stays: pl.Expr) -> int:
        return lake.thin(POINTS, month, lambda frame: frame.filter(stays), counter="c-1")

    assert thin("2026-01", early) == 2
    assert lake.scan(POINTS).collect()["value"].cast(pl.Int64).sort().to_list() == [2, 4]
    version = lake.version(POINTS)
    assert thin("2026-01", early) == 0
    assert lake.version(POINTS) == version
    assert thin("2026-01", pl.lit(value=False)) == 1
    assert lake.applied(POINTS, "c-1") == 3
    lake.purge(POINTS)
    assert lake.applied(POINTS, "c-1") == 3
    assert lake.applied(POINTS, "c-2") == 0
    assert lake.scan(POINTS).collect()["value"].to_list() == [Decimal(4)]


def test_files_have_dictionaries_of_what_repeats_alone(lake: Lake) -> None:
    lake.append(RECEPTIONS, pl.concat([reception(1), reception(2)]))
    (file,) = lake.files(RECEPTIONS)
    group = pq.read_metadata(file).row_group(0)
    found = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    assert not found["frame_id"].has_dictionary_page
    assert not found["frame"].has_dictionary_page
    assert not found["received_at"].has_dictionary_page
    assert found["source_sha256"].has_dictionary_page
    assert {column.compression for column in found.values()} == {"ZSTD"}
