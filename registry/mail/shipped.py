"""The templates that Meterhouse ships, one of each type in each language."""

from functools import cache
from pathlib import Path

from registry.mail.rendering import Source

FOLDER = Path(__file__).parent / "templates"
_SUBJECT = "Subject: "


@cache
def shipped(kind: str, language: str) -> Source:
    """Reads a shipped template: a text file that starts with a line for the subject, and an HTML file.

    Args:
        kind: Type of the message.
        language: One of the languages.

    Returns:
        The template.
    """
    folder = FOLDER / kind
    subject, _, text = (folder / f"{language}.txt").read_text(encoding="utf-8").partition("\n")
    html = (folder / f"{language}.html").read_text(encoding="utf-8")
    return Source(subject.removeprefix(_SUBJECT), text.lstrip("\n"), html)
