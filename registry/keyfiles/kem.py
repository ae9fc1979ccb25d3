"""Kamstrup's key files KEM and KEM2: lists of meters in XML, encrypted under a password.

The document is XML Encryption with departures: AES-128-CBC under the password padded with zeros, which is the
initialisation vector, too. Nothing proves a password but that readable XML comes out.
"""

import base64
import binascii
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from registry.errors import RegistryError
from registry.keyfiles.errors import KeyFileError, KeyPasswordError
from registry.keyfiles.lines import KeyFile, key_line
from registry.xml_trees import first, local_name, outermost, parse_xml, text_of

PASSWORD_BYTES = 16
"""A password is no longer than the key that is made of it."""

_BLOCK = 16

_FORMS = {
    "MetersInOrder": (
        "KEM", "Meter", {"manufacturer": "VendorId", "serial": "SerialNo", "model": "MeterName"}, "DEK"
    ),
    "Devices": (
        "KEM2", "Device", {"manufacturer": "ManufacturerId", "serial": "SerialNumber", "model": "ShortName"}, "Value"
    ),
}  # fmt: skip
"""By root: name of the form, element of a device, elements of its fields, and of its key: the first at any depth, since
how keys nest is not documented. Version and device type are not said."""


def read_kem(content: bytes, name: str, password: Callable[[], str]) -> KeyFile:
    """Reads a KEM or KEM2 file.

    Args:
        content: The XML, encrypted or not.
        name: Name of the file, for messages.
        password: Gives the password; asked only where the file is encrypted.

    Returns:
        Its devices in their order, counted from 1.

    Raises:
        KeyFileError: It is no such file or damaged, or the password does not open it.
    """
    root = _parsed(content, name, f"{name} is no well-formed XML. Fetch the file again.")
    if local_name(root) not in _FORMS:
        data = first(root, "CipherData")
        cipher_text = None if data is None else text_of(data, "CipherValue")
        if cipher_text is None:
            raise KeyFileError(f"{name} is no KEM file: it has neither encrypted data nor a list of meters.")
        root = _opened(cipher_text, name, password())
    if local_name(root) not in _FORMS:
        raise KeyFileError(f"{name} holds neither MetersInOrder (KEM) nor Devices (KEM2) and is not understood.")
    form, record, fields, key = _FORMS[local_name(root)]
    lines = (
        key_line(number, {field: text_of(device, tag) for field, tag in fields.items()}, {"key": text_of(device, key)})
        for number, device in enumerate(outermost(root, record), start=1)
    )
    return KeyFile(form, "device", tuple(lines))


def _opened(cipher_text: str, name: str, password: str) -> ET.Element:
    """The document under the password."""
    secret = password.encode(errors="surrogatepass")  # an error would show the password
    if len(secret) > PASSWORD_BYTES:
        raise KeyPasswordError(f"The password of {name} cannot be longer than {PASSWORD_BYTES} bytes; check it.")
    secret = secret.ljust(PASSWORD_BYTES, b"\0")
    damaged = f"{name} is damaged: its encrypted data does not form a document. Fetch the file again."
    try:
        data = base64.b64decode(re.sub(r"\s", "", cipher_text), validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or len(data) % _BLOCK:
        raise KeyFileError(damaged)
    plain = Cipher(algorithms.AES(secret), modes.CBC(secret)).decryptor().update(data)
    plain = plain.removeprefix(b"\xef\xbb\xbf")
    readable = plain.startswith(b"<") and _is_text(plain[: _BLOCK - 3])
    if not readable:
        raise KeyPasswordError(f"The password does not open {name}: what comes out is no XML. Check the password.")
    return _parsed(plain[: plain.rfind(b">") + 1], name, damaged)


def _is_text(data: bytes) -> bool:
    return all(byte in b"\t\r\n" or 0x20 <= byte < 0x7F for byte in data)


def _parsed(content: bytes, name: str, complaint: str) -> ET.Element:
    try:
        return parse_xml(content, name)
    except RegistryError as exc:
        raise KeyFileError(str(exc)) from None
    except ValueError:
        root = None
    if root is None:  # outside, so that no error that saw the content hangs on this one
        raise KeyFileError(complaint)
    return root
