"""Rows of files from a fleet: each reading once, sums as in SQL, and measured values whatever is filled."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.steps.export_rows import by_points, pieces
from assets.steps.exporting import fixed_instant
from exports.errors import ExportError
from exports.formats import read_format
from exports.jobs import Job
from exports.manifest import Period
from exports.variables import ORDER, SCHEMA
from registry.groups import catalogue, membership
from tests.integration.installations import House, copied, fill, kept_environment
from warehouse.queries.exported import ROWS
from warehouse.queries.exported import in_order as ordered
from warehouse.schemas.registers import UNITS

VALUE = ["meter_id", "measured_at", "register"]
WHOLE = Period(start=datetime(2025, 10, 19, 22, tzinfo=UTC), end=datetime(2025, 10, 27, 23, tzinfo=UTC))
"""The fleet's eight local days."""


def job(**changes: object) -> Job:
    return Job(**({"name": "billing", "format": "any", "destination": "folder"} | changes))  # type: ignore[arg-type]


def form(content: str, registers: list[str] | None = None):
    chosen = f"registers: [{', '.join(registers)}]\n" if registers else ""
    return read_format(
        f"layout: delimited\ntitle: Rows\ncontent: {content}\n{chosen}file_name: '{{job}}.csv'\ncolumns: [value]\n",
        "any",
    )


def rows(house: House, content: str = "readings", period: Period = WHOLE, **changes: object) -> pl.DataFrame:
    """All rows of a job as of now, or as of ``as_of``."""
    as_of = changes.pop("as_of", None) or fixed_instant(house.installation, datetime.now(UTC))
    known = {"as_of": as_of, "known_after": changes.pop("known_after", None)}
    asked = form(content, changes.pop("registers", None))  # type: ignore[arg-type]
    return pl.concat(pieces(house.installation, job(**changes), asked, period, **known))  # type: ignore[arg-type]


def wide(house: House) -> pl.DataFrame:
    """Registers of all readings, one row each."""
    found = house.ask("from readings")
    names = [name for name in found.columns if name in UNITS]
    return found.unpivot(names, index=["meter_id", "measured_at"], variable_name="register").drop_nulls("value")


@pytest.fixture(scope="module")
def whole(everything: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A fleet's eight days; nobody changes them."""
    with kept_environment():
        yield copied(everything, tmp_path_factory.mktemp("exported"))


def test_each_value_goes_once_however_late_it_comes(filled: House, fleet: Path) -> None:
    """A key that comes later, and files that do, give readings that the next file has; no file has one twice."""
    instants, told = [], []
    for step in (None, "keys_late", "frames_late", "exchanges"):
        if step:
            fill(filled, fleet, step)
        instants.append(fixed_instant(filled.installation, datetime.now(UTC)))
        after = instants[-2] if len(instants) > 1 else None
        told.append(rows(filled, readings="since_last", as_of=instants[-1], known_after=after))
    assert all(part.height for part in told[:3])
    assert told[3].is_empty(), "an exchange changes no reading"
    sent = pl.concat([part.select(*VALUE, "quality") for part in told])
    assert sent.unique(VALUE).height == sent.height
    known = wide(filled)
    assert known.join(sent, on=VALUE, how="anti").is_empty()
    superseded = filled.ask("select meter_id, measured_at from readings_history")
    gone = sent.join(known, on=VALUE, how="anti")
    assert gone.join(superseded, on=["meter_id", "measured_at"], how="anti").is_empty()
    late = told[1].filter(pl.col("received_at") < instants[0])
    assert late.height, "they were heard before the first file"
    assert (late["known_from"] > instants[0]).all()


def test_a_file_is_the_same_whenever_it_is_made(filled: House, fleet: Path) -> None:
    as_of = fixed_instant(filled.installation, datetime.now(UTC))
    asked = [
        {"content": content, "interpolate": content != "readings", "as_of": as_of}
        for content in ("readings", "hourly", "daily")
    ]
    before = [rows(filled, **one) for one in asked]  # type: ignore[arg-type]
    fill(filled, fleet, "keys_late", "frames_late", "exchanges")
    after = [rows(filled, **one) for one in asked]  # type: ignore[arg-type]
    assert all(part.height for part in before)
    for then, now in zip(before, after, strict=True):
        assert then.equals(now)
    assert rows(filled, "hourly").equals(before[1]) is False


@pytest.mark.parametrize("table", ["hourly", "daily", "monthly", "yearly"])
def test_sums_are_those_of_the_tables(whole: House, table: str) -> None:
    period = Period(start=datetime(2024, 12, 31, 23, tzinfo=UTC), end=datetime(2025, 12, 31, 23, tzinfo=UTC))
    found = rows(whole, table, period, interpolate=True, interpolate_drive_by=True)
    summed = found.group_by("register").agg(pl.col("value").sum()).sort("register")
    known = f"from consumption_{table} where consumption is not null"
    expected = whole.ask(f"select register, sum(consumption) as value {known} group by 1 order by 1")
    summed = summed.filter(pl.col("register").is_in(expected["register"].implode()))
    assert summed.equals(expected.select("register", pl.col("value").cast(summed.schema["value"])))


def test_readings_are_those_of_the_table(whole: House) -> None:
    found = rows(whole)
    inside = pl.col("measured_at").is_between(WHOLE.start, WHOLE.end, closed="left")
    known = wide(whole).filter(inside).sort(VALUE)
    assert found.select(VALUE).sort(VALUE).equals(known.select(VALUE))
    counted = found.filter(pl.col("quality") != "R").select(*VALUE, "value")
    same = counted.join(known.select(*VALUE, read=pl.col("value")), on=VALUE)
    assert same.height == counted.height
    assert (same["value"].cast(pl.Float64) - same["read"]).abs().max() < 1e-5
    assert found.filter(pl.col("quality") == "R")["value"].null_count() == (found["quality"] == "R").sum()


def test_measured_values_do_not_depend_on_what_is_filled(whole: House) -> None:
    without, with_ = (rows(whole, "hourly", interpolate=fill, as_of=_now(whole)) for fill in (False, True))
    assert without.height == with_.height
    measured = ~with_["quality"].is_in(["I", "E"])
    assert (~measured).sum() > 0
    assert without.filter(measured).equals(with_.filter(measured))
    hidden = without.filter(~measured)
    assert hidden["value"].null_count() == hidden.height
    assert set(hidden["quality"]) == {"N"}


def _now(house: House) -> datetime:
    return fixed_instant(house.installation, datetime.now(UTC))


def test_rows_are_ordered_and_complete(whole: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.steps.export_rows.ROWS_AT_ONCE", 500)
    monkeypatch.setattr("warehouse.queries.exported_readings.READINGS_AT_ONCE", 500)
    monkeypatch.setattr("warehouse.queries.exported_figures.ROWS_AT_ONCE", 500)
    as_of = _now(whole)
    for content in ("readings", "hourly"):
        parts = list(pieces(whole.installation, job(), form(content), WHOLE, as_of=as_of))
        assert len(parts) > 2
        points = [set(part["metering_point"]) - {None} for part in parts]
        assert sum(map(len, points)) == len(set.union(*points)), "a point is in one piece"
        together = pl.concat(parts)
        assert together.schema == pl.Schema(SCHEMA)
        assert together.equals(together.sort(ORDER, nulls_last=True, maintain_order=True))
    assert together.filter(pl.col("value").is_null())["quality"].unique().to_list() == ["N"]


def test_the_last_reading_of_each_register(whole: House) -> None:
    found, every = (rows(whole, readings=mode, as_of=_now(whole)) for mode in ("last", "all"))
    counted = every.filter(pl.col("quality") != "R")
    key = ["metering_point", "meter_id", "register"]
    newest = counted.group_by(key).agg(pl.col("measured_at").max())
    assert found.select(*key, "measured_at").sort(key).equals(newest.sort(key).select(*key, "measured_at"))


def test_final_settlements(whole: House) -> None:
    found = rows(whole, readings="final").sort("metering_point", "register")
    known = whole.ask("select metering_point, register, value from final_readings order by 1, 2")
    assert known.height
    assert found.select("metering_point", "register", "value").rows() == known.rows()
    assert set(found["method"]) == {"EXCHANGE"}
    with pytest.raises(ExportError, match="give it a format of content readings"):
        rows(whole, "daily", readings="final")


def test_a_group_limits_them_to_its_members_at_the_end_of_the_period(filled: House) -> None:
    house, now = filled.installation, datetime.now(UTC)
    points = filled.ask("select distinct metering_point from installations order by 1")["metering_point"].to_list()
    author = catalogue.Author("default", "local:test", now, "a test")
    with house.registry.begin() as session:
        catalogue.create(session, author, "North", None)
        membership.add(session, author, "North", points[:3])
        membership.add(session, author, "North", points[3:4], valid_to=datetime(2025, 10, 24, tzinfo=UTC))
    found = rows(filled, group="North")
    assert set(found["metering_point"]) == set(points[:3])
    with pytest.raises(ExportError, match="There is no group South"):
        rows(filled, group="South")


def test_points_without_readings_are_missing(filled: House) -> None:
    """Of a period every expected row is there, also of a meter that was never heard."""
    filled.register(
        "meters",
        _text(
            filled, "meters", "manufacturer,serial,version,device_type,model,medium,key\nABC,91000001,1b,16,,water,\n"
        ),
    )
    filled.register(
        "customers",
        _text(
            filled,
            "customers",
            "metering_point,customer_number,name,address,postal_code,city,latitude,longitude,manufacturer,serial,"
            "installed_at\nSILENT,S1,,,,,,,ABC,91000001,2025-10-21T00:00:00+02:00\n",
        ),
    )
    found = rows(filled, "daily").filter(metering_point="SILENT")
    assert found.height == 7, "from the day on which it was installed"
    assert set(found["quality"]) == {"N"}
    assert found["customer_number"].unique().to_list() == ["S1"]
    assert found.select("manufacturer", "model", "medium", "register", "unit").unique().rows() == [
        ("ABC", None, "water", "volume_m3", "m3")
    ]
    assert rows(filled).filter(metering_point="SILENT").is_empty()


def _text(house: House, kind: str, text: str) -> Path:
    file = house.installation.settings.home.parent / f"{kind}.csv"
    file.write_text(text)
    return file


def test_meters_that_are_nowhere_come_last(tmp_path: Path) -> None:
    part = pl.DataFrame(
        {"metering_point": [None, "P2", "P1"], "meter_id": ["B", "C", "A"]}, schema_overrides={}
    ).select(
        pl.col(name).cast(dtype) if name in ("metering_point", "meter_id") else pl.lit(None, dtype).alias(name)
        for name, dtype in ROWS.items()
    )
    found = list(by_points([part.head(1), part.tail(2)], tmp_path))
    assert [piece["meter_id"].sort().to_list() for piece in found] == [["A", "C"], ["B"]]
    assert ordered(part)["meter_id"].to_list() == ["A", "C", "B"]
