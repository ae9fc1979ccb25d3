"""What info codes mean here: priority, icon and name of each, as shipped and as decided."""

from collections.abc import Mapping

import polars as pl

from warehouse.info_texts import shipped_texts
from warehouse.policies.info_codes import InfoCodePolicy, Language
from warehouse.transforms.info_codes import ANY

_COLUMNS = ("medium", "code", "name", "priority", "shipped_priority", "icon", "decided")


def meanings(policy: InfoCodePolicy, shipped: Mapping[str, str], language: Language) -> pl.DataFrame:
    """Every code, and every decision about a code of one medium.

    Args:
        policy: The policy in force.
        shipped: Priority by code, as the device files say.
        language: Language of the names.

    Returns:
        ``medium`` (``any`` for all), ``code``, ``name``, ``priority``, ``shipped_priority`` (null for a code that no
        device file knows), ``icon`` and ``decided`` (whether the utility has said something of it), by code.
    """
    texts = shipped_texts()
    places = {(ANY, code) for code in shipped} | {
        (medium, code) for medium, said in policy.codes.items() for code in said
    }
    rows = []
    for medium, code in sorted(places, key=lambda place: (place[1], place[0] != ANY, place[0])):
        said, known = policy.decided(medium, code), texts.get(code)
        name = said.text.get(language) or (known.names[language] if known else code.replace("_", " ").capitalize())
        icon = said.icon or (known.icon if known else None)
        priority = said.priority or shipped.get(code, "normal")
        rows.append((medium, code, name, priority, shipped.get(code), icon, code in policy.codes.get(medium, {})))
    types = {column: pl.Boolean if column == "decided" else pl.String for column in _COLUMNS}
    return pl.DataFrame(rows, schema=types, orient="row")
