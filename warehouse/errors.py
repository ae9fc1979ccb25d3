"""Errors of the warehouse.

WarehouseError
├── LakeError   a table could not be read or written
└── SqlError    a query was refused or failed
"""

import errno

_DISK_FULL = ("no space left on device", "disk quota exceeded", f"os error {errno.ENOSPC}", f"os error {errno.EDQUOT}")


class WarehouseError(Exception):
    """Something in the warehouse failed; the message names the thing and the remedy."""


class LakeError(WarehouseError):
    """A table of the lake could not be read or written; what it held before, it still holds."""


class SqlError(WarehouseError):
    """A query is not one that may be run here, or it failed."""


def write_failure(table: str, root: str, exc: Exception) -> LakeError:
    """What to say of a write that failed.

    Args:
        table: Name of the table.
        root: Where the lake is.
        exc: What went wrong.
    """
    if any(sign in str(exc).lower() for sign in _DISK_FULL):
        return LakeError(
            f"{table}: the disk of {root} is full. Nothing was half written: the table reads as before. "
            "Free some space and repeat."
        )
    return LakeError(f"{table}: cannot be written in {root}: {exc}")
