"""Words of notifications in the languages of mail: what is the matter, and how a line of a digest says it."""

from collections.abc import Mapping

SINCE: Mapping[str, str] = {
    "en": "since {}",
    "da": "siden {}",
    "de": "seit {}",
    "es": "desde {}",
    "fr": "depuis {}",
    "nb": "siden {}",
    "sv": "sedan {}",
}
RETRACTED: Mapping[str, str] = {
    "en": "Retracted",
    "da": "Trukket tilbage",
    "de": "Zurückgenommen",
    "es": "Retirado",
    "fr": "Annulé",
    "nb": "Trukket tilbake",
    "sv": "Återtaget",
}
REMINDER: Mapping[str, str] = {
    "en": "Still so",
    "da": "Stadig sådan",
    "de": "Besteht weiter",
    "es": "Continúa",
    "fr": "Toujours en cours",
    "nb": "Fortsatt slik",
    "sv": "Fortfarande så",
}
ALERT: Mapping[str, str] = {
    "en": "Consumption {} {}, above the limit of {} {}",
    "da": "Forbrug {} {}, over grænsen på {} {}",
    "de": "Verbrauch {} {}, über der Grenze von {} {}",
    "es": "Consumo {} {}, por encima del límite de {} {}",
    "fr": "Consommation {} {}, au-dessus de la limite de {} {}",
    "nb": "Forbruk {} {}, over grensen på {} {}",
    "sv": "Förbrukning {} {}, över gränsen {} {}",
}
"""Consumption and unit, limit and unit."""
COLLECTOR: Mapping[str, str] = {
    "en": "Collector delivers nothing",
    "da": "Koncentrator leverer intet",
    "de": "Konzentrator liefert nichts",
    "es": "El concentrador no entrega nada",
    "fr": "Le concentrateur ne transmet rien",
    "nb": "Konsentrator leverer ingenting",
    "sv": "Koncentratorn levererar inget",
}
OUTAGE: Mapping[str, str] = {
    "en": "Nothing arrives any more",
    "da": "Der ankommer intet mere",
    "de": "Es kommt nichts mehr an",
    "es": "Ya no llega nada",
    "fr": "Plus rien n'arrive",
    "nb": "Ingenting kommer inn lenger",
    "sv": "Inget kommer in längre",
}
ALL_COLLECTORS: Mapping[str, str] = {
    "en": "all collectors",
    "da": "alle koncentratorer",
    "de": "alle Konzentratoren",
    "es": "todos los concentradores",
    "fr": "tous les concentrateurs",
    "nb": "alle konsentratorer",
    "sv": "alla koncentratorer",
}
EXPORT: Mapping[str, Mapping[str, str]] = {
    "failed": {
        "en": "Export failed",
        "da": "Eksport mislykkedes",
        "de": "Export fehlgeschlagen",
        "es": "La exportación ha fallado",
        "fr": "Échec de l'exportation",
        "nb": "Eksport mislyktes",
        "sv": "Exporten misslyckades",
    },
    "withheld": {
        "en": "Export withheld",
        "da": "Eksport holdt tilbage",
        "de": "Export zurückgehalten",
        "es": "Exportación retenida",
        "fr": "Exportation retenue",
        "nb": "Eksport holdt tilbake",
        "sv": "Exporten hålls inne",
    },
}
REPORTS: Mapping[str, Mapping[str, str]] = {
    "consumption": {
        "en": "Consumption",
        "da": "Forbrug",
        "de": "Verbrauch",
        "es": "Consumo",
        "fr": "Consommation",
        "nb": "Forbruk",
        "sv": "Förbrukning",
    },
    "info_codes": {
        "en": "Info codes",
        "da": "Infokoder",
        "de": "Info-Codes",
        "es": "Códigos de información",
        "fr": "Codes d'information",
        "nb": "Infokoder",
        "sv": "Infokoder",
    },
    "performance": {
        "en": "Reading performance",
        "da": "Aflæsningsgrad",
        "de": "Ablesequote",
        "es": "Rendimiento de lectura",
        "fr": "Taux de relevé",
        "nb": "Avlesningsgrad",
        "sv": "Avläsningsgrad",
    },
    "water_loss": {
        "en": "Water loss",
        "da": "Vandtab",
        "de": "Wasserverlust",
        "es": "Pérdida de agua",
        "fr": "Pertes d'eau",
        "nb": "Vanntap",
        "sv": "Vattenförlust",
    },
}
