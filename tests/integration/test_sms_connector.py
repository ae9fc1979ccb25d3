"""Text messages and a real HTTP service: one that takes, refuses, is away, is slow, or is another one."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import Trouble
from connectors.sms import Sms, SmsError, SmsService, fitted, segments
from tests.integration.mail_server import Authority, authority, free_port
from tests.integration.sms_service import TOKEN, Phones, sms_service

NUMBER = "+4512345678"
MESSAGE = Sms("m1", NUMBER, "Leak, P-1 {id} since 12:00")
FIELDS = {"messages": [{"to": "{to}", "body": "{text}", "ref": "{id}", "flash": False}], "sender": "Northtown"}


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.fixture
def url(phones: Phones) -> Iterator[str]:
    with sms_service(phones) as found:
        yield found


def send(service: SmsService, message: Sms = MESSAGE) -> bool:
    with service.session() as session:
        return session.send(message)


def fails(service: SmsService, message: Sms = MESSAGE) -> SmsError:
    with pytest.raises(SmsError) as caught:
        send(service, message)
    assert NUMBER not in str(caught.value)
    assert "Leak" not in str(caught.value)
    assert NUMBER not in repr(message)
    return caught.value


def test_fields_are_filled_in_wherever_they_stand(phones: Phones, url: str) -> None:
    assert send(SmsService(url, FIELDS)) is False
    told = {"to": NUMBER, "body": "Leak, P-1 {id} since 12:00", "ref": "m1", "flash": False}
    assert phones.taken == [{"messages": [told], "sender": "Northtown"}]


@pytest.mark.parametrize(("body", "method"), [("form", "POST"), ("query", "GET")])
def test_a_form_or_an_address_does_as_well(phones: Phones, url: str, body, method) -> None:
    send(SmsService(url, {"number": "{to}", "msg": "{text}"}, body=body, method=method))
    assert phones.taken == [{"number": NUMBER, "msg": MESSAGE.text}]


def test_the_secret_of_a_file_goes_over_tls_to_whom_the_certificate_names(tmp_path: Path) -> None:
    ca, phones, secret = authority(tmp_path / "ca"), Phones(), tmp_path / "token"
    secret.write_text(f"{TOKEN}\nsecond line\n")
    with sms_service(phones, ca) as url:
        send(SmsService(url, FIELDS, authorization_file=secret, ca_file=ca.ca_file))
        assert phones.headers[0]["Authorization"] == TOKEN
        error = fails(SmsService(url, FIELDS, authorization_file=secret))
        assert "the certificate does not hold" in str(error)
        other: Authority = authority(tmp_path / "other", "elsewhere")
    with sms_service(phones, other) as url:
        assert "the certificate does not hold" in str(fails(SmsService(url, FIELDS, ca_file=other.ca_file)))
    assert len(phones.taken) == 1


@pytest.mark.parametrize(
    ("code", "words", "trouble"),
    [
        (503, "ServiceUnavailable", Trouble.SERVER),
        (500, "InternalServerError", Trouble.SERVER),
        (429, "TooManyRequests", Trouble.LATER),
        (400, "The SMS service refused the message: BadRequest", Trouble.NEVER),
        (401, "Unauthorized", Trouble.SERVER),
        (302, "Found", Trouble.SERVER),
    ],
)
def test_an_answer_other_than_yes_says_what_it_means(
    phones: Phones, url: str, code: int, words: str, trouble: Trouble
) -> None:
    phones.answer = lambda told: (code, f"no {told}")
    error = fails(SmsService(url, FIELDS))
    assert str(error).startswith(words)
    assert (error.trouble, phones.taken) == (trouble, [])


def test_a_service_that_is_away(phones: Phones) -> None:
    url = f"http://localhost:{free_port()}/v1"
    error = fails(SmsService(url, FIELDS))
    assert str(error).startswith(f"The connection to the SMS service failed ({url}: Connection refused)")
    assert error.trouble is Trouble.SERVER


def test_a_service_that_says_nothing(phones: Phones, url: str) -> None:
    phones.answer = lambda _: (time.sleep(0.5), (200, "{}"))[1]
    error = fails(SmsService(url, FIELDS, timeout_s=0.1))
    assert str(error).startswith("The connection to the SMS service failed")
    assert "time-out" in str(error)


def test_what_the_answer_says_counts_where_a_path_is_named(phones: Phones, url: str) -> None:
    service = SmsService(url, FIELDS, state_path="messages.0.status", accepted=("queued",), delivered=("DELIVERED",))
    for word, delivered in (("queued", False), ("DELIVERED", True)):
        phones.answer = lambda _, word=word: (200, json.dumps({"messages": [{"status": word}]}))
        assert send(service) is delivered
    phones.answer = lambda _: (200, json.dumps({"messages": [{"status": "InvalidNumber"}]}))
    error = fails(service)
    assert "InvalidNumber" in str(error)
    assert error.trouble is Trouble.NEVER
    for content in ("no JSON", "[]", json.dumps({"messages": [{"status": f"{NUMBER} is unknown"}]}), "x" * 100_000):
        phones.answer = lambda _, content=content: (200, content)
        assert "unknown answer" in str(fails(service))


@pytest.mark.parametrize("number", ["12345678", "+0123456789", "+45 12 34 56 78", "+1234567890123456"])
def test_no_number_no_request(phones: Phones, url: str, number: str) -> None:
    with pytest.raises(SmsError) as caught:
        send(SmsService(url, FIELDS), Sms("m", number, "Leak"))
    assert caught.value.trouble is Trouble.NEVER
    assert number not in str(caught.value)
    assert phones.taken == []


@pytest.mark.parametrize("url", ["http://sms.example.org/v1", "ftp://localhost/"])
def test_nothing_goes_unencrypted_to_another_machine(url: str) -> None:
    assert "METERHOUSE_SMS_URL" in str(fails(SmsService(url, FIELDS)))


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"a\x07b"])
def test_a_secret_that_is_none(url: str, tmp_path: Path, content: bytes | None) -> None:
    secret = tmp_path / "token"
    if content is not None:
        secret.write_bytes(content)
    assert str(secret) in str(fails(SmsService(url, FIELDS, authorization_file=secret)))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("л" * 70, 1),
        ("л" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("", 1),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert segments(text) == count


@pytest.mark.parametrize("letter", ["a", "€", "л", "😀"])
def test_a_long_text_is_cut_to_its_segments(letter: str) -> None:
    cut = fitted(letter * 1000, 3)
    assert cut.endswith("...")
    assert segments(cut) == 3
    assert segments(letter + cut) == 4, "not a letter too much"
    assert fitted(letter * 10, 3) == letter * 10
