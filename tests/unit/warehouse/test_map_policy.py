"""Rules of maps: the first that holds counts."""

import polars as pl
import pytest

from warehouse.policies import KINDS, MapPolicy, PolicyError, read_policy, shipped_document


def shipped() -> MapPolicy:
    policy = read_policy("map", shipped_document("map"))
    assert isinstance(policy, MapPolicy)
    return policy


def test_own_brand_is_blue_red_and_green_others_orange_collectors_purple() -> None:
    places = pl.DataFrame(
        [
            ("meter", "KAM", "ok"),
            ("meter", "KAM", "attention"),
            ("meter", "KAM", "silent"),
            ("meter", "DME", "attention"),
            ("collector", None, None),
            ("meter", "KAM", None),
        ],
        schema=["kind", "manufacturer", "status"],
        orient="row",
    )
    policy = shipped()
    judged = policy.judged(places)

    looks = [(policy.rules[rule].colour, policy.rules[rule].symbol) for rule in judged["rule"]]
    green, red, blue = ("#1e8449", "circle"), ("#c0392b", "triangle-up"), ("#1f6fb2", "circle")
    assert looks == [green, red, blue, ("#e67e22", "diamond"), ("#7d3c98", "square"), blue]
    assert judged.columns == [*places.columns, "rule"]


def test_column_that_is_missing_satisfies_no_condition() -> None:
    judged = shipped().judged(pl.DataFrame({"label": ["somewhere"]}))
    assert judged["rule"].to_list() == [len(shipped().rules) - 1]


def test_rules_have_texts_in_the_languages_of_the_pages() -> None:
    assert KINDS["map"].model is MapPolicy
    for rule in shipped().rules:
        assert {"en", "de", "da", "sv", "nb", "fr"} <= set(rule.text)
        assert rule.named("es") == rule.text["en"]


@pytest.mark.parametrize(
    ("good", "bad"), [("'#000000'", "red"), ("circle", "smiley"), ("brand: [own]", "owner: [x]"), ("en: x", "xx: x")]
)
def test_unknown_colours_symbols_columns_and_languages_are_refused(good: str, bad: str) -> None:
    rule = "{where: {brand: [own]}, colour: '#000000', symbol: circle, text: {en: x}}"
    document = f"own_manufacturers: []\nrules: [{rule}]\n"
    assert read_policy("map", document)
    with pytest.raises(PolicyError):
        read_policy("map", document.replace(good, bad))
