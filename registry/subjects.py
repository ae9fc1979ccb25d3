"""Keys of persons: what is encrypted under them is erased by destroying the key."""

import secrets
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import SubjectKey
from registry.vault import KeyVault

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
        Nonce and ciphertext.
    """
    key = _key(session, vault, organisation, subject)
    if key is None:
        key = AESGCM.generate_key(_KEY_BITS)
        wrapped = vault.wrap(key, organisation, bound_name(subject))
        session.add(SubjectKey(organisation=organisation, subject=subject, wrapped=wrapped, created_at=now))
        session.flush()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, subject.encode())


def unseal(session: Session, vault: KeyVault, organisation: str, subject: str, sealed: bytes) -> bytes | None:
    """Decrypts; ``None`` where the key is destroyed.

    Raises:
        RegistryError: The content was altered, or belongs to another person.
    """
    key = _key(session, vault, organisation, subject)
    if key is None:
        return None
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], subject.encode())
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


def bound_name(subject: str) -> str:
    """What a person's wrapped key is bound to."""
    return f"subject:{subject}"
