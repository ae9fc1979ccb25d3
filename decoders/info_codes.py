"""Info codes: names of the bits, duration classes and priorities, as tables."""

import tomllib
from importlib.resources import files

import polars as pl

_FACTS = tomllib.loads((files("decoders.devices") / "info_codes.toml").read_text(encoding="utf-8"))

BITS = pl.DataFrame(
    [
        (kind, int(bit), code)
        for kind, codes in _FACTS["bits"].items()
        for bit, code in sorted(codes.items(), key=lambda item: int(item[0]))
    ],
    schema={"kind": pl.String, "bit": pl.Int32, "code": pl.String},
    orient="row",
)
"""``kind``, ``bit`` (0 is the least significant), ``code``."""

CLASSES = pl.DataFrame(
    [
        (kind, code, shift, fields["mask"])
        for kind, fields in _FACTS["duration_classes"].items()
        for code, shift in fields["shift"].items()
    ],
    schema={"kind": pl.String, "code": pl.String, "shift": pl.Int32, "mask": pl.Int32},
    orient="row",
)
"""``kind``, ``code``, ``shift`` and ``mask`` of fields that say how long a code was active."""


def _priority(code: str) -> str:
    if code in _FACTS["ignore"]:
        return "ignore"
    return "high" if code in _FACTS["high"] else "normal"


PRIORITIES = BITS.select("kind", "code").with_columns(
    priority=pl.Series([_priority(code) for code in BITS["code"]], dtype=pl.String)
)
"""``kind``, ``code``, ``priority``: high, normal or ignore."""


def names(kind: str | None, word: int | None) -> list[str]:
    """Codes that are active in a word, in order of their bits; none where the kind has no table."""
    if word is None or kind is None:
        return []
    of_kind = BITS.filter(pl.col("kind") == kind)
    return [code for bit, code in of_kind.select("bit", "code").rows() if word >> bit & 1]
