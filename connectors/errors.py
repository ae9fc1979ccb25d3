"""Errors of connectors.

::

    ConnectorError
    ├── Transient   may pass by itself: time-out, lost connection, file in use; try again
    └── Permanent   will not pass by itself: unknown host key, refused login, missing folder, full disk of our own
"""


class ConnectorError(Exception):
    """Bytes could not be moved. The message names the file or server and the remedy, never a secret."""


class Transient(ConnectorError):  # noqa: N818 - the kind is the name
    """A later attempt may succeed."""


class Permanent(ConnectorError):  # noqa: N818 - the kind is the name
    """Somebody has to do something first."""
