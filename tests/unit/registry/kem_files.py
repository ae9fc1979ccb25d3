"""Writes key files as the documented layout has them, for tests; shares no code with the reader."""

import base64
import io
import zipfile

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PASSWORD = "order-4711"


def meter(serial: str, key: str, vendor: str = "KAM") -> str:
    """A meter of a KEM document."""
    return (
        f"<Meter><MeterNo>{serial}</MeterNo><SerialNo>{serial}</SerialNo><EncKeys><DEK>{key}</DEK></EncKeys>"
        f"<MeterName>MC21</MeterName><VendorId>{vendor}</VendorId></Meter>"
    )


def kem(*meters: str, password: str = PASSWORD) -> bytes:
    """A KEM file with these meters."""
    document = f'<MetersInOrder orderid="1" schemaVersion="2.0">{"".join(meters)}</MetersInOrder>'
    return encrypted(document.encode(), password)


def encrypted(document: bytes, password: str = PASSWORD) -> bytes:
    """A document under a password."""
    key = password.encode().ljust(16, b"\0")
    fill = 16 - len(document) % 16
    data = Cipher(algorithms.AES(key), modes.CBC(key)).encryptor().update(document + bytes([fill]) * fill)
    return (
        b'<?xml version="1.0" encoding="utf-8"?><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherData>'
        b"<CipherValue>" + base64.b64encode(data) + b"</CipherValue></CipherData></EncryptedData>"
    )


def zipped(**files: bytes) -> bytes:
    """A zip archive; an underscore in a name stands for a full stop."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name.replace("_", "."), content)
    return archive.getvalue()
