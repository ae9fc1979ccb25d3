"""The check page: one meter or collector by its number."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, READER, Opened, figures, messages
from warehouse.lake import Lake
from warehouse.queries import attention
from warehouse.schemas import COLLECTOR_DAILY, METER_LINKS
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small installation, whose newest frames name meters, one of them registered by nobody."""
    home = house.home_with_figures(tmp_path_factory.mktemp("heard") / "home")
    lake = Lake(home / "lake")
    frames = [
        (house.NEW, "decoded", None, 1),
        (house.NEW, "no_key", "no key yet", 2),
        (house.OTHER, "no_key", "no key yet", -1),
        ("KAM-99999999-1b-16", "foreign", None, 1),
    ]
    rows = [
        {
            "organisation": house.ORGANISATION,
            "frame_id": f"{number:032x}",
            "attempt": 1,
            "decided_at": house.END,
            "decoders": "0" * 16,
            "outcome": outcome,
            "reason": reason,
            "meter_id": meter,
            "received_at": house.END - timedelta(hours=hours),
            "landed_at": house.END,
            "landed_day": house.END.date(),
        }
        for number, (meter, outcome, reason, hours) in enumerate(frames)
    ]
    lake.append(OUTCOMES, pl.DataFrame(rows))
    received = ("organisation", "frame_id", "received_at", "landed_at", "landed_day")
    source = {"source_file": "a.csv", "source_line": 1, "source_sha256": "0" * 64, "frame": b"\x44"}
    lake.append(
        RECEPTIONS,
        pl.DataFrame(
            [{name: row[name] for name in received} | source | {"collector": "C-0", "rssi_dbm": -71.0} for row in rows]
        ),
    )
    day = {"organisation": house.ORGANISATION, "known_from": house.KNOWN, "month": "2025-11", "day": house.END.date()}
    times = {"first_heard": house.END, "last_heard": house.END}
    link = {"telegrams": 24, "redundancy": 1, "meter_id": house.NEW}
    lake.append(METER_LINKS, pl.DataFrame([day | times | link]))
    lake.append(
        COLLECTOR_DAILY,
        pl.DataFrame(
            [
                day
                | {
                    "collector": name,
                    "receptions": 72,
                    "meters": 2,
                    "first_contact": house.END - timedelta(hours=late),
                    "last_contact": house.END - timedelta(hours=late),
                    "heard_hours": 1,
                    "backlog_p50_s": 2.0,
                    "backlog_max_s": 9.0,
                }
                for name, late in (("C-0", 0), ("C-1", 30))
            ]
        ),
    )
    return home


def facts(app: AppTest) -> dict[str, str]:
    assert not app.exception
    shown = app.table[0].value.to_dict(orient="split")
    values = [str(row[0]).replace("\\", "").replace("\N{NARROW NO-BREAK SPACE}", " ") for row in shown["data"]]
    return dict(zip(shown["index"], values, strict=True))


@pytest.mark.parametrize("serial", ["10000002", house.NEW, house.NEW.lower()])
def test_meter_says_when_and_by_whom_it_was_heard(open_page: Opened, heard: Path, serial: str) -> None:
    app = open_page("check", home=heard, viewer=READER, serial=serial)

    assert facts(app) == {
        "Last contact": "4 Nov 2025 00:00 CET",
        "Key": "missing",
        "Newest frame": "decoded · 3 Nov 2025 23:00 CET · C-0 · -71 dBm",
        "Latest reading": "69 m³ · 3 Nov 2025 23:00 CET",
    }
    links = app.dataframe[0].value
    assert list(links["collector"]) == ["C-0", "C-1"]
    assert list(links["rssi_p50_dbm"]) == [-90, -90]
    assert "Nothing needs to be done here" in messages(app)


def test_meter_whose_key_is_missing_needs_nothing_on_the_spot(open_page: Opened, heard: Path) -> None:
    app = open_page("check", home=heard, serial="20000001")

    assert facts(app)["Newest frame"].startswith("without key · ")
    assert "its key is missing" in messages(app)


def test_registered_meter_that_was_never_heard(open_page: Opened) -> None:
    app = open_page("check", serial="30000001")

    assert facts(app)["Last contact"] == "never"
    assert "nothing of it was ever heard" in messages(app)


def test_collector_says_which_meters_it_hears(open_page: Opened, heard: Path) -> None:
    app = open_page("check", home=heard, serial="C-0")

    assert facts(app) == {
        "Last contact": "4 Nov 2025 00:00 CET",
        "Meters heard": "2 · 3 Nov 2025",
        "Receptions": "72 · 3 Nov 2025",
    }
    assert list(app.dataframe[0].value["meter_id"]) == [house.NEW, house.HEAT]
    assert "Water tower" in messages(app)


def test_meter_that_sends_and_that_nobody_registered_is_told_apart(open_page: Opened, heard: Path) -> None:
    app = open_page("check", home=heard, serial="99999999")

    assert "nobody has registered it" in messages(app)
    assert list(app.dataframe[0].value["meter_id"]) == ["KAM-99999999-1b-16"]


@pytest.mark.parametrize("serial", ["77777777", "nonsense of any length, with <b>signs</b>", "50000001"])
def test_unknown_number_says_what_it_may_be(open_page: Opened, serial: str) -> None:
    app = open_page("check", serial=serial)

    assert "No meter and no collector" in messages(app)
    assert "mistyped" in " ".join(element.value for element in app.markdown)


def test_nothing_typed_and_empty_installation(open_page: Opened, tmp_path: Path) -> None:
    assert "Type the number" in messages(open_page("check"))
    empty = house.empty_home(tmp_path / "home")
    assert "No meter and no collector" in messages(open_page("check", home=empty, serial="10000002"))


def test_other_organisations_and_meters_that_may_not_be_seen_are_unknown(open_page: Opened) -> None:
    theirs = replace(ANALYST, organisation=house.NEIGHBOUR)
    assert "No meter and no collector" in messages(open_page("check", viewer=theirs, serial="10000002"))
    mine = replace(READER, meters=frozenset({house.OTHER}))
    assert "No meter and no collector" in messages(open_page("check", viewer=mine, serial="10000002"))
    assert "No meter and no collector" in messages(open_page("check", viewer=mine, serial="C-0"))


def test_home_names_the_collector_that_delivers_nothing_while_others_do(open_page: Opened, heard: Path) -> None:
    app = open_page("home", home=heard)

    assert figures(app)["Silent collectors"] == "1"
    assert "C-1 30 h" in messages(app).replace("\N{NARROW NO-BREAK SPACE}", " ")
    lake = Lake(heard / "lake")
    assert attention.silent_collectors(lake, house.ORGANISATION, 31).is_empty()
