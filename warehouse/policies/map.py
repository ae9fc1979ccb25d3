"""How places are shown on maps: the first rule that holds gives colour and symbol."""

from collections.abc import Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from warehouse.policies.info_codes import Language
from warehouse.policies.model import PolicyModel

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Symbol = Literal["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star", "hexagon"]
Condition = Literal["kind", "brand", "manufacturer", "medium", "model", "status", "priority", "state"]

RULE = "rule"


class MapRule(PolicyModel):
    """One rule.

    Attributes:
        where: Values by column, one of which a place must have; a rule without conditions holds for all.
        colour: Fill, ``#rrggbb``.
        symbol: Shape, so that nobody has to tell colours apart.
        text: For the legend, by language; English is needed.
    """

    where: Mapping[Condition, frozenset[str]]
    colour: Colour
    symbol: Symbol
    text: Mapping[Language, str]

    def named(self, language: str) -> str:
        """The text in a language, else in English."""
        return next((text for name, text in self.text.items() if name == language), self.text["en"])


class MapPolicy(PolicyModel):
    """What a utility may decide about maps.

    Attributes:
        own_manufacturers: Manufacturers whose meters are of the utility's own brand.
        rules: In the order in which they are asked.
    """

    own_manufacturers: frozenset[str]
    rules: tuple[MapRule, ...] = Field(min_length=1)

    def judged(self, places: pl.DataFrame) -> pl.DataFrame:
        """Places with the number of the rule that holds.

        Args:
            places: Any of the columns that rules name; ``brand`` (``own`` or ``other``) follows from ``manufacturer``.

        Returns:
            The same rows with ``rule``: its place in :attr:`rules`; the last rule where none holds. A column that is
            missing, or null, satisfies no condition.
        """
        known = places
        if "manufacturer" in places.columns and "brand" not in places.columns:
            own = pl.col("manufacturer").is_in(sorted(self.own_manufacturers))
            known = places.with_columns(brand=pl.when(own).then(pl.lit("own")).otherwise(pl.lit("other")))
        number = pl.lit(len(self.rules) - 1)
        for place, rule in reversed(list(enumerate(self.rules))):
            conditions = [
                pl.col(name).is_in(sorted(values)).fill_null(value=False)
                if name in known.columns
                else pl.lit(value=False)
                for name, values in rule.where.items()
            ]
            number = pl.when(*conditions).then(pl.lit(place)).otherwise(number) if conditions else pl.lit(place)
        return places.with_columns(known.select(number.cast(pl.Int64).alias(RULE)).to_series())
