"""Texts of the door's pages, in the language of who looks at them: a file per language in ``gateway/texts``."""

from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from registry import wording
from registry.wording import Texts

FOLDER = Path(__file__).parent / "texts"


@cache
def texts(language: str) -> Texts:
    """The texts of a language.

    Args:
        language: One of those that letters are written in.
    """
    return Texts(language, wording.read_texts(language, FOLDER))


def asked_for(headers: Headers) -> str | None:
    """The language that a browser likes best of those there are; ``None`` where it names none of them."""
    return wording.asked_for(headers.get("accept-language", ""))


def texts_of(connection: HTTPConnection) -> Texts:
    """The texts that the door chose for a request."""
    found: Texts = connection.scope["texts"]
    return found
