"""What can become of a frame: one vocabulary everywhere."""

from typing import Final, Literal

Outcome = Literal[
    "decoded",
    "partial",
    "manufacturer_data",
    "application_error",
    "no_key",
    "wrong_key",
    "corrupt",
    "unknown_format",
    "unsupported",
    "foreign",
]

OUTCOMES: Final[dict[Outcome, str]] = {
    "decoded": "Every data record was read.",
    "partial": "Records were read up to a damage, which the reason names.",
    "manufacturer_data": "The payload has no DIF/VIF structure; its bytes are kept.",
    "application_error": "The meter reports an application error.",
    "no_key": "The frame is encrypted and no key is known.",
    "wrong_key": "Decryption failed with a key that has never verified a frame of this meter.",
    "corrupt": "CRC, checksum, length or MAC do not hold, or a proven key fails.",
    "unknown_format": "A compact frame whose format is not known yet.",
    "unsupported": "A security mode or structure that this version does not read.",
    "foreign": "The meter is not registered.",
}

WAITING: Final[frozenset[Outcome]] = frozenset(
    {"no_key", "wrong_key", "unknown_format", "unsupported", "manufacturer_data", "foreign"}
)
"""Outcomes that a key, a registration, a format or a newer decoder can still turn into readings."""


class Stop(Exception):  # noqa: N818  carries an outcome, not an error
    """A telegram goes no further than here.

    Attributes:
        outcome: What became of it.
        reason: Why.
        security: How it is secured, where that is known by now.
    """

    def __init__(self, outcome: Outcome, reason: str, security: str | None = None) -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome
        self.reason = reason
        self.security = security
