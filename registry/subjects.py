"""Keys of persons: what is encrypted under them is erased by destroying the key."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry.bulk import insert_rows
from registry.errors import RegistryError
from registry.models import SubjectKey
from registry.vault import KeyVault

_MARK_BYTES = 8
_NONCE_BYTES = 12
_KEY_BITS = 256
_AT_ONCE = 5_000


def seal(session: Session, vault: KeyVault, organisation: str, subject: str, content: bytes, now: datetime) -> bytes:
    """Encrypts under the person's key, which is made where there is none.

    Args:
        session: A writing transaction.
        vault: Wraps the key.
        organisation: Who keeps the data.
        subject: The person, by a name without meaning.
        content: What tells of the person.
        now: Instant of the change.

    Returns:
        Mark of the key, nonce and ciphertext.
    """
    return seal_all(session, vault, organisation, [(subject, content)], now)[0]


def seal_all(
    session: Session,
    vault: KeyVault,
    organisation: str,
    contents: Sequence[tuple[str, bytes]],
    now: datetime,
) -> list[bytes]:
    """Encrypts what tells of many persons, as :func:`seal`, in a query per thousands.

    Args:
        session: A writing transaction.
        vault: Wraps the keys.
        organisation: Who keeps the data.
        contents: The person, and what tells of them.
        now: Instant of the change.

    Returns:
        What is encrypted, in their order.
    """
    session.flush()
    keys = _keys(session, vault, organisation, list(dict.fromkeys(subject for subject, _ in contents)))
    made = {subject: AESGCM.generate_key(_KEY_BITS) for subject, _ in contents if subject not in keys}
    wrapped = [
        {
            "organisation": organisation,
            "subject": subject,
            "wrapped": vault.wrap(key, organisation, bound_name(subject)),
            "created_at": now,
        }
        for subject, key in made.items()
    ]
    insert_rows(session, SubjectKey, wrapped)
    keys |= made
    return [_sealed(keys[subject], subject, content) for subject, content in contents]


def _sealed(key: bytes, subject: str, content: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _mark(key) + nonce + AESGCM(key).encrypt(nonce, content, subject.encode())


def unseal(session: Session, vault: KeyVault, organisation: str, subject: str, sealed: bytes) -> bytes | None:
    """Decrypts; ``None`` where the key it is under is destroyed, or is that of another person.

    Raises:
        RegistryError: The content was altered.
    """
    key = _keys(session, vault, organisation, [subject]).get(subject)
    if key is None or sealed[:_MARK_BYTES] != _mark(key):
        return None
    nonce, text = sealed[_MARK_BYTES : _MARK_BYTES + _NONCE_BYTES], sealed[_MARK_BYTES + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, text, subject.encode())
    except InvalidTag as exc:
        raise RegistryError(f"What is kept of {subject} does not open: it was altered, or its key was.") from exc


def destroy(session: Session, organisation: str, subject: str) -> bool:
    """Destroys a person's key, and with it all that is encrypted under it.

    Returns:
        Whether there was one.
    """
    statement = delete(SubjectKey).where(SubjectKey.organisation == organisation, SubjectKey.subject == subject)
    return bool(session.connection().execute(statement).rowcount)


def _keys(session: Session, vault: KeyVault, organisation: str, subjects: Sequence[str]) -> dict[str, bytes]:
    """The persons' keys, of those who have one."""
    found: dict[str, bytes] = {}
    for start in range(0, len(subjects), _AT_ONCE):
        statement = select(SubjectKey.subject, SubjectKey.wrapped).where(
            SubjectKey.organisation == organisation, SubjectKey.subject.in_(subjects[start : start + _AT_ONCE])
        )
        for subject, wrapped in session.execute(statement):
            found[subject] = vault.unwrap(wrapped, organisation, bound_name(subject))
    return found


def _mark(key: bytes) -> bytes:
    return hmac.digest(key, b"mark", "sha256")[:_MARK_BYTES]


def bound_name(subject: str) -> str:
    """What a person's wrapped key is bound to."""
    return f"subject:{subject}"
