"""The key vault: wraps keys with AES-GCM under data keys, which themselves lie wrapped under a master key.

The registry holds the data keys (:mod:`registry.data_keys`), the master key lies outside of it
(:mod:`registry.master_keys`). A record names the data key it is under, so that a rotation may go on while other
processes still write under the one before.
"""

import hmac
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import RegistryError
from registry.master_keys import make_file, read_file

_NONCE_BYTES = 12
_MARK = b"MHK\x02"
_HEADER_BYTES = len(_MARK) + 2
"""Mark and number of the data key; records under data key 1 have neither."""


class KeyVault:
    """Wraps and unwraps keys.

    Args:
        first: Data key 1, 32 bytes.
        later: Later data keys by number from 2; the highest one wraps.
    """

    def __init__(self, first: bytes, later: Mapping[int, bytes] | None = None) -> None:
        data_keys = {1: first, **(later or {})}
        self._ciphers = {number: AESGCM(key) for number, key in data_keys.items()}
        self._newest = max(self._ciphers)
        # Digests stay comparable over rotations. One who learns this key learns nothing of keys that are random.
        self._digest_key = hmac.digest(first, b"digest", "sha256")
        self._pseudonym_key = hmac.digest(first, b"pseudonym", "sha256")

    @classmethod
    def create(cls, path: Path) -> "KeyVault":
        """Makes a new master key file, readable by its owner alone, and a vault on it.

        Args:
            path: Where; must not exist.

        Returns:
            A vault without a registry: the master key is its one data key.

        Raises:
            RegistryError: The file exists or cannot be written.
        """
        return cls(make_file(path).value)

    @classmethod
    def open(cls, path: Path) -> "KeyVault":
        """Reads a master key file; see :meth:`create`.

        Raises:
            RegistryError: The file is missing, open to others, or holds no master key.
        """
        return cls(read_file(path).value)

    def wrap(self, key: bytes, organisation: str, meter_id: str) -> bytes:
        """Encrypts a key for a meter."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        header = b"" if self._newest == 1 else _MARK + self._newest.to_bytes(2, "big")
        return header + nonce + self._ciphers[self._newest].encrypt(nonce, key, _bound(organisation, meter_id))

    def unwrap(self, wrapped: bytes, organisation: str, meter_id: str) -> bytes:
        """Decrypts a meter's key.

        Raises:
            RegistryError: It was wrapped under another data key, or for another meter.
        """
        bound = _bound(organisation, meter_id)
        try:
            if wrapped.startswith(_MARK):
                cipher = self._ciphers.get(int.from_bytes(wrapped[len(_MARK) : _HEADER_BYTES], "big"))
                if cipher is None:
                    raise RegistryError(
                        f"The key of {meter_id} was wrapped after a rotation this process has not seen: start it again."
                    )
                return cipher.decrypt(
                    wrapped[_HEADER_BYTES:][:_NONCE_BYTES], wrapped[_HEADER_BYTES:][_NONCE_BYTES:], bound
                )
            return self._ciphers[1].decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
        except InvalidTag as exc:
            raise RegistryError(f"The key of {meter_id} does not open under this master key.") from exc

    def digest(self, key: bytes) -> bytes:
        """A keyed digest by which equal keys are recognised without opening them."""
        return hmac.digest(self._digest_key, key, sha256)

    def pseudonym(self, organisation: str, name: str) -> bytes:
        """A keyed digest by which somebody is recognised whose name is not kept: 32 bytes.

        Names are guessable: who has the master key and the registry can try them all.
        """
        return hmac.digest(self._pseudonym_key, f"{organisation}|{name}".encode(), sha256)


def _bound(organisation: str, meter_id: str) -> bytes:
    return f"{organisation}|{meter_id}".encode()
