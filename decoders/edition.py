"""Which decoders these are: a digest of their code and device files.

Frames that no decoder could read wait for one that can; it is known by its digest.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

_SIGNIFICANT = (".py", ".toml")


@cache
def edition() -> str:
    """16 hex digits that change with every change of the decoders or of a device file."""
    return digest_of(files("decoders"))


def digest_of(folder: Traversable) -> str:
    """16 hex digits of the code and the device files in a folder and below it."""
    digest = sha256()
    for name, content in _contents(folder, ""):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        name = f"{prefix}{item.name}"
        if item.is_dir():
            yield from _contents(item, f"{name}/")
        elif name.endswith(_SIGNIFICANT):
            yield name, item.read_bytes()
