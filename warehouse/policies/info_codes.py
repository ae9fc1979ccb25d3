"""How info codes are shown: which matter, how they are named, and until when silence counts as active."""

from collections.abc import Mapping
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from warehouse.policies.model import PolicyModel
from warehouse.transforms.info_codes import ANY

Priority = Literal["high", "normal", "ignore"]
Language = Literal["da", "de", "en", "es", "fr", "nb", "sv"]
Hours = Annotated[float, Field(gt=0)]


class CodeMeaning(PolicyModel):
    """What a utility says of a code; what it leaves out is as shipped.

    Attributes:
        priority: ``high``, ``normal`` or ``ignore``.
        icon: Name of an icon.
        text: Text by language.
    """

    priority: Priority | None = None
    icon: str | None = None
    text: dict[Language, str] = Field(default_factory=dict)


class InfoCodePolicy(PolicyModel):
    """What a utility may decide about info codes.

    Attributes:
        codes: Meanings by medium (``any`` for all) and code.
        max_age_intervals: Age of a reading, in expected intervals, from which a code that it shows is stale.
        max_age_h: That age of sources without such an interval, by source [h].
        few_observations_days: Observed days of the last 30 below which the count says little.
        alert_days: Days of activity in the last 30 beyond which the list says so; never where ``None``.
    """

    codes: dict[str, dict[str, CodeMeaning]]
    max_age_intervals: Annotated[float, Field(gt=0)]
    max_age_h: dict[str, Hours]
    few_observations_days: Annotated[int, Field(ge=0, le=30)]
    alert_days: Annotated[int, Field(ge=0, le=30)] | None

    def decided(self, medium: str, code: str) -> CodeMeaning:
        """What is decided about a code of a medium, its own words before those for all media."""
        own, common = (self.codes.get(name, {}).get(code, CodeMeaning()) for name in (medium, ANY))
        return CodeMeaning(
            priority=own.priority or common.priority, icon=own.icon or common.icon, text=common.text | own.text
        )

    def saying(self, medium: str, code: str, meaning: CodeMeaning | None) -> "InfoCodePolicy":
        """The policy with another meaning of a code of a medium; ``None`` takes back what was decided of it."""
        codes = {name: dict(said) for name, said in self.codes.items()}
        codes.setdefault(medium, {}).pop(code, None)
        if meaning is not None:
            codes[medium][code] = meaning
        return self.model_copy(update={"codes": {name: said for name, said in codes.items() if said}})

    def priorities(self, shipped: Mapping[str, str]) -> pl.DataFrame:
        """The priority of every code.

        Args:
            shipped: Priority by code, as the device files say.

        Returns:
            ``medium``, ``code`` and ``priority``: those of a medium that differ, and of ``any`` all others.
        """
        chosen = {(ANY, code): priority for code, priority in shipped.items()}
        for medium in sorted(self.codes, key=lambda name: name != ANY):
            for code, meaning in self.codes[medium].items():
                if meaning.priority:
                    chosen[medium, code] = meaning.priority
        rows = [(*place, priority) for place, priority in chosen.items()]
        return pl.DataFrame(rows, schema=dict.fromkeys(("medium", "code", "priority"), pl.String), orient="row")
