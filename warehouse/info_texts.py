"""Words about info codes in the languages of the pages: names, icons, and sentences about activity."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

LANGUAGES = ("da", "de", "en", "es", "fr", "nb", "sv")

CLASS_SPANS = {
    "en": ("1-8 hours", "9-24 hours", "2-3 days", "4-7 days", "8-14 days", "15-21 days", "more than 21 days"),
    "da": ("1-8 timer", "9-24 timer", "2-3 dage", "4-7 dage", "8-14 dage", "15-21 dage", "mere end 21 dage"),
    "de": ("1-8 Stunden", "9-24 Stunden", "2-3 Tage", "4-7 Tage", "8-14 Tage", "15-21 Tage", "mehr als 21 Tage"),
    "es": ("1-8 horas", "9-24 horas", "2-3 días", "4-7 días", "8-14 días", "15-21 días", "más de 21 días"),
    "fr": ("1-8 heures", "9-24 heures", "2-3 jours", "4-7 jours", "8-14 jours", "15-21 jours", "plus de 21 jours"),
    "nb": ("1-8 timer", "9-24 timer", "2-3 dager", "4-7 dager", "8-14 dager", "15-21 dager", "mer enn 21 dager"),
    "sv": ("1-8 timmar", "9-24 timmar", "2-3 dygn", "4-7 dygn", "8-14 dygn", "15-21 dygn", "mer än 21 dygn"),
}
"""What the meters' duration classes 1 to 7 mean (ALGORITHMS §8.1)."""

BY_METER = {
    "en": "{} has been recorded for {} within the last 30 days",
    "da": "{} er registreret i {} inden for de seneste 30 dage",
    "de": "{} wurde in den letzten 30 Tagen {} lang erfasst",
    "es": "{} se ha registrado durante {} en los últimos 30 días",
    "fr": "{} enregistré pendant {} au cours des 30 derniers jours",
    "nb": "{} er registrert i {} i løpet av de siste 30 dagene",
    "sv": "{} har registrerats under {} de senaste 30 dagarna",
}
"""Sentence with the code's name and a span of :data:`CLASS_SPANS`: what the meter itself says."""

BY_READINGS = {
    "en": "Recorded on {} of {} observed days in the last 30",
    "da": "Registreret på {} af {} observerede dage af de seneste 30",
    "de": "An {} von {} beobachteten der letzten 30 Tage erfasst",
    "es": "Registrado en {} de {} días observados de los últimos 30",
    "fr": "Enregistré {} des {} jours observés parmi les 30 derniers",
    "nb": "Registrert på {} av {} observerte dager av de siste 30",
    "sv": "Registrerat {} av {} observerade dagar av de senaste 30",
}
"""Sentence with active and observed days: what the readings say."""

FEW = {
    "en": "few observations",
    "da": "få observationer",
    "de": "wenige Beobachtungen",
    "es": "pocas observaciones",
    "fr": "peu d'observations",
    "nb": "få observasjoner",
    "sv": "få observationer",
}


@dataclass(frozen=True, slots=True)
class CodeText:
    """How a code is shown as shipped.

    Attributes:
        icon: Name of its icon.
        names: Its name by language.
    """

    icon: str
    names: Mapping[str, str]


@cache
def shipped_texts() -> Mapping[str, CodeText]:
    """Icon and names of every code that the shipped device files know."""
    source = files("warehouse.policies") / "shipped" / "info_code_texts.csv"
    rows = csv.DictReader(source.read_text(encoding="utf-8").splitlines())
    return MappingProxyType(
        {row["code"]: CodeText(row["icon"], {name: row[name] for name in LANGUAGES}) for row in rows}
    )
