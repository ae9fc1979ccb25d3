"""Faults of substations: ranked, with evidence, and what people found of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry.models import HeatFaultReview
from registry.store import Registry
from tests.unit.dashboards import heated, house
from tests.unit.dashboards.conftest import ANALYST, OWNER, READER, Opened, figures, messages

LOW = "H-8:low_cooling"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return heated.add(house.home_with_figures(tmp_path_factory.mktemp("faults") / "home"))


def verdicts(home: Path) -> list[tuple[str, str, str]]:
    registry = Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
    with registry.begin(readonly=True) as session:
        found = [(row.verdict, row.reason, row.identity) for row in session.query(HeatFaultReview)]
    registry.engine.dispose()
    return found


def test_faults_are_ranked_and_each_substation_s_volume_counts_once(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_faults", home=warm)

    rows = app.dataframe[0].value
    assert rows["metering_point"].to_list() == ["H-8", "H-8", "H-6"]
    assert rows["rule"].to_list() == ["low cooling", "unsteady control", "signature has shifted"]
    assert figures(app)["Excess volume"] == "145 m³"
    assert figures(app)["Substations"] == "2"
    assert "a bypass" in " ".join(text.value for text in app.markdown)
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.parametrize("fault", ["H-8:control", "H-6:signature_shift", "H-1:nothing", "<b>"])
def test_each_fault_shows_its_evidence(open_page: Opened, warm: Path, fault: str) -> None:
    app = open_page("heat_faults", home=warm, fault=fault)

    assert not app.exception
    assert len(app.get("plotly_chart")) == 1


def test_filter_of_rules(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_faults", home=warm, rule=["control"])
    assert app.dataframe[0].value["metering_point"].to_list() == ["H-8"]

    none = open_page("heat_faults", home=warm, rule=["load_pattern"])
    assert "There is no fault" in " ".join(str(element.value) for element in none.success)


def test_verdict_is_kept_with_its_history_and_dismissed_faults_leave_the_list(
    open_page: Opened, tmp_path: Path
) -> None:
    home = heated.add(house.home_with_figures(tmp_path / "home"))
    for verdict, reason in (("confirmed", "valve oversized"), ("false", "a bakery")):
        app = open_page("heat_faults", home=home, viewer=OWNER, fault=LOW)
        box = next(box for box in app.text_input if str(box.key).startswith(f"reason_{LOW}"))
        box.set_value(reason).run()
        next(button for button in app.button if str(button.key).startswith(f"{verdict}_{LOW}")).click().run()
        assert f"H-8, low cooling: {'confirmed' if verdict == 'confirmed' else 'no fault'}." in messages(app)

    assert verdicts(home) == [("confirmed", "valve oversized", "local:test"), ("false", "a bakery", "local:test")]
    assert "low cooling" not in open_page("heat_faults", home=home).dataframe[0].value["rule"].to_list()
    shown = open_page("heat_faults", home=home, dismissed="true", fault=LOW)
    assert shown.dataframe[0].value["verdict"].to_list()[0] == "no fault"
    said = messages(shown)
    assert said.index("a bakery") < said.index("valve oversized")


def test_right_is_asked_for_again_and_another_s_verdict_is_not_written_over(open_page: Opened, tmp_path: Path) -> None:
    home = heated.add(house.home_with_figures(tmp_path / "home"))
    for viewer, said in ((ANALYST, "no right for this"), (OWNER, "Nothing was saved")):
        app = open_page("heat_faults", home=home, viewer=viewer, fault=LOW)
        if viewer is OWNER:
            app.session_state[f"read_{LOW}:2025-06"] = ("something older",)
        next(box for box in app.text_input if str(box.key).startswith(f"reason_{LOW}")).set_value("valve").run()
        next(button for button in app.button if str(button.key).startswith(f"confirmed_{LOW}")).click().run()
        assert said in messages(app)
    assert verdicts(home) == []


def test_reader_sees_faults_and_decides_nothing(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_faults", home=warm, viewer=READER)

    assert app.dataframe
    assert not [button for button in app.button if "confirmed" in str(button.key)]


def test_no_figures_and_another_organisation(open_page: Opened, tmp_path: Path, warm: Path) -> None:
    assert "meterhouse materialize" in messages(open_page("heat_faults", home=house.empty_home(tmp_path / "home")))

    other = open_page("heat_faults", home=warm, viewer=replace(ANALYST, organisation=house.NEIGHBOUR))
    assert set(other.dataframe[0].value["metering_point"]) == {"N-9"}
