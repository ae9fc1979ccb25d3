"""Gates: what must hold of a file's values before it leaves."""

from collections.abc import Mapping

from exports.jobs import Gate

_QUALITIES = {"missing": "N", "estimated": "E", "interpolated": "I", "rejected": "R"}
_WHOLE = 100


def held_back_by(gate: Gate, qualities: Mapping[str, int], *, expected: int | None = None, heard: int = 0) -> list[str]:
    """Why a file is to be withheld.

    Args:
        gate: Greatest shares [%].
        qualities: Rows of the file by quality letter.
        expected: Meters that the file should tell of, where a meter that is missing leaves no row; ``None`` where it
            does.
        heard: Those of them that it tells of.

    Returns:
        One sentence per share that is too great, without anybody's name; none where the file may leave. A file without
        rows may where nothing was expected.
    """
    rows = sum(qualities.values())
    reasons = []
    if expected and gate.missing is not None and _WHOLE * (expected - heard) > gate.missing * expected:
        silent = expected - heard
        reasons.append(
            f"{silent} of {expected} meters have no reading ({_WHOLE * silent / expected:.2f} %), "
            f"more than {gate.missing:g} %."
        )
    for name, letter in _QUALITIES.items():
        most, count = getattr(gate, name), qualities.get(letter, 0)
        if most is not None and _WHOLE * count > most * rows:
            reasons.append(
                f"{count} of {rows} values are {name} ({_WHOLE * count / rows:.2f} %), more than {most:g} %."
            )
    return reasons
