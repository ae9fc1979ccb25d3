"""Registries of tests on SQLite: a process makes the tables once, and each test gets a copy of the file."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.store import Registry


def new_registry(file: Path) -> str:
    """Puts an empty registry at the newest schema in place.

    Args:
        file: Where; its folder is made.

    Returns:
        Its address.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated())
    return f"sqlite:///{file}"


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "registry.sqlite"
        Registry.open(f"sqlite:///{file}").engine.dispose()
        return file.read_bytes()
