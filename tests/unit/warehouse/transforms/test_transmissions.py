from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from warehouse.schemas import INSTANT
from warehouse.schemas.frames import TELEGRAMS
from warehouse.schemas.readings import READINGS
from warehouse.transforms.transmissions import (
    SAME_ACCESS_NUMBER,
    SAME_BYTES,
    cluster,
    merge_readings,
    telegrams,
    winners,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SCHEMA = pl.Schema(
    {
        "organisation": pl.String(),
        "frame_id": pl.String(),
        "telegram_key": pl.String(),
        "meter_id": pl.String(),
        "access_no": pl.Int32(),
        "received_at": INSTANT,
        "outcome": pl.String(),
    }
)


def receptions(*rows: tuple[str, str | None, int | None, float], outcome: str = "decoded") -> pl.DataFrame:
    """Rows of frame_id, telegram_key, access_no and seconds after noon."""
    full = [
        ("o", frame, key, "KAM-1-1b-16", access, NOON + timedelta(seconds=seconds), outcome)
        for frame, key, access, seconds in rows
    ]
    return pl.DataFrame(full, schema=SCHEMA, orient="row")


def ids(frame: pl.DataFrame) -> dict[str, str | None]:
    return dict(frame.select("frame_id", "telegram_id").iter_rows())


def test_copies_heard_by_several_collectors_are_one_transmission() -> None:
    heard = receptions(("f3", "k", 7, 2.0), ("f1", "k", 7, 0.5), ("f2", "k", 7, 0.0), ("g1", "other", 8, 1.0))
    assert ids(cluster(heard)) == {"f1": "f2", "f2": "f2", "f3": "f2", "g1": "g1"}
    assert cluster(heard)["frame_id"].to_list() == ["f3", "f1", "f2", "g1"]


def test_equal_times_take_the_smaller_frame_id() -> None:
    assert ids(cluster(receptions(("b", "k", 1, 0), ("a", "k", 1, 0)))) == {"a": "a", "b": "a"}


@pytest.mark.parametrize(("access_no", "reach"), [(5, SAME_ACCESS_NUMBER), (None, SAME_BYTES)])
def test_the_reach_is_measured_from_the_first_reception(access_no: int | None, reach: timedelta) -> None:
    seconds = reach.total_seconds()
    heard = receptions(
        ("a", "k", access_no, 0),
        ("b", "k", access_no, 0.6 * seconds),
        ("c", "k", access_no, seconds),
        ("d", "k", access_no, seconds + 0.001),
        ("e", "k", access_no, 1.5 * seconds),
        ("f", "k", access_no, 2 * seconds + 0.002),
    )
    assert ids(cluster(heard)) == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d", "f": "f"}


@pytest.mark.parametrize(("access_no", "reach"), [(5, SAME_ACCESS_NUMBER), (None, SAME_BYTES)])
def test_the_end_of_the_reach_belongs_to_it(access_no: int | None, reach: timedelta) -> None:
    seconds = reach.total_seconds()
    assert ids(cluster(receptions(("a", "k", access_no, 0), ("b", "k", access_no, seconds)))) == {"a": "a", "b": "a"}
    assert ids(cluster(receptions(("a", "k", access_no, 0), ("b", "k", access_no, seconds + 1)))) == {
        "a": "a",
        "b": "b",
    }


def test_unchanged_bytes_without_access_number_are_new_transmissions() -> None:
    every_16_seconds = receptions(*((f"f{i:02}", "k", None, 16.0 * i) for i in range(20)))
    assert cluster(every_16_seconds)["telegram_id"].n_unique() == 20
    with_number = every_16_seconds.with_columns(access_no=pl.lit(3, pl.Int32))
    assert cluster(with_number)["telegram_id"].n_unique() == 1


def test_organisations_do_not_share_transmissions() -> None:
    heard = pl.concat(
        [receptions(("a", "k", 1, 0)), receptions(("b", "k", 1, 1)).with_columns(organisation=pl.lit("p"))]
    )
    assert ids(cluster(heard)) == {"a": "a", "b": "b"}


def test_without_a_key_there_is_no_transmission() -> None:
    clustered = cluster(receptions(("a", None, None, 0), ("b", None, None, 1), outcome="corrupt"))
    assert ids(clustered) == {"a": None, "b": None}
    assert telegrams(clustered).is_empty()
    assert winners(clustered).is_empty()


def test_no_receptions() -> None:
    clustered = cluster(receptions())
    assert clustered.schema == {**SCHEMA, "telegram_id": pl.String()}
    assert telegrams(clustered).schema == TELEGRAMS.schema


def test_telegrams_count_receptions_and_take_the_best_outcome() -> None:
    heard = receptions(("a", "k", 9, 0), ("b", "k", 9, 5), ("c", "k", 9, 3)).with_columns(
        outcome=pl.Series(["wrong_key", "decoded", "partial"])
    )
    clustered = cluster(heard)
    assert telegrams(clustered).rows(named=True) == [
        {
            "organisation": "o",
            "telegram_id": "a",
            "telegram_key": "k",
            "meter_id": "KAM-1-1b-16",
            "received_at": NOON,
            "last_received_at": NOON + timedelta(seconds=5),
            "access_no": 9,
            "receptions": 3,
            "outcome": "decoded",
            "month": "2025-03",
        }
    ]
    assert winners(clustered)["frame_id"].to_list() == ["c"]  # the earliest that gave a reading


def greedy(rows: Sequence[tuple[str, str, int | None, float]]) -> dict[str, str]:
    """The rule, one row at a time."""
    found: dict[str, str] = {}
    anchors: dict[tuple[str, bool], tuple[float, str]] = {}
    for frame, key, access, seconds in sorted(rows, key=lambda row: (row[3], row[0])):
        reach = SAME_BYTES if access is None else SAME_ACCESS_NUMBER
        anchor = anchors.get((key, access is None))
        if anchor is None or seconds - anchor[0] > reach.total_seconds():
            anchors[key, access is None] = anchor = (seconds, frame)
        found[frame] = anchor[1]
    return found


@st.composite
def heard_rows(draw: st.DrawFn) -> list[tuple[str, str, int | None, float]]:
    step = draw(st.sampled_from([1, 3, 7, 3_600, 30_000]))
    events = draw(st.lists(st.tuples(st.sampled_from("kl"), st.booleans(), st.integers(0, 40)), max_size=25))
    return [(f"f{i:02}", key, 4 if number else None, float(at * step)) for i, (key, number, at) in enumerate(events)]


@settings(max_examples=60, deadline=None)
@given(rows=heard_rows(), data=st.data())
def test_clusters_are_those_of_the_rule_in_any_order(rows: list[Any], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    assert ids(cluster(receptions(*shuffled))) == greedy(rows)


@settings(max_examples=60, deadline=None)
@given(rows=heard_rows(), data=st.data())
def test_arriving_in_parts_leads_to_the_same_telegrams(rows: list[Any], data: st.DataObject) -> None:
    part_of = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    stored, table = receptions(), telegrams(cluster(receptions()))
    for part in range(4):
        new = receptions(*(row for row, at in zip(rows, part_of, strict=True) if at == part))
        stored = pl.concat([stored, new])
        touched = cluster(stored.join(new, on=["organisation", "telegram_key"], how="semi"))
        kept = table.join(touched, on=["organisation", "telegram_key"], how="anti")
        table = pl.concat([kept, telegrams(touched)])
    expected = telegrams(cluster(receptions(*rows)))
    assert_frame_equal(table, expected, check_row_order=False)
    assert expected["receptions"].sum() == len(rows)


def reading(frame_id: str, **values: Any) -> dict[str, Any]:
    base = {
        "organisation": "o",
        "meter_id": "m",
        "measured_at": NOON,
        "received_at": NOON,
        "landed_at": NOON,
        "frame_id": frame_id,
        "source": "radio",
        "quality": "M",
        "month": "2025-03",
    }
    return base | values


def readings(*rows: dict[str, Any]) -> pl.DataFrame:
    return READINGS.conform(pl.DataFrame(list(rows), schema=READINGS.schema))


def test_telegrams_of_one_reading_time_complete_each_other() -> None:
    later = NOON + timedelta(hours=2)
    merged = merge_readings(
        readings(
            reading(
                "f2", volume_m3=Decimal(9), energy_kwh=Decimal(5), info_code=0, info_code_kind="x", landed_at=later
            ),
            reading("f1", volume_m3=Decimal(8), info_code_kind="y", layout_id="l1", flags="SENTINEL:flow_temp_c"),
            reading("f3", energy_kwh=Decimal(6), power_kw=1.5, flags="B,SENTINEL:flow_temp_c"),
            reading("g", measured_at=later, flags=None),
        )
    )
    assert merged.schema == READINGS.schema
    first, other = merged.sort("measured_at").rows(named=True)
    assert other["frame_id"] == "g"
    assert other["flags"] is None
    assert {name: first[name] for name in ("frame_id", "volume_m3", "energy_kwh", "power_kw", "layout_id")} == {
        "frame_id": "f1",
        "volume_m3": Decimal(8),
        "energy_kwh": Decimal(5),
        "power_kw": 1.5,
        "layout_id": "l1",
    }
    assert (first["info_code"], first["info_code_kind"]) == (0, "x")
    assert first["flags"] == "B,SENTINEL:flow_temp_c"
    assert first["landed_at"] == later


def test_readings_merged_without_flags_have_none() -> None:
    assert merge_readings(readings(reading("a"), reading("b")))["flags"].to_list() == [None]


@settings(max_examples=60, deadline=None)
@given(order=st.permutations(range(6)))
def test_merging_does_not_depend_on_the_order(order: list[int]) -> None:
    rows = [
        reading(f"f{i}", measured_at=NOON + timedelta(hours=i // 3), power_kw=float(i) if i % 3 else None)
        for i in range(6)
    ]
    assert_frame_equal(merge_readings(readings(*(rows[i] for i in order))), merge_readings(readings(*rows)))
    assert merge_readings(readings(*rows))["power_kw"].to_list() == [1.0, 4.0]
