"""The pages speak the language of who looks at them, and each language says everything."""

import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from dashboards import words
from dashboards.words import FOLDER, LANGUAGES, words_in
from registry.people.rights import AREAS
from tests.conftest import REPOSITORY
from warehouse.queries.consumption import QUALITIES
from warehouse.schemas import INSTANT

OTHERS = [language for language in LANGUAGES if language != "en"]
BY_DATA = (
    *("column", "register", "quality", "event", "priority", "outcome", "right", "area", "page", "help", "interval"),
    *("state", "key_status", "medium", "source", "cause", "tariff_reason"),
    *("rating", "weighting", "normalised_reason", "base_from", "fit", "tariff_excluded", "verdict", "fault_rule"),
    *("loss_state", "loss_alarm", "lnu_method", "hdf_method", "leak_kind", "leak_state", "pressure_event"),
    "pressure_method",
)
BY_DATA += (
    "import_kind",
    "import_columns",
    "audit_event",
    "tasks_shown",
    "task_state",
    "file_state",
    "group_kind",
    "rule_match",
    "rule_field",
    "rule_test",
    "policy_name",
    "medium_name",
    "retention_zone",
    "reading_source",
    "retention_keep",
    "field_entity",
    "field_type",
    "service",
    "role",
    "users_part",
    "account_state",
    "invitation_state",
    "mail_part",
    "mail_kind",
    "mail_language",
    "mail_state",
    "keys_part",
    "claim_status",
    "batch_confirmation",
    "bundle_state",
    "domain_state",
    "feature",
    *("run_state", "job_type", "format_content", "format_origin", "destination_kind", "destination_auth"),
    *("message_status", "message_kind", "message_channel"),
    *("code_state", "alert_event", "severity", "collector_state"),
)
"""Sections whose names come from data; the code builds them."""
NIGHT = [datetime(2025, 10, 26, hour, tzinfo=UTC) for hour in (0, 1)]


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def code() -> Iterator[str]:
    for path in (REPOSITORY / "dashboards").rglob("*.py"):
        yield path.read_text(encoding="utf-8")


def test_each_part_has_a_file_per_language_and_no_other() -> None:
    for folder in FOLDER.iterdir():
        assert {path.stem for path in folder.iterdir()} == set(LANGUAGES), folder.name


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    english, found = words_in("en", "UTC").texts, words_in(language, "UTC").texts
    assert found.keys() == english.keys()
    differing = [name for name, text in found.items() if placeholders(text) != placeholders(english[name])]
    assert not differing
    assert not [name for name, text in found.items() if not text.strip()]


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated(language: str) -> None:
    english, found = words_in("en", "UTC").texts, words_in(language, "UTC").texts
    same = [name for name, text in found.items() if text == english[name] and re.search(r"[a-z] [a-z]", text)]
    assert not same


def test_every_text_that_is_named_is_there_and_every_one_there_is_named() -> None:
    known = words_in("en", "UTC").texts
    heads = "|".join(sorted({name.split(".")[0] for name in known}))
    text = "\n".join(code())
    named = set(re.findall(rf"""["']((?:{heads})\.[a-zA-Z_]+)["']""", text))
    assert named <= known.keys()
    built = re.findall(rf"""f["']((?:{heads})\.[a-z_]*)\{{""", text)
    reached = {name for name in known if any(name.startswith(begin) and begin.count(".") for begin in built)}
    unused = {name for name in known.keys() - named - reached if name.split(".")[0] not in BY_DATA}
    assert not unused


def test_what_data_name_has_texts() -> None:
    texts = words_in("en", "UTC").texts
    assert {f"quality.{letter}" for letter in QUALITIES} <= texts.keys()
    assert {f"right.{area}" for area in AREAS} <= texts.keys()


@pytest.mark.parametrize(
    ("language", "number", "day", "at"),
    [
        ("en", "1,234,567.5 m³", "26 Oct 2025", "26 Oct 2025 02:00 CEST"),
        ("de", "1.234.567,5 m³", "26.10.2025", "26.10.2025 02:00 CEST"),
        ("da", "1.234.567,5 m³", "26. okt. 2025", "26. okt. 2025 02.00 CEST"),
        ("sv", "1 234 567,5 m³", "26 okt. 2025", "26 okt. 2025 02:00 CEST"),
        ("nb", "1 234 567,5 m³", "26. okt. 2025", "26. okt. 2025 02:00 CEST"),
        ("fr", "1 234 567,5 m³", "26 oct. 2025", "26 oct. 2025 02:00 CEST"),
    ],
)
def test_numbers_and_times_of_a_language(language: str, number: str, day: str, at: str) -> None:
    say = words_in(language, "Europe/Copenhagen")
    assert re.sub(r"\s", " ", say.amount(Decimal("1234567.500"), "m3")) == number
    assert say.date(NIGHT[0].date()) == day
    assert say.instant(NIGHT[0]) == at
    assert say.instants(pl.Series([NIGHT[0], None], dtype=INSTANT)).to_list() == [at, None]
    exact = pl.select(say.numbers(pl.lit(Decimal("1234567.500")))).item()
    assert re.sub(r"\s", " ", f"{exact} m³") == number


def test_the_two_hours_of_autumn_have_different_texts() -> None:
    say = words_in("en", "Europe/Copenhagen")
    assert say.periods(pl.Series(NIGHT, dtype=INSTANT), "hourly").to_list() == [
        "Sun 26 Oct 2025 02:00 CEST",
        "Sun 26 Oct 2025 02:00 CET",
    ]


def test_unknown_values_and_names() -> None:
    say = words_in("en", "UTC")
    assert (say.amount(None, "m3"), say.percent(None), say.instant(None)) == ("unknown",) * 3
    assert say.number(0.126, 2) == "0.13"
    assert say.register("volume_m3") == "Volume (m³)"
    assert say.register("input_a") == "Pulse input A"
    assert say.named("event", "NEW_KIND") == "new kind"
    assert say.heading("some_column") == "Some column"
    assert words.words_in("en", "UTC") is say
