"""Places as marks of a map."""

import polars as pl

from dashboards.charts.places import MOST_MARKS, marks, places
from dashboards.words import words_in
from warehouse.policies.map import MapPolicy, MapRule

RULES = MapPolicy(
    own_manufacturers=frozenset(),
    rules=(
        MapRule(where={"status": frozenset({"silent"})}, colour="#aa0000", symbol="x", text={"en": "Silent"}),
        MapRule(where={}, colour="#00aa00", symbol="circle", text={"en": "Others"}),
    ),
)


def town(count: int) -> pl.DataFrame:
    """Places of which all but the last two lie together in a corner; the last but one is silent."""
    return pl.DataFrame(
        {
            "latitude": [55.0] * (count - 2) + [56.0, 55.5],
            "longitude": [12.0] * (count - 2) + [13.0, 12.5],
            "status": ["ok"] * (count - 2) + ["silent", "ok"],
        }
    ).with_row_index("row")


def test_few_places_have_a_mark_each() -> None:
    found = marks(town(4), RULES)

    assert found["row"].to_list() == [0, 1, 2, 3]
    assert found["rule"].to_list() == [1, 1, 0, 1]
    assert found["places"].to_list() == [1, 1, 1, 1]


def test_many_places_share_the_mark_of_their_cell_and_rule() -> None:
    count = MOST_MARKS + 1
    found = marks(town(count), RULES).sort("places")

    assert found["places"].to_list() == [1, 1, count - 2]
    assert sorted(found["row"].to_list()[:2]) == [count - 2, count - 1]
    assert found["row"].to_list()[2] is None
    assert found.row(2, named=True)["latitude"] == 55.0
    sides = [found["south"].to_list(), found["north"].to_list(), found["west"].to_list(), found["east"].to_list()]
    assert [side[2] for side in sides] == [55.0, 55.0, 12.0, 12.0]
    few = marks(town(MOST_MARKS), RULES)
    assert few.height == MOST_MARKS
    assert few["south"].to_list() == few["latitude"].to_list()


def test_mark_of_several_says_how_many_and_gives_no_row_back() -> None:
    count = MOST_MARKS + 1
    found = marks(town(count), RULES)
    labelled = found.with_columns(label=pl.when(pl.col("row").is_not_null()).then(pl.lit("a place")))

    others, silent = places(labelled, RULES, words_in("en", "Europe/Copenhagen")).data

    assert (list(silent.text), list(silent.customdata)) == (["a place"], [count - 2])
    number = found["places"].to_list().index(count - 2)
    assert sorted(others.customdata) == [-1 - number, count - 1]
    several = list(others.customdata).index(-1 - number)
    assert others.text[several].startswith("2,999 ")
    assert others.marker.size[several] > others.marker.size[1 - several] == silent.marker.size[0]
