"""Errors of the warehouse.

WarehouseError
├── LakeError   a table could not be read or written
└── SqlError    a query was refused or failed
"""


class WarehouseError(Exception):
    """Something in the warehouse failed; the message names the thing and the remedy."""


class LakeError(WarehouseError):
    """A table of the lake could not be read or written; what it held before, it still holds."""


class SqlError(WarehouseError):
    """A query is not one that may be run here, or it failed."""
