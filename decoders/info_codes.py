"""Info codes: names of the bits, duration classes and priorities, as tables from the device files."""

import polars as pl

from decoders.families import families

_KINDS = sorted((kind for family in families() for kind in family.info_codes), key=lambda kind: kind.kind)

BITS = pl.DataFrame(
    [(kind.kind, bit, code) for kind in _KINDS for bit, code in kind.bits.items()],
    schema={"kind": pl.String, "bit": pl.Int32, "code": pl.String},
    orient="row",
)
"""``kind``, ``bit`` (0 is the least significant), ``code``."""

CLASSES = pl.DataFrame(
    [(kind.kind, code, shift, kind.duration_mask) for kind in _KINDS for code, shift in kind.durations.items()],
    schema={"kind": pl.String, "code": pl.String, "shift": pl.Int32, "mask": pl.Int32},
    orient="row",
)
"""``kind``, ``code``, ``shift`` and ``mask`` of fields that say how long a code was active."""

PRIORITIES = pl.DataFrame(
    [(kind.kind, code, kind.priority(code)) for kind in _KINDS for code in kind.bits.values()],
    schema={"kind": pl.String, "code": pl.String, "priority": pl.String},
    orient="row",
)
"""``kind``, ``code``, ``priority``: high, normal or ignore."""


def names(kind: str | None, word: int | None) -> list[str]:
    """Codes that are active in a word, in order of their bits; none where the kind has no table."""
    if word is None or kind is None:
        return []
    of_kind = BITS.filter(pl.col("kind") == kind)
    return [code for bit, code in of_kind.select("bit", "code").rows() if word >> bit & 1]
