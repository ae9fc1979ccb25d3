"""The key vault: wraps keys with AES-GCM under a master key that lies outside the database."""

import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import RegistryError

_NONCE_BYTES = 12
_MASTER_BYTES = 32


class KeyVault:
    """Wraps and unwraps keys under one master key.

    Args:
        master: The master key, 32 bytes.
    """

    def __init__(self, master: bytes) -> None:
        self._cipher = AESGCM(master)
        self._digest_key = hmac.digest(master, b"digest", "sha256")

    @classmethod
    def create(cls, path: Path) -> "KeyVault":
        """Makes a new master key file, readable by its owner alone.

        Args:
            path: Where; must not exist.

        Returns:
            The vault.

        Raises:
            RegistryError: The file exists or cannot be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as exc:
            raise RegistryError(f"{path} exists: a master key is never overwritten.") from exc
        except OSError as exc:
            raise RegistryError(f"The master key {path} cannot be written: {exc.strerror}.") from exc
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(_MASTER_BYTES))
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "KeyVault":
        """Reads a master key file.

        Args:
            path: The file.

        Returns:
            The vault.

        Raises:
            RegistryError: The file is missing, open to others, or holds no master key.
        """
        try:
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise RegistryError(f"The master key {path} is open to others: run 'chmod 600 {path}'.")
            master = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except OSError as exc:
            raise RegistryError(
                f"The master key {path} cannot be read: {exc.strerror}. Restore it from its copy, or name it in "
                "METERHOUSE_MASTER_KEY_FILE."
            ) from exc
        except ValueError as exc:
            raise RegistryError(f"{path} holds no master key.") from exc
        if len(master) != _MASTER_BYTES:
            raise RegistryError(f"{path} holds no master key.")
        return cls(master)

    def wrap(self, key: bytes, organisation: str, meter_id: str) -> bytes:
        """Encrypts a key for a meter."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, _bound(organisation, meter_id))

    def unwrap(self, wrapped: bytes, organisation: str, meter_id: str) -> bytes:
        """Decrypts a meter's key.

        Raises:
            RegistryError: It was wrapped under another master key, or for another meter.
        """
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _bound(organisation, meter_id))
        except InvalidTag as exc:
            raise RegistryError(f"The key of {meter_id} does not open under this master key.") from exc

    def digest(self, key: bytes) -> bytes:
        """A keyed digest by which equal keys are recognised without opening them."""
        return hmac.digest(self._digest_key, key, sha256)


def _bound(organisation: str, meter_id: str) -> bytes:
    return f"{organisation}|{meter_id}".encode()
