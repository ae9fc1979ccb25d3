"""Keys of persons: what is encrypted under them is erased by destroying the key."""

import hmac
import secrets
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import SubjectKey
from registry.vault import KeyVault

_MARK_BYTES = 8
_NONCE_BYTES = 12
_KEY_BITS = 256


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
    key = _key(session, vault, organisation, subject)
    if key is None:
        key = AESGCM.generate_key(_KEY_BITS)
        wrapped = vault.wrap(key, organisation, bound_name(subject))
        session.add(SubjectKey(organisation=organisation, subject=subject, wrapped=wrapped, created_at=now))
        session.flush()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _mark(key) + nonce + AESGCM(key).encrypt(nonce, content, subject.encode())


def unseal(session: Session, vault: KeyVault, organisation: str, subject: str, sealed: bytes) -> bytes | None:
    """Decrypts; ``None`` where the key it is under is destroyed, or is that of another person.

    Raises:
        RegistryError: The content was altered.
    """
    key = _key(session, vault, organisation, subject)
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


def _key(session: Session, vault: KeyVault, organisation: str, subject: str) -> bytes | None:
    row = session.get(SubjectKey, (organisation, subject))
    return None if row is None else vault.unwrap(row.wrapped, organisation, bound_name(subject))


def _mark(key: bytes) -> bytes:
    return hmac.digest(key, b"mark", "sha256")[:_MARK_BYTES]


def bound_name(subject: str) -> str:
    """What a person's wrapped key is bound to."""
    return f"subject:{subject}"
