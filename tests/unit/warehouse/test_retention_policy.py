"""The policy of retention: presets, and documents that are refused."""

from datetime import date

import polars as pl
import pytest

from warehouse.policies import PolicyError, RetentionPolicy, presets, read_policy, shipped_document
from warehouse.transforms.retention import keep_of

TODAY = date(2026, 1, 15)
AGES = (12, 14, 61, 121)
SAID = {
    "keep-all": {"water": ["all"] * 4, "heat": ["all"] * 4},
    "ready-water-10y": {"water": ["all", "day", "day", "none"], "heat": ["all"] * 4},
    "ready-heat-5y": {"water": ["all"] * 4, "heat": ["all", "day", "none", "none"]},
    "ready-heat-5y-pre2024": {"water": ["all"] * 4, "heat": ["all", "day", "none", "none"]},
    "ready-heat-monthly-tail": {"water": ["all"] * 4, "heat": ["all", "day", "month", "none"]},
}


def keeps(document: str, zone: str, medium: str, source: str = "radio", resolution: str | None = "hour") -> list[str]:
    policy = read_policy("retention", document)
    assert isinstance(policy, RetentionPolicy)
    days = [date(2026 - age // 12, 1, 14) if age % 12 == 0 else date(2026 - (age + 11) // 12, 12 - age % 12 + 1, 1)
            for age in AGES]  # fmt: skip
    rows = pl.DataFrame({"medium": medium, "source": source, "aged_on": days}).with_columns(
        resolution=pl.lit(resolution, pl.String)
    )
    return rows.with_columns(keep_of(policy.stages(), zone, TODAY))["keep"].to_list()


@pytest.mark.parametrize("name", list(SAID))
def test_presets_say_what_their_sources_say(name: str) -> None:
    for medium, expected in SAID[name].items():
        assert keeps(presets()[name], "reading", medium) == expected
        assert keeps(presets()[name], "raw", medium) == expected
        assert keeps(presets()[name], "interval", medium) == [
            "none" if stage == "none" else "all" for stage in expected
        ]


def test_before_2024_only_readings_by_network_were_thinned_and_all_went() -> None:
    document = presets()["ready-heat-5y-pre2024"]
    assert keeps(document, "reading", "heat", "manual") == ["all", "all", "none", "none"]


@pytest.mark.parametrize("source", ["drive_by", "wired"])
def test_a_rule_may_name_every_source_that_readings_have(source: str) -> None:
    rule = f"{{sources: [{source}], zones: [raw, reading], stages: [{{after_months: 13, keep: day}}]}}"
    document = f"automatic: false\nsurvivor: last\nrules: [{rule}]\n"
    for zone in ("raw", "reading"):
        assert keeps(document, zone, "water", source) == ["all", "day", "day", "day"]
        assert keeps(document, zone, "water", "radio") == ["all"] * 4


def test_priority_meters_have_stages_of_their_own_in_every_zone() -> None:
    rules = "[{resolutions: [5min], stages: [{after_months: 13, keep: none}]}]"
    document = f"automatic: false\nsurvivor: last\nrules: {rules}\n"
    for zone in ("raw", "reading", "interval", "event"):
        assert keeps(document, zone, "water", resolution="5min") == ["all", "none", "none", "none"]
        assert keeps(document, zone, "water", resolution="hour") == ["all"] * 4
        assert keeps(document, zone, "water", resolution=None) == ["all"] * 4


def test_everything_is_kept_until_somebody_decides() -> None:
    assert keeps(shipped_document("retention"), "raw", "water") == ["all"] * 4


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("stages: [{after_months: 5, keep: none}, {after_months: 60, keep: day}]", "keeps less"),
        ("stages: [{after_months: 60, keep: day}, {after_months: 5, keep: none}]", "older"),
        ("stages: []", "stages"),
        ("stages: [{after_months: 0, keep: day}]", "after_months"),
        (
            "sources: [radio], zones: [interval], stages: [{after_months: 5, keep: none}]",
            "figures and events have none",
        ),
        ("sources: [radio], stages: [{after_months: 5, keep: none}]", "name the zones"),
        ("resolutions: [minute], stages: [{after_months: 5, keep: none}]", "resolutions"),
        ("media: [wine], stages: [{after_months: 5, keep: none}]", "media"),
    ],
)
def test_documents_that_make_no_sense_are_refused(rule: str, said: str) -> None:
    document = f"automatic: false\nsurvivor: last\nrules:\n  - {{{rule}}}\n"
    with pytest.raises(PolicyError, match=said):
        read_policy("retention", document)
