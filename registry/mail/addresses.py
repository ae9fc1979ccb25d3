"""E-mail addresses and telephone numbers, checked before a message is kept for one."""

import re
from email.errors import MessageError
from email.headerregistry import Address

from registry.errors import RegistryError

LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3)."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SPACED = str.maketrans("", "", " -./()")


def check_address(address: str) -> str:
    """Refuses what no message can be sent to.

    Args:
        address: Such as ``kim@example.org``.

    Returns:
        The address.

    Raises:
        RegistryError: It is none, or one that few servers take. The text does not repeat it, since it is personal data.
    """
    if not address.rpartition("@")[0].isascii():
        raise RegistryError(
            "The recipient's address has letters beyond ASCII before the @, which few mail servers take."
        )
    refusal = RegistryError("The recipient is no e-mail address such as name@example.org.")
    if not 0 < len(address) <= LONGEST or any(letter.isspace() or not letter.isprintable() for letter in address):
        raise refusal
    try:
        parsed = Address(addr_spec=address)
    except (MessageError, ValueError, IndexError):
        raise refusal from None
    # A quoted or bracketed form would be rewritten on the way: what is kept is what is sent to.
    if not parsed.username or not parsed.domain or parsed.addr_spec != address or '"' in address or "[" in address:
        raise refusal
    return address


def check_number(number: str) -> str:
    """Refuses what no text message can be sent to.

    Args:
        number: International telephone number (ITU-T E.164), such as ``+45 12 34 56 78``.

    Returns:
        The number without blanks, points, hyphens, slashes and brackets.

    Raises:
        RegistryError: It is none. The text does not repeat it, since it is personal data.
    """
    plain = number.translate(_SPACED)
    if not _E164.fullmatch(plain):
        raise RegistryError("The recipient is no telephone number with its country, such as +4512345678.")
    return plain
