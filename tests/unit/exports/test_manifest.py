"""The manifest's sums and its hash over rows."""

import hashlib
import struct
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.manifest import Tally, members_hash, stretches
from exports.variables import SCHEMA

ZONE = ZoneInfo("Europe/Copenhagen")
AT = datetime(2026, 1, 31, 23, tzinfo=UTC)
ROW = {"metering_point": "P1", "meter_id": "A", "register": "volume_m3", "measured_at": AT, "quality": "M"}


def rows(*changes: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{**ROW, "value": Decimal("1.5"), **change} for change in changes], schema=SCHEMA)


def hashed(*pieces: pl.DataFrame) -> str:
    tally = Tally(ZONE)
    assert len(list(tally.of(pieces))) == len(pieces)
    return tally.contents().rows_hash


def test_the_hash_is_the_documented_one() -> None:
    piece = rows({"city": "Ærø", "value": Decimal("-0.000001")}, {"city": None, "value": None})
    piece = piece.with_columns(**{"field:b": pl.lit("x"), "field:a": pl.lit(None, pl.String)})
    lines = []
    for name in [*SCHEMA, "field:a", "field:b"]:
        values = piece[name].to_list()
        texts = [str(value).encode() for value in values if isinstance(value, str)]
        numbers = [
            int(value * 1_000_000) if isinstance(value, Decimal) else int(value.timestamp() * 1_000_000)
            for value in values
            if isinstance(value, Decimal | datetime)
        ]
        marks = bytes(value is not None for value in values)
        lengths = b"".join(struct.pack("<I", len(text)) for text in texts)
        data = b"".join(texts) + b"".join(struct.pack("<q", number) for number in numbers)
        sums = " ".join(hashlib.sha256(each).hexdigest() for each in (marks, lengths, data))
        lines.append(f"{name} {sums}\n")
    assert hashed(piece) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_other_rows_have_another_hash() -> None:
    different = [
        rows({}, {}),
        rows({}),
        rows({"city": ""}, {}),
        rows({}, {"city": ""}),
        rows({"city": "ab"}, {"city": "c"}),
        rows({"city": "a"}, {"city": "bc"}),
        rows({"value": None}, {}),
        rows({}, {"quality": "E"}),
        rows({"measured_at": AT + timedelta(microseconds=1)}, {}),
    ]
    assert len({hashed(piece) for piece in different}) == len(different)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_how_rows_are_cut_does_not_matter(sizes: list[int]) -> None:
    whole = rows(*({"meter_id": f"M{number}", "value": Decimal(number)} for number in range(sum(sizes))))
    one, many = Tally(ZONE), Tally(ZONE)
    list(one.of([whole]))
    start = 0
    for size in sizes:
        many.add(whole[start : start + size])
        start += size
    assert one.contents() == many.contents()


def test_sums_are_exact_and_missing_values_count_as_rows() -> None:
    tally = Tally(ZONE)
    tally.add(rows(*({"value": Decimal("0.1")} for _ in range(10)), {"value": None, "quality": "N"}))
    tally.add(rows({"register": "energy_kwh", "value": Decimal("999999999999.999999")}))
    tally.add(rows({"register": "energy_kwh", "value": Decimal("999999999999.999999")}))
    contents = tally.contents()
    assert contents.rows == 13
    assert contents.sums == {"energy_kwh": "1999999999999.999998", "volume_m3": "1.000000"}
    assert contents.qualities == {"M": 12, "N": 1}


def test_days_are_local_and_of_periods_all() -> None:
    tally = Tally(ZONE)
    month = {"measured_at": None, "period_start": AT, "period_end": datetime(2026, 2, 3, 23, tzinfo=UTC)}
    tally.add(rows({}, month, {"measured_at": datetime(2026, 3, 1, 22, 59, tzinfo=UTC)}))
    assert tally.contents().days == ((date(2026, 2, 1), date(2026, 2, 3)), (date(2026, 3, 1), date(2026, 3, 1)))
    assert Tally(ZONE).contents().days == ()
    assert stretches([date(2026, 1, 2), date(2026, 1, 1)]) == ((date(2026, 1, 1), date(2026, 1, 2)),)


def test_members_have_one_hash_in_any_order() -> None:
    members = pl.DataFrame({"metering_point": ["P1", "P2"], "meter_id": [None, "A"]})
    assert members_hash(members) == members_hash(members.reverse())
    assert members_hash(members) != members_hash(members.head(1))
    assert members_hash(members) == hashlib.sha256(b"P1,\nP2,A\n").hexdigest()
