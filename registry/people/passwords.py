"""Passwords: what makes one good enough, and how they are kept (Argon2id, 64 MiB, three passes)."""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cache
from threading import BoundedSemaphore

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from registry.people.errors import PasswordError

_SALT_BYTES = 16
_LENGTH = 32
_PASSES = 3
_LANES = 1
"""More than one lane hangs for ever when several threads compute at once (cryptography 50, OpenSSL's pool)."""
_MEMORY_KIB = 64 * 1024

_AT_ONCE = BoundedSemaphore(4)
"""Each computation takes its memory; a burst of sign-ins waits instead of exhausting the machine's."""

LONGEST = 256
"""Characters of the longest password."""

_SHORTEST_NAME = 3
"""Letters a part of a name has at least to be looked for in a password."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a password must be.

    Attributes:
        name: Its name.
        length: Characters at least.
        classes: How many of the classes lower-case letter, upper-case letter, digit, other must occur.
        forbids_identity: Whether the person's name and user name must not occur.
    """

    name: str
    length: int
    classes: int
    forbids_identity: bool


BASIC = Policy("basic", length=8, classes=3, forbids_identity=True)
KEYVAULT = Policy("keyvault", length=12, classes=4, forbids_identity=True)
POLICIES = {policy.name: policy for policy in (BASIC, KEYVAULT)}


def check(policy: Policy, password: str, *, name: str | None, email: str | None) -> None:
    """Refuses a password that is not good enough.

    Args:
        policy: What it must be.
        password: The password.
        name: The person's full name.
        email: The person's e-mail address, which is the user name.

    Raises:
        PasswordError: It is not; the message names every reason.
    """
    faults: list[tuple[str, str, dict[str, object]]] = []
    if len(password) < policy.length:
        faults.append((f"at least {policy.length} characters", "fault_length", {"least": policy.length}))
    if len(password) > LONGEST:
        faults.append((f"at most {LONGEST} characters", "fault_longest", {"most": LONGEST}))
    found = (
        any(letter.islower() for letter in password),
        any(letter.isupper() for letter in password),
        any(letter.isdigit() for letter in password),
        any(not letter.isalnum() for letter in password),
    )
    if sum(found) < policy.classes:
        needs_all = policy.classes == len(found)
        of, name = ("all of", "fault_all") if needs_all else (f"{policy.classes} of the classes", "fault_some")
        text = f"{of} lower-case letters, upper-case letters, digits and other characters"
        faults.append((text, name, {"classes": policy.classes}))
    if policy.forbids_identity and any(part in password.casefold() for part in _identity(name, email)):
        faults.append(("neither your name nor your user name in it", "fault_identity", {}))
    if faults:
        told = "; ".join(text for text, _, _ in faults)
        raise PasswordError(f"The password needs {told}.", faults=[(name, values) for _, name, values in faults])


def _identity(name: str | None, email: str | None) -> set[str]:
    """Full name, user name with and without its domain, and the words of the name, in small letters."""
    user = (email or "").casefold()
    full = (name or "").casefold()
    parts = {full, full.replace(" ", ""), user, user.partition("@")[0], *re.split(r"[\s.,-]+", full)}
    return {part for part in parts if len(part) >= _SHORTEST_NAME}


def derive(password: str) -> str:
    """The form in which a password is kept: a PHC string with its salt and costs."""
    with _AT_ONCE:
        return _cipher().derive_phc_encoded(_material(password))


def verify(password: str, kept: str | None) -> bool:
    """Whether a password is the kept one; takes as long where none is kept."""
    against = kept or _nobody()
    try:
        with _AT_ONCE:
            Argon2id.verify_phc_encoded(_material(password), against)
    except InvalidKey:
        return False
    return kept is not None


def _cipher() -> Argon2id:
    return Argon2id(
        salt=secrets.token_bytes(_SALT_BYTES), length=_LENGTH, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    )


@cache
def _nobody() -> str:
    """Something to verify against for accounts that do not exist."""
    return derive(secrets.token_hex(_LENGTH))


def _material(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
