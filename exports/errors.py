"""Errors of this package."""


class ExportError(Exception):
    """A file cannot be written; the message says which row or setting, and what to do."""
