"""Templates: the shipped ones, the six actions on them, and what a template may not do."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from registry import audit, mail
from registry.errors import RegistryError
from registry.mail import KINDS, LANGUAGES, SYSTEM, Source
from registry.mail.catalogue import choose
from registry.mail.kinds import samples
from registry.mail.rendering import check_source, check_values, render
from registry.mail.shipped import FOLDER, shipped
from registry.models import AuditEvent
from registry.store import Registry
from tests.unit.registry.conftest import NOW

BY = {"identity": "test", "now": NOW}
DE = ("default", "invite_user", "de")
LINK = "https://meters.example.org/token/abc"


def names(registry: Registry, **filters) -> list[tuple[str, bool]]:
    with registry.begin(readonly=True) as session:
        return [(found.name, found.active) for found in mail.listing(session, "default", **filters)]


def sent_name(registry: Registry, kind: str, language: str, organisation: str = "default") -> tuple[str, str]:
    with registry.begin(readonly=True) as session:
        found = choose(session, organisation, kind, language)
    return found.language, found.name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_each_type_is_shipped_in_each_language(kind: str, language: str) -> None:
    source = shipped(kind, language)
    check_source(kind, source)
    full = render(kind, source, samples(kind))
    needed = {name: variable.sample for name, variable in KINDS[kind].items() if not variable.optional}
    bare = render(kind, source, needed)
    for rendered in (full, bare):
        for part in (rendered.text, rendered.html):
            assert "{" not in part
            assert "  " not in part, "a variable left out leaves no hole"
            shown = [needed[name] for name, variable in KINDS[kind].items() if variable.essential]
            assert all(
                line in part for value in shown for line in ([str(value)] if isinstance(value, str | int) else value)
            )
    assert f'<html lang="{language}">' in full.html
    if language != "en":
        assert full.text != render(kind, shipped(kind, "en"), samples(kind)).text


def test_no_file_without_a_type_and_a_language() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*")}
    assert files == {f"{kind}/{language}.{end}" for kind in KINDS for language in LANGUAGES for end in ("txt", "html")}


def test_activating_one_deactivates_the_other(registry) -> None:
    with registry.begin() as session:
        mail.copy(session, *DE, SYSTEM, **BY)
        mail.copy(session, *DE, SYSTEM, new_name="Zweite", **BY)
        assert mail.activate(session, *DE, "System (copy)", **BY) == SYSTEM
    assert names(registry, kind="invite_user", language="de", active=True) == [("System (copy)", True)]
    with registry.begin() as session:
        assert mail.activate(session, *DE, "Zweite", **BY) == "System (copy)"
    assert names(registry, kind="invite_user", language="de") == [
        (SYSTEM, False),
        ("System (copy)", False),
        ("Zweite", True),
    ]
    assert len(names(registry, active=True)) == len(KINDS) * len(LANGUAGES), "one of each type and language"
    assert sent_name(registry, "invite_user", "de") == ("de", "Zweite")
    assert sent_name(registry, "invite_user", "de", "elsewhere") == ("de", SYSTEM), "another organisation has its own"
    with registry.begin() as session:
        mail.activate(session, *DE, SYSTEM, **BY)
    assert sent_name(registry, "invite_user", "de") == ("de", SYSTEM)


def test_the_list_filters_by_name_type_language_and_state(registry) -> None:
    with registry.begin() as session:
        mail.copy(session, *DE, SYSTEM, new_name="Sommer", **BY)
    assert names(registry, name="SOMM") == [("Sommer", False)]
    assert len(names(registry, kind="invite_user")) == len(LANGUAGES) + 1
    assert len(names(registry, language="de")) == len(KINDS) + 1
    assert names(registry, kind="invite_user", language="de", active=False) == [("Sommer", False)]
    with pytest.raises(RegistryError, match="no message type 'x'; there are confirm_address"):
        names(registry, kind="x")
    with pytest.raises(RegistryError, match="no templates in 'xx'; the languages are de, en, es, sv, da, nb, fr"):
        names(registry, language="xx")


def test_a_copy_is_inactive_and_stands_under_its_original(registry) -> None:
    with registry.begin() as session:
        assert mail.copy(session, *DE, SYSTEM, new_name="Sommer", **BY) == "Sommer"
        assert mail.copy(session, *DE, SYSTEM, new_name="Winter", **BY) == "Winter"
        assert mail.copy(session, *DE, "Sommer", **BY) == "Sommer (copy)"
        assert mail.template(session, *DE, "Sommer (copy)").source == shipped("invite_user", "de")
        for taken in ("Sommer", "SOMMER", "system"):
            with pytest.raises(RegistryError, match=f"There is a template '{taken}' .* already"):
                mail.copy(session, *DE, SYSTEM, new_name=taken, **BY)
        for bad in (" x", "x\n", "x" * 101):
            with pytest.raises(RegistryError, match="1 to 100 printable characters"):
                mail.copy(session, *DE, SYSTEM, new_name=bad, **BY)
        with pytest.raises(RegistryError, match="no template 'Herbst' of the type invite_user in de"):
            mail.copy(session, *DE, "Herbst", **BY)
    listed = names(registry, kind="invite_user", language="de")
    assert listed == [(SYSTEM, True), ("Sommer", False), ("Sommer (copy)", False), ("Winter", False)]


def test_an_edited_template_is_sent_as_it_was_saved(registry) -> None:
    edited = Source("Willkommen bei {{ organisation }}", "{{ link }} bis {{ valid_until }}", "<p>{{ link }}</p>")
    with registry.begin() as session:
        mail.copy(session, *DE, SYSTEM, new_name="Sommer", **BY)
        mail.activate(session, *DE, "Sommer", **BY)
        mail.edit(session, *DE, "Sommer", edited, new_name="Winter", **BY)
        seen = mail.preview(session, *DE)
    assert (seen.subject, seen.text.split()[0]) == ("Willkommen bei Sampletown Water", samples("invite_user")["link"])
    assert names(registry, kind="invite_user", language="de") == [(SYSTEM, False), ("Winter", True)]
    with registry.begin() as session:
        assert mail.delete(session, *DE, "Winter", **BY), "it was active"
    assert names(registry, kind="invite_user", language="de") == [(SYSTEM, True)]


def test_shipped_templates_cannot_be_changed_or_deleted(registry) -> None:
    with registry.begin() as session:
        with pytest.raises(RegistryError, match="cannot be deleted; copy it"):
            mail.delete(session, *DE, SYSTEM, **BY)
        with pytest.raises(RegistryError, match="cannot be changed; copy it"):
            mail.edit(session, *DE, SYSTEM, shipped("invite_user", "de"), **BY)


def test_every_change_is_audited_without_what_the_template_says(registry) -> None:
    written = Source("Robin Sample writes", "{{ link }}", "{{ link }}")
    with registry.begin() as session:
        mail.copy(session, *DE, SYSTEM, new_name="A", **BY)
        mail.edit(session, *DE, "A", written, **BY)
        mail.activate(session, *DE, "A", **BY)
        mail.delete(session, *DE, "A", **BY)
    with registry.begin(readonly=True) as session:
        events = session.query(AuditEvent).order_by(AuditEvent.number).all()
    assert [event.event.removeprefix("mail.template.") for event in events] == [
        "copied",
        "edited",
        "activated",
        "deleted",
    ]
    assert {event.object for event in events} == {"invite_user/de/A"}
    assert json.loads(events[2].before) == {"active": SYSTEM}
    assert json.loads(events[1].before)["subject_sha256"] != json.loads(events[1].after)["subject_sha256"]
    assert not any("Robin" in f"{event.before}{event.after}{event.details}" for event in events)
    assert audit.walk(registry).broken is None


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("SV_se", "sv"),
        ("no", "nb"),
        ("nn-NO", "nb"),
        ("fi", "en"),
        ("", "en"),
        ("zz", "en"),
    ],
)
def test_a_language_without_templates_falls_back_to_english(registry, asked: str, written: str) -> None:
    assert sent_name(registry, "password_reset", asked) == (written, SYSTEM)


def test_the_fall_back_is_the_organisations_own_english_one(registry) -> None:
    with registry.begin() as session:
        mail.copy(session, "default", "password_reset", "en", SYSTEM, new_name="Ours", **BY)
        mail.activate(session, "default", "password_reset", "en", "Ours", **BY)
    assert sent_name(registry, "password_reset", "fi") == ("en", "Ours")


def test_a_preview_shows_what_is_known_and_samples_for_the_rest(registry) -> None:
    with registry.begin(readonly=True) as session:
        seen = mail.preview(session, "default", "invite_user", "en", values={"organisation": "Northtown Heat"})
        assert seen.subject == "Invitation from Northtown Heat"
        assert "Robin Sample invites you" in seen.text
        with pytest.raises(RegistryError, match="have no oganisation; they have name, organisation"):
            mail.preview(session, "default", "invite_user", "en", values={"oganisation": "Northtown Heat"})


GOOD = Source("Hello", "{{ link }}", "{{ link }}")


@pytest.mark.parametrize(
    ("part", "content", "said"),
    [
        ("text", "{{ link }} {{ serial }} {{ key }}", "The text uses key, serial, which .* invite_user do not have"),
        ("html", "{{ link }} {{ batch }}", "The html uses batch, which"),
        ("subject", "{{ subject }}", "The subject uses subject, which"),
        ("text", "{{ link }} {{ range }}", "The text uses range, which"),
        ("text", "{{ link }} {{ self }}", "The text uses self, which"),
        ("text", "{{ link }} {% if", "The text is no template, line 1"),
        ("text", "{{ link }}\n{% for a in name %}x{% endfor %}", "uses for in line 2"),
        ("text", "{{ link }}{{ name * 99999999 }}", "uses mul in line 1"),
        ("html", "{{ link|safe }}", "uses filter in line 1"),
        ("html", "{% autoescape false %}{{ link }}{% endautoescape %}", "uses scope;"),
        ("text", "{{ link }}{{ name.__class__ }}", "uses getattr in line 1"),
        ("text", "{{ link }}{{ name['a'] }}", "uses getitem in line 1"),
        ("text", "{{ link }}{{ name() }}", "uses call in line 1"),
        ("text", "{% include '/etc/passwd' %}{{ link }}", "uses include in line 1"),
        ("text", "{% set link = 'x' %}{{ link }}", "uses assign in line 1"),
        ("text", "Welcome!", r"The text does not show \{\{ link \}\}"),
        ("html", "<p>{# {{ link }} #}</p>", r"The html does not show \{\{ link \}\}"),
        ("text", " \n", "The text is empty"),
        ("subject", "", "The subject is empty"),
        ("subject", "Hello\nBcc: kim@example.org", "The subject holds a line break"),
        ("subject", "Hello\rBcc: kim@example.org", "The subject holds a line break"),
        ("subject", "x" * 301, "has 301 characters; it may have 300"),
        ("html", "{{ link }}" + "x" * 50_000, "has 50010 characters; it may have 50000"),
    ],
)
def test_a_template_that_could_not_be_sent_is_not_saved(registry, part: str, content: str, said: str) -> None:
    bad = Source(**{"subject": GOOD.subject, "text": GOOD.text, "html": GOOD.html, part: content})
    with registry.begin() as session:
        mail.copy(session, *DE, SYSTEM, new_name="A", **BY)
        mail.edit(session, *DE, "A", GOOD, **BY)
        with pytest.raises(RegistryError, match=said):
            mail.edit(session, *DE, "A", bad, **BY)
        assert mail.template(session, *DE, "A").source == GOOD


VALUES = {"organisation": "Northtown", "link": LINK, "valid_until": "2026-01-15 16:00 CET"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"link": ""}, "lacks link"),
        ({"serial": "1"}, "have no serial; they have name"),
        ({"name": "Kim\nBcc: robin@example.org"}, "name holds a line break"),
        ({"organisation": "N\u2028"}, "organisation holds a line break"),
        ({"name": "x" * 2001}, "name has 2001 characters"),
        ({"link": "javascript:alert(1)"}, "link is no web address"),
    ],
)
def test_values_that_make_no_message_are_refused_by_their_name(change: dict, said: str) -> None:
    with pytest.raises(RegistryError, match=said) as caught:
        check_values("invite_user", {**VALUES, **change})
    assert not any(value and value in str(caught.value) for value in change.values())


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    rendered = render("invite_user", Source("{{ name }}", "{{ name }}{{ link }}", "<p>{{ name }}</p>"), {
        **VALUES,
        "name": "<b>Kim & \"Søn\"</b>",
    })  # fmt: skip
    assert rendered.subject == '<b>Kim & "Søn"</b>'
    assert rendered.html == "<p>&lt;b&gt;Kim &amp; &#34;Søn&#34;&lt;/b&gt;</p>"
    assert LINK not in repr(rendered)


def test_instants_in_messages_say_their_zone() -> None:
    assert mail.moment(datetime(2026, 7, 1, 12, tzinfo=UTC), ZoneInfo("Europe/Copenhagen")) == "2026-07-01 14:00 CEST"
