"""Destinations: YAML documents that say where files go. What proves who we are is never in them."""

import re
import ssl
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

import yaml  # type: ignore[import-untyped]
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from connectors.errors import ConnectorError
from warehouse.plain_yaml import read_settings, understood

_ADDRESS = re.compile(r"[!-?A-~]+@[^\s@]+")


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds a line break or another character that cannot be printed")
    return text


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text:
        raise ValueError("it is a folder inside the export folder: relative, and without ..")
    return text


def _certificates(text: str) -> str:
    if "PRIVATE KEY" in text:
        raise ValueError("it holds a private key; give the certificate alone")
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        pass  # the error tells nothing
    else:
        return text
    raise ValueError("it is no certificate in PEM")


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError("it is no SHA-256 in hex, as `openssl x509 -fingerprint -sha256` prints it")
    return digits


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or not text.isprintable():
        raise ValueError("it is no e-mail address, or has other letters than ASCII before the @")
    return text


Plain = Annotated[str, AfterValidator(_plain)]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s/@\[\]]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Account = Annotated[Plain, Field(min_length=1, max_length=200)]
RemoteFolder = Annotated[Plain, Field(min_length=1, max_length=1000)]
Address = Annotated[str, AfterValidator(_address)]


class _Destination(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def written(self) -> str:
        """The same as a YAML document; what is not set is left out."""
        settings = self.model_dump(mode="json", exclude_none=True)
        return str(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


class FolderDestination(_Destination):
    """A folder of this machine, or of a disk that is mounted there.

    Attributes:
        path: Folder inside the export folder of the settings; it is made where it is missing.
    """

    kind: Literal["folder"]
    path: Annotated[Plain, Field(min_length=1, max_length=1000), AfterValidator(_inside)] = "."

    @property
    def label(self) -> str:
        """The destination, for messages."""
        return f"folder {self.path}"


class SftpDestination(_Destination):
    """An account on an SFTP server.

    Attributes:
        host: Server.
        port: Its port.
        username: Account.
        folder: Folder there; relative to the account's home.
        host_key: Lines of OpenSSH's ``known_hosts`` that pin the server's keys; any of them will do.
        auth: What the sealed secret is.
    """

    kind: Literal["sftp"]
    host: Host
    port: Port = 22
    username: Account
    folder: RemoteFolder = "."
    host_key: Annotated[str, Field(max_length=20_000)]
    auth: Literal["password", "private_key"] = "password"

    @model_validator(mode="after")
    def _pins(self) -> Self:
        from connectors.sftp_session import pinned  # the library costs a command a fifth of a second

        lines = [line for line in self.host_key.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if not lines or any(not pinned(line, self.host, self.port) for line in lines):
            name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
            raise ValueError(
                f"host_key: each line has to be one of a known_hosts file for {name}, as `ssh-keyscan -p {self.port} "
                f"{self.host}` prints it; compare it with what the server's operator says"
            )
        return self

    @property
    def label(self) -> str:
        """The destination, for messages."""
        return f"sftp://{self.username}@{self.host}:{self.port}"


class FtpsDestination(_Destination):
    """An account on an FTP server, over TLS alone.

    Attributes:
        host: Server; its certificate has to bear this name.
        port: Its port; by default 21, and 990 with implicit TLS.
        username: Account.
        folder: Folder there; where the login leads by default.
        implicit: Whether the connection begins with TLS; otherwise it is asked for (``AUTH TLS``) before the login.
        certificate: Certificates to trust instead of those of the machine (PEM).
        allow_self_signed: Whether a certificate is taken that nobody has signed, whatever name it bears.
        fingerprint: SHA-256 of that certificate in hex; without it, any certificate is taken.
    """

    kind: Literal["ftps"]
    host: Host
    port: Port | None = None
    username: Account
    folder: RemoteFolder = "."
    implicit: bool = False
    certificate: Annotated[str, AfterValidator(_certificates)] | None = None
    allow_self_signed: bool = False
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = None

    @model_validator(mode="after")
    def _one_trust(self) -> Self:
        if self.certificate and self.allow_self_signed:
            raise ValueError("certificate: with allow_self_signed it is not looked at; leave one of them out")
        if self.fingerprint and not self.allow_self_signed:
            raise ValueError("fingerprint: it is looked at with allow_self_signed alone")
        return self

    @property
    def actual_port(self) -> int:
        """The port, also where none is named."""
        return self.port or (990 if self.implicit else 21)

    @property
    def label(self) -> str:
        """The destination, for messages."""
        return f"ftps://{self.username}@{self.host}:{self.actual_port}"


class MailDestination(_Destination):
    """Addresses that get each file as an attachment, through the outbox.

    Attributes:
        to: Addresses; each gets a message of its own.
        subject: Template of the subject, with the places of file names.
        manifest: Whether the manifest is attached, too.
        language: Language of the letter.
    """

    kind: Literal["mail"]
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50, repr=False)]
    subject: Annotated[Plain, Field(min_length=1, max_length=200)] = "{job} {from} {to}"
    manifest: bool = True
    language: Literal["de", "en", "es", "sv", "da", "nb", "fr"] = "en"

    @property
    def label(self) -> str:
        """The destination, for messages; without the addresses."""
        return f"mail to {len(self.to)} recipients"


Destination = Annotated[
    FolderDestination | SftpDestination | FtpsDestination | MailDestination, Field(discriminator="kind")
]
"""Where files go."""

_READER: TypeAdapter[Destination] = TypeAdapter(Destination)


def read_destination(document: str) -> Destination:
    """Reads a destination's document.

    Args:
        document: YAML.

    Returns:
        What it says.

    Raises:
        ConnectorError: It is not understood; the message names the places, and nothing that stands there.
    """
    with understood("The destination", ConnectorError):
        return _READER.validate_python(read_settings(document.encode()))


def destination_of(settings: Mapping[str, object]) -> Destination:
    """A destination of its settings, as :func:`read_destination` finds them in a document."""
    with understood("The destination", ConnectorError):
        return _READER.validate_python(settings)
