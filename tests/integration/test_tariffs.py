"""Registers of tariffs from the telegram to the page (VIS-01): each tariff apart, and what is left beside them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.viewer import Viewer
from registry.people.rights import AREAS, MANAGER
from tests.integration.installations import House
from warehouse.queries import tariffs

METER = "ABC-90000002-01-02"
MIDNIGHT = datetime(2025, 10, 25, 22, tzinfo=UTC)
"""Start of the 26th of October in Copenhagen, which has 25 hours."""
HOURS = 25
DAY_RATE = range(6, 22)
"""Local hours of tariff 1, which counts 0.20 kWh in each; in others tariff 2 counts 0.10 kWh. 0.05 kWh none does."""
LIMIT = timedelta(days=35)


def telegram(access_no: int, total: int, first: int, second: int) -> str:
    """An electricity meter with a short header: energy in 10 Wh, then that of tariff 1 and of tariff 2.

    The registers of the last due date (storage 1) and the power come after them; they are no consumption of a tariff.
    """
    records = {"0404": total, "841004": first, "842004": second, "C41004": first // 2, "042B": 300}
    area = b"".join(bytes.fromhex(header) + count.to_bytes(4, "little") for header, count in records.items())
    body = bytes.fromhex(f"444304020000900102 7A{access_no:02X}000000") + area
    return (bytes([len(body)]) + body).hex()


def counted() -> list[tuple[datetime, int, int, int]]:
    """Each hour of the day, its end included: counts of all, of tariff 1 and of tariff 2."""
    first, second, rows = 4_000, 7_000, []
    for number in range(HOURS + 1):
        at = MIDNIGHT + number * timedelta(hours=1)
        rows.append((at, first + second + 5 * number, first, second))
        if at.astimezone(ZoneInfo("Europe/Copenhagen")).hour in DAY_RATE:
            first += 20
        else:
            second += 10
    return rows


def _draw() -> None:
    from dashboards.pages import open_page, page_named

    open_page(page_named("consumption"))


def test_tariffs_come_from_telegrams_to_the_page(house: House, tmp_path: Path) -> None:
    house.register(
        "meters", written(tmp_path, "meters", "manufacturer,serial,version,device_type\nABC,90000002,01,02\n")
    )
    place = "metering_point,customer_number,manufacturer,serial,installed_at\nE-1,1,ABC,90000002,2025-01-01T00:00:00Z\n"
    house.register("customers", written(tmp_path, "customers", place))
    lines = [f"{at:%Y-%m-%dT%H:%M:%SZ},{telegram(number, *counts)}" for number, (at, *counts) in enumerate(counted())]
    assert house.ingest(written(tmp_path, "frames", "\n".join(["received_at,frame", *lines]) + "\n")) == 0

    found = house.ask(
        "select tariff, count(*), min(value) from records where storage = 0 group by tariff order by tariff"
    )
    assert found.rows() == [(1, HOURS + 1, 40_000.0), (2, HOURS + 1, 70_000.0)]
    assert house.ask("select min(energy_import_kwh), max(energy_import_kwh) from readings").row(0) == (
        Decimal(110),
        Decimal("115.35"),
    )
    asked = {"register": "energy_import_kwh", "first": date(2025, 10, 26), "last": date(2025, 10, 26)}
    lake = house.installation.lake
    day = tariffs.figures(lake, "default", "E-1", interval="daily", gap_limit=LIMIT, **asked)  # type: ignore[arg-type]
    assert day.select("tariff", "consumption", "reason").rows() == [
        ("1", Decimal("3.2"), None),
        ("2", Decimal("0.9"), None),
        ("other", Decimal("1.25"), None),
    ]
    hours = tariffs.figures(lake, "default", "E-1", interval="hourly", gap_limit=LIMIT, **asked)  # type: ignore[arg-type]
    amounts = {name: rows["consumption"].to_list() for (name,), rows in hours.group_by("tariff", maintain_order=True)}
    assert amounts["1"] == [0] * 7 + [Decimal("0.2")] * 16 + [0] * 2
    assert amounts["2"] == [Decimal("0.1")] * 7 + [0] * 16 + [Decimal("0.1")] * 2
    assert amounts["other"] == [Decimal("0.05")] * HOURS

    st.cache_resource.clear()
    page = AppTest.from_function(_draw, default_timeout=60)
    page.session_state["viewer"] = Viewer("user:1", "default", areas={MANAGER: frozenset(AREAS)})
    for name, value in {"point": "E-1", "by": "tariff"}.items():
        page.query_params[name] = value
    page.run()
    st.cache_resource.clear()
    assert not page.exception
    shown = {cell.label: cell.value.replace("\N{NARROW NO-BREAK SPACE}", " ") for cell in page.metric}
    assert (shown["T1"], shown["T2"], shown["Other"]) == ("3.2 kWh", "0.9 kWh", "1.25 kWh")
    assert page.dataframe[0].value["tariff_1"].to_list() == [3.2]


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.csv"
    file.write_text(text)
    return file
