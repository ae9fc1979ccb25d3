"""A service that text messages are handed to over HTTP; which fields it wants is a matter of settings."""

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from connectors.errors import MessageUndelivered, Trouble

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Letters of the default alphabet (3GPP TS 23.038, 6.2.1)."""
_GSM7_TWICE = frozenset("^{}\\[~]|€\f")
"""Letters of its extension, which take two places."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PLACEHOLDER = re.compile(r"\{(to|text|id)\}")
_STATE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")
"""What is shown of a service's answer: a word alone, since answers repeat numbers and texts."""

_CUT = "..."
_MOST_ANSWER_BYTES = 64 * 1024
_OURS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.GONE})
"""Answers that are about this message; all others are about us, or the service."""


class SmsError(MessageUndelivered):
    """A text message was not handed to the service."""


@dataclass(frozen=True, slots=True)
class Sms:
    """What is sent, and to whom.

    Attributes:
        message_id: The same whenever this message is sent again, for services that tell copies by it.
        number: Recipient (ITU-T E.164).
        text: What it says.
    """

    message_id: str
    number: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmsService:
    """A service, and how it is asked.

    Attributes:
        url: Where it is; ``https``, or ``http`` on this machine alone.
        fields: Names and values of what it is told; ``{to}``, ``{text}`` and ``{id}`` stand for number, text and name
            of the message, also deep inside where ``body`` is ``json``.
        body: How: a JSON object, a form, or the address' query.
        method: Of the request.
        authorization_file: File whose first line is sent as ``authorization_header``; ``None`` where it asks for none.
        authorization_header: Name of the header.
        state_path: Where the answer (JSON) says what became of it, such as ``messages.0.status``; empty where the
            status code alone does.
        accepted: Words there that mean that it was taken.
        delivered: Words there that mean that the recipient has it.
        most_segments: A longer text is cut.
        timeout_s: Longest silence [s].
        ca_file: Certificates to trust instead of those of the machine (PEM), or ``None``.
    """

    url: str
    fields: Mapping[str, Any]
    body: Literal["json", "form", "query"] = "json"
    method: Literal["POST", "PUT", "GET"] = "POST"
    authorization_file: Path | None = None
    authorization_header: str = "Authorization"
    state_path: str = ""
    accepted: Sequence[str] = ()
    delivered: Sequence[str] = ()
    most_segments: int = 3
    timeout_s: float = 30.0
    ca_file: Path | None = None

    @contextmanager
    def session(self) -> Iterator["SmsSession"]:
        """An open session for any number of messages.

        Raises:
            SmsError: The settings do not hold.
        """
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
            raise SmsError(
                f"{self.label}: nothing is sent unencrypted. Set METERHOUSE_SMS_URL to an address that begins with "
                "https://."
            )
        headers = {} if self.authorization_file is None else {self.authorization_header: self._authorization()}
        with httpx.Client(
            verify=self._trust(), timeout=self.timeout_s, headers=headers, follow_redirects=False, trust_env=False
        ) as client:
            yield SmsSession(self, client)

    @property
    def label(self) -> str:
        """The service, for messages: its address without query and user."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + parts.path

    def _authorization(self) -> str:
        remedy = f"Put what {self.authorization_header} is to hold into its first line."
        if self.authorization_file is None:
            raise SmsError(f"{self.label}: no file is named. {remedy}")
        try:
            line = self.authorization_file.read_text(encoding="ascii").split("\n", 1)[0].strip()
        except OSError as exc:
            raise SmsError(f"{self.authorization_file} cannot be read: {exc.strerror}. {remedy}") from exc
        except UnicodeDecodeError:
            line = ""  # the error shows what it could not read
        if not line.isprintable() or not line:
            raise SmsError(f"{self.authorization_file} holds no line of ASCII. {remedy}")
        return line

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise SmsError(
                f"{self.ca_file} holds no certificates that can be read. Name a PEM file with the authority that "
                "signed the service's certificate in METERHOUSE_SMS_CA_FILE."
            ) from exc


@dataclass(frozen=True, slots=True)
class SmsSession:
    """An open session with a service; made by :meth:`SmsService.session`.

    Attributes:
        service: The service.
        client: The connection.
    """

    service: SmsService
    client: httpx.Client = field(repr=False)

    def send(self, message: Sms) -> bool:
        """Hands a message over; returns when the service has taken it.

        Args:
            message: The message; a text beyond the segments allowed is cut.

        Returns:
            Whether the service said that the recipient has it.

        Raises:
            SmsError: It was not taken; its ``trouble`` says what that means for others.
        """
        if not _E164.fullmatch(message.number):
            raise SmsError(
                f"{self.service.label}: the recipient is no telephone number with its country. Correct it.",
                Trouble.NEVER,
            )
        given = {
            "to": message.number, "text": fitted(message.text, self.service.most_segments), "id": message.message_id
        }  # fmt: skip
        filled = _filled(self.service.fields, given)
        content: dict[str, Any] = {{"json": "json", "form": "data", "query": "params"}[self.service.body]: filled}
        try:
            with self.client.stream(self.service.method, self.service.url, **content) as answer:
                self._check(answer.status_code)
                told = self._state(answer) if self.service.state_path else None
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise SmsError(
                f"The connection to the SMS service failed ({self.service.label}: {_reason(exc)}). Check "
                "METERHOUSE_SMS_URL, and try again."
            ) from None
        if told is None or told in self.service.accepted:
            return False
        if told in self.service.delivered:
            return True
        shown = told if _STATE.fullmatch(told) else "an unknown answer"
        raise SmsError(f"The SMS service refused the message: {shown} ({self.service.label}).", Trouble.NEVER)

    def _check(self, code: int) -> None:
        """Refuses an answer other than yes, in the words of its code: what the service writes may repeat the number."""
        if 200 <= code < 300:
            return
        word = next((known.phrase.replace(" ", "") for known in HTTPStatus if known == code), str(code))
        where = f"({self.service.label}, {code})"
        if code in _OURS:
            raise SmsError(f"The SMS service refused the message: {word} {where}. Check the number.", Trouble.NEVER)
        if code == HTTPStatus.TOO_MANY_REQUESTS:
            raise SmsError(f"{word} {where}. It is tried again.", Trouble.LATER)
        if code >= 500:
            raise SmsError(f"{word} {where}. It is tried again.")
        raise SmsError(f"{word} {where}. Check METERHOUSE_SMS_URL and METERHOUSE_SMS_AUTHORIZATION_FILE.")

    def _state(self, answer: httpx.Response) -> str:
        """The word at the path of the state; empty where there is none."""
        read = b""
        for piece in answer.iter_bytes():
            read += piece
            if len(read) > _MOST_ANSWER_BYTES:
                return ""
        try:
            found = httpx.Response(200, content=read).json()
            for step in self.service.state_path.split("."):
                found = found[int(step)] if isinstance(found, list) else found[step]
        except (ValueError, LookupError, TypeError):
            return ""
        return str(found) if isinstance(found, str | int) else ""


def segments(text: str) -> int:
    """Parts that a text is sent in, each of which is paid for (3GPP TS 23.040, 9.2.3.24.1).

    160 letters of the default alphabet go in one, 153 in each of several; of other texts 70 and 67 UTF-16 units.
    """
    if all(letter in _GSM7 or letter in _GSM7_TWICE for letter in text):
        places, alone, each = sum(2 if letter in _GSM7_TWICE else 1 for letter in text), 160, 153
    else:
        places, alone, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if places <= alone else -(-places // each)


def fitted(text: str, most: int) -> str:
    """A text in so many segments at the most; what is cut ends in three points."""
    if segments(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if segments(text[:middle] + _CUT) <= most else (low, middle - 1)
    return text[:low] + _CUT


def _filled(value: Any, given: Mapping[str, str]) -> Any:
    """A value with its placeholders filled in, at once: a text that holds one is not filled in again."""
    if isinstance(value, Mapping):
        return {name: _filled(part, given) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(part, given) for part in value]
    return _PLACEHOLDER.sub(lambda found: given[found[1]], value) if isinstance(value, str) else value


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _reason(exc: Exception) -> str:
    """What happened, without the service's words."""
    if isinstance(exc, httpx.TimeoutException):
        return "time-out"
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate does not hold, {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(exc).__name__
