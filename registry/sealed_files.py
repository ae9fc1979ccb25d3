"""Files under a password: AES-256-GCM with a key that scrypt makes of the password.

A file is the line ``meterhouse-sealed-1``, a line of JSON that says how the key is made and what the file is, and the
ciphertext. Both lines are authenticated: whoever changes them makes a file that does not open. Where the JSON says by
which key the file is signed (``signed_by``), its last 64 bytes are the signature of all before them.
"""

import json
import secrets
from base64 import b64decode, b64encode
from importlib.metadata import version
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from registry.errors import RegistryError
from registry.signing import SIGNATURE_BYTES, Signer, check

MAGIC = b"meterhouse-sealed-1\n"
PURPOSE = "sealed file"
"""What signatures of files are for."""

MIN_PASSWORD = 12
"""Shortest password, as for the key vault's users."""

_N, _R, _P = 1 << 16, 8, 1
"""Cost of scrypt: 64 MiB, about a quarter of a second."""

_MAX_HEADER = 4096


def seal(content: bytes, password: str, about: dict[str, str], signer: Signer | None = None) -> bytes:
    """Encrypts a file.

    Args:
        content: What it is to hold.
        password: At least :data:`MIN_PASSWORD` characters.
        about: What the file is, readable without the password.
        signer: Signs it; ``None`` for a file that nobody has to vouch for.

    Returns:
        The file.

    Raises:
        RegistryError: The password is too short.
    """
    if len(password) < MIN_PASSWORD:
        raise RegistryError(f"The password must have at least {MIN_PASSWORD} characters: it goes out with the keys.")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    about = {**about, "meterhouse": version("meterhouse"), **({"signed_by": signer.key_id} if signer else {})}
    header = {**about, "kdf": "scrypt", "n": _N, "r": _R, "p": _P, "salt": _text(salt), "nonce": _text(nonce)}
    lines = MAGIC + json.dumps(header, sort_keys=True).encode() + b"\n"
    file = lines + AESGCM(_key(password, salt, _N)).encrypt(nonce, content, lines)
    return file + signer.sign(PURPOSE, file) if signer else file


def unseal(file: bytes, name: str, password: str) -> tuple[dict[str, Any], bytes]:
    """Decrypts a file.

    Args:
        file: The file.
        name: Its name, for messages.
        password: The password.

    Returns:
        What the file is, and what it holds.

    Raises:
        RegistryError: It is no such file, or was altered, or the password is another one.
    """
    header, lines = _header(file, name)
    if "signed_by" in header:
        file = file[:-SIGNATURE_BYTES]
    try:
        salt, nonce, cost = b64decode(header["salt"]), b64decode(header["nonce"]), int(header["n"])
        # Bounded, since who made the file is not known before it is open.
        if header["kdf"] != "scrypt" or cost not in {1 << bits for bits in range(14, 19)} or len(nonce) != 12:
            raise _refused(name)
    except (KeyError, TypeError, ValueError) as exc:
        raise _refused(name) from exc
    try:
        return header, AESGCM(_key(password, salt, cost)).decrypt(nonce, file[len(lines) :], lines)
    except InvalidTag as exc:
        raise RegistryError(f"The password does not open {name}, or the file was altered.") from exc


def check_signature(file: bytes, name: str, public: Ed25519PublicKey) -> dict[str, Any]:
    """Sees that a file is as an installation has signed it; needs no password.

    Args:
        file: The file.
        name: Its name, for messages.
        public: The installation's public key.

    Returns:
        What the file is.

    Raises:
        RegistryError: It is no such file, is not signed, was changed, or is of another installation.
    """
    header, _ = _header(file, name)
    if "signed_by" not in header:
        raise RegistryError(f"{name} is not signed: ask for a new bundle.")
    check(public, PURPOSE, file[:-SIGNATURE_BYTES], file[-SIGNATURE_BYTES:], name)
    return header


def _header(file: bytes, name: str) -> tuple[dict[str, Any], bytes]:
    end = file.find(b"\n", len(MAGIC), len(MAGIC) + _MAX_HEADER)
    if not file.startswith(MAGIC) or end < 0:
        raise _refused(name)
    try:
        header = json.loads(file[len(MAGIC) : end])
    except ValueError as exc:
        raise _refused(name) from exc
    if not isinstance(header, dict):
        raise _refused(name)
    return header, file[: end + 1]


def _refused(name: str) -> RegistryError:
    return RegistryError(f"{name} is no file that 'meterhouse key download' or 'key bundle' has made, or is damaged.")


def _key(password: str, salt: bytes, cost: int) -> bytes:
    secret = password.encode(errors="surrogatepass")  # an error would show the password
    return Scrypt(salt=salt, length=32, n=cost, r=_R, p=_P).derive(secret)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
