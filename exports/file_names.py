"""Names of files: templates with the facts of a run.

Places: ``{job} {from} {to} {now} {seq} {revision}``, instants in the utility's zone; ``{from_utc}``, ``{to_utc}`` and
``{now_utc}`` are the same in UTC. Without a form, instants are written as ``20260301T060000``.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from exports.errors import ExportError
from exports.facts import Facts
from exports.templates import SPECIMEN, fill, values_of

LONGEST = 200
"""Bytes of a name: file systems have 255, and names of parts and manifests are longer."""

_TIME_FORM = "%Y%m%dT%H%M%S"
_NAME = re.compile(r"[\w#+=@(),. -]+")


def file_name(template: str, facts: Facts) -> str:
    """The name of a run's file.

    Args:
        template: The template.
        facts: Facts of the run.

    Returns:
        A name without folders, that is no hidden file and none that is still being written.

    Raises:
        ExportError: The template is not understood, or gives a name that is not safe everywhere.
    """
    try:
        return _checked(fill(template, values_of(facts), time_form=_TIME_FORM))
    except ValueError as exc:
        raise ExportError(f"The file name {template!r} is not understood: {exc}.") from exc


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or ".." in name or name.startswith((".", " ")) or name.endswith((".", " ", ".part")):
        raise ValueError(
            "a name has letters, digits, blanks and # + = @ ( ) , . - _ alone; it has no two dots in a row, begins or "
            "ends with neither dot nor blank, and does not end in .part"
        )
    if len(name.encode()) > LONGEST:
        raise ValueError(f"it gives a name of more than {LONGEST} bytes")
    return name


def _understood(template: str) -> str:
    _checked(fill(template, values_of(SPECIMEN), time_form=_TIME_FORM))
    return template


FileName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_understood)]
"""A template that gives a name."""
