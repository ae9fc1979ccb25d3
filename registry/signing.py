"""Signatures: field devices know by them that a bundle or a revocation list is the installation's, and unchanged.

Ed25519 (RFC 8032). The private part never leaves the registry, where it lies wrapped as keys of meters do; the public
part is given to field devices once.
"""

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import SigningKey
from registry.vault import KeyVault

SIGNATURE_BYTES = 64
BOUND_NAME = "signing key"
"""What the wrapped private part is bound to, beside the organisation."""


class Signer:
    """Signs for one organisation.

    Args:
        private: Its private key.
    """

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()

    @property
    def key_id(self) -> str:
        """Name of the key: the first half of the public part, in hex."""
        return key_id(self.public)

    def sign(self, purpose: str, content: bytes) -> bytes:
        """Signs a content for one purpose: as a signature for another one it does not hold."""
        return self._private.sign(_bound(purpose, content))


def signer(session: Session, vault: KeyVault, organisation: str, *, identity: str, now: datetime) -> Signer:
    """The organisation's signer; its key is made where there is none.

    Args:
        session: A writing transaction.
        vault: Wraps the private part.
        organisation: Whose.
        identity: Who asks; the audit log tells who had the key made.
        now: When.
    """
    row = session.get(SigningKey, organisation)
    if row is not None:
        return Signer(Ed25519PrivateKey.from_private_bytes(vault.unwrap(row.wrapped, organisation, BOUND_NAME)))
    private = Ed25519PrivateKey.generate()
    made = Signer(private)
    wrapped = vault.wrap(private.private_bytes_raw(), organisation, BOUND_NAME)
    public = made.public.public_bytes_raw()
    session.add(SigningKey(organisation=organisation, public_key=public, wrapped=wrapped, created_at=now))
    audit.record(
        session,
        organisation=organisation,
        event="keys.signing",
        identity=identity,
        now=now,
        target=made.key_id,
        after={"public_key": public.hex()},
    )
    return made


def key_id(public: Ed25519PublicKey) -> str:
    """Name of a key: the first half of the public part, in hex."""
    return public.public_bytes_raw()[:16].hex()


def written(public: Ed25519PublicKey) -> str:
    """A public key as PEM, for field devices."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def read_public(text: str, name: str) -> Ed25519PublicKey:
    """Reads a public key.

    Raises:
        RegistryError: It is none of an installation.
    """
    try:
        public = serialization.load_pem_public_key(text.encode())
    except ValueError:
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise RegistryError(f"{name} is no public key of an installation: make it with 'meterhouse key public'.")
    return public


def check(public: Ed25519PublicKey, purpose: str, content: bytes, signature: bytes, name: str) -> None:
    """Refuses what the key has not signed.

    Raises:
        RegistryError: The content was changed, or is of another installation.
    """
    try:
        public.verify(signature, _bound(purpose, content))
    except InvalidSignature as exc:
        raise RegistryError(
            f"{name} is not as the installation of the key {key_id(public)} signed it: it was changed, or is of "
            "another one. Do not use it."
        ) from exc


def _bound(purpose: str, content: bytes) -> bytes:
    return f"meterhouse {purpose}\n".encode() + content
