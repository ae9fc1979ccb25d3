"""All meter families: those of the device files, checked against each other, and which of them a meter belongs to."""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import combinations

from decoders.device_files import DeviceFileError, read_device_file
from decoders.family import Family

_SUFFIX = ".toml"


@cache
def families() -> tuple[Family, ...]:
    """The families of all device files, in the order of their precedence.

    Raises:
        DeviceFileError: A device file is wrong, or two contradict each other.
    """
    found = [
        read_device_file(item.name, item.read_text(encoding="utf-8"))
        for item in files("decoders.devices").iterdir()
        if item.name.endswith(_SUFFIX)
    ]
    return in_order(found)


def in_order(found: Sequence[Family]) -> tuple[Family, ...]:
    """Checks families against each other and sorts them by precedence, then by name.

    Raises:
        DeviceFileError: Two files of one precedence are for the same meter, a kind of info code is told twice or not at
            all.
    """
    for one, other in combinations(sorted(found, key=lambda family: family.file), 2):
        if one.precedence == other.precedence and _overlap(one, other):
            raise DeviceFileError(
                f"{one.file}: detect: {other.file} is for the same meter; one of them needs a higher precedence"
            )
    owners: dict[str, str] = {}
    for family in found:
        for table in family.info_codes:
            owner = owners.setdefault(table.kind, family.file)
            if owner != family.file:
                raise DeviceFileError(f"{family.file}: info_code_kinds.{table.kind}: {owner} tells it already")
    for family in found:
        for rule in family.fields:
            if rule.kind is not None and rule.kind not in owners:
                raise DeviceFileError(f"{family.file}: field.kind: {rule.kind!r} is not told by any file")
    return tuple(sorted(found, key=lambda family: (-family.precedence, family.file)))


def _overlap(one: Family, other: Family) -> bool:
    return any(ours.overlaps(theirs) for ours in one.detects for theirs in other.detects)


@lru_cache(maxsize=4096)  # bounded: device bytes come from the air
def of_device(manufacturer: str, version: str, device_type: str) -> tuple[Family, ...]:
    """Families whose rules are for a meter, those that come first first.

    Args:
        manufacturer: Three letters.
        version: Version byte, two lower-case hex digits.
        device_type: Device type byte, likewise.
    """
    return tuple(family for family in families() if family.fits(manufacturer, version, device_type))
