"""Errors of connectors.

::

    ConnectorError
    ├── Transient   may pass by itself: time-out, lost connection, file in use; try again
    ├── Permanent   will not pass by itself: unknown host key, refused login, missing folder, full disk of our own
    └── MessageUndelivered   a message to a person was not handed over; its trouble says what that means
"""

from enum import Enum


class ConnectorError(Exception):
    """Bytes could not be moved. The message names the file or server and the remedy, never a secret."""


class Transient(ConnectorError):  # noqa: N818 - the kind is the name
    """A later attempt may succeed."""


class Permanent(ConnectorError):  # noqa: N818 - the kind is the name
    """Somebody has to do something first."""


class Trouble(Enum):
    """What a failure means for the messages that wait."""

    SERVER = "server"
    """No message can be sent now: the server is away, or refuses us."""
    LATER = "later"
    """This message was not taken now; another may be."""
    NEVER = "never"
    """This message will never be taken."""


class MessageUndelivered(ConnectorError):  # noqa: N818 - what became of it is the name
    """A message was not handed over. The text names server and remedy, never an address or what the message says.

    Attributes:
        trouble: What it means for the messages that wait.
    """

    def __init__(self, text: str, trouble: Trouble = Trouble.SERVER) -> None:
        super().__init__(text)
        self.trouble = trouble
