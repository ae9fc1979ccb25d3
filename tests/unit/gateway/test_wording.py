"""The door's own pages speak the language of who looks at them, and each language says everything."""

import re
import string
from html import unescape
from pathlib import Path

import pytest
from starlette.datastructures import Headers

import gateway
from assets.installation import Installation
from gateway.wording import FOLDER, asked_for, texts
from registry.people import accounts, domains, locale, passwords
from registry.people.errors import PeopleError, SignInError
from settings.model import Gateway
from tests.unit.gateway.doors import PASSWORD, Served, add_person, served

LANGUAGES = locale.LANGUAGES
OTHERS = [language for language in LANGUAGES if language != "en"]
ANNA = "anna@example.org"
SETUP = "setup-token"


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_there_is_a_file_per_language_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_and_no_unknown_placeholder(language: str) -> None:
    english, found = texts("en").texts, texts(language).texts
    assert found.keys() == english.keys()
    assert {name: placeholders(text) for name, text in found.items()} == {
        name: placeholders(text) for name, text in english.items()
    }
    assert not [name for name, text in found.items() if not text.strip() or "<" in text]


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated(language: str) -> None:
    english, found = texts("en").texts, texts(language).texts
    same = [name for name, text in found.items() if text == english[name] and " " in text]
    assert not same


def test_every_text_is_used_and_every_one_used_is_there() -> None:
    folder = Path(gateway.__file__).parent
    people = folder.parent / "registry" / "people"
    code = "".join(path.read_text(encoding="utf-8") for path in [*folder.rglob("*.py"), *folder.rglob("*.html")])
    known = texts("en").texts
    heads = "|".join({name.split(".")[0] for name in known})
    named = set(re.findall(rf"""["']((?:{heads})\.[a-z_]+)["']""", code))
    assert named - {"login.html", "logout.html", "profile.html"} <= known.keys()
    errors = "".join(path.read_text(encoding="utf-8") for path in people.glob("*.py"))
    built = {f"mark.{name}" for name in ("nothing", "comma", "semicolon", "tab", "bar", "point", "space", "apostrophe")}
    built |= {f"profile.{name}" for name in ("csv_delimiter", "thousands_separator", "decimal_separator")}
    built |= {f"dagster.{name}" for name in re.findall(r'"((?:closed|odd|silent|away)(?:_title)?)"', code)}
    built |= {f"error.{name}" for name in re.findall(r'"([a-z_]+)"', errors)}
    assert not known.keys() - named - built


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR, fr;q=0.5, sv;q=0.9", "sv"),
        ("nn-NO", "nb"),
        ("no", "nb"),
        ("en;q=0.1, da;q=0.2", "da"),
        ("es;q=0, fr;q=0.1", "fr"),
        ("fr, es", "fr"),
        ("pt, tlh, *", None),
        ("", None),
        ("de;q=x, , ;q=1, q=", None),
        ("de;q=nan", None),
        ("de;q=9, fr;q=0.1", "fr"),
        ("x," * 5000 + "de", None),
    ],
)
def test_language_that_a_browser_asks_for(header: str, language: str | None) -> None:
    assert asked_for(Headers({"accept-language": header})) == language


def lang_of(page: str) -> str:
    found = re.search(r'<html lang="([a-z]+)">', page)
    assert found
    return found[1]


def english_left(page: str, language: str) -> list[str]:
    """Sentences that stand in English on a page in another language."""
    shown, other = unescape(page), texts(language).texts
    return [
        text for name, text in texts("en").texts.items() if " " in text and text in shown and text not in other[name]
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_open_pages_speak_the_browser_s_language(house: Installation, language: str) -> None:
    with served(house, setup_token=SETUP) as door:
        browser, say = door.browser(), texts(language)
        browser.session.headers["Accept-Language"] = f"{language},en;q=0.5"
        for path, title in (
            ("/login", "login.title"),
            ("/activate?token=x", "link.activate"),
            ("/reset?token=x", "link.reset"),
            (f"/setup?token={SETUP}", "setup.title"),
            ("/setup", "link.broken"),
            ("/forgotten", "letters.none_title"),
            ("/register", "letters.none_title"),
        ):
            answer = browser.get(path)
            assert lang_of(answer.text) == answer.headers["content-language"] == language, path
            assert say(title) in unescape(answer.text), path
            assert not english_left(answer.text, language), path
        for answer, problem in (
            (browser.submit("/login", email=ANNA, password="x"), "error.sign_in"),
            (browser.submit("/reset?token=x", token="x", password=PASSWORD, again=PASSWORD), "error.link"),
            (browser.submit("/reset?token=x", token="x", password="a", again="b"), "password.unequal"),
            (browser.post("/login", {}), "refused.expired"),
            (browser.post("/login", {}, headers={"Origin": "https://x.example"}), "refused.foreign"),
        ):
            assert say(problem) in unescape(answer.text), problem
            assert not english_left(answer.text, language)
        fields = {"token": SETUP, "email": ANNA, "name": "Anna Sample", "again": "Short 1!", "password": "Short 1!"}
        weak = browser.submit(f"/setup?token={SETUP}", **fields)
        assert say("error.fault_length", least=12) in unescape(weak.text)
        strong = {"password": "Another horse 8!", "again": "Another horse 8!"}
        assert browser.submit(f"/setup?token={SETUP}", **{**fields, **strong}).status_code == 303
        assert browser.get("/api/v1/me").json()["language"] == language, "the first administrator's letters, too"


@pytest.mark.parametrize("language", ["fr"])
def test_language_of_the_account_wins_once_it_is_known(door: Served, language: str) -> None:
    add_person(door.registry, ANNA, manager="user")
    browser, say = door.signed_in(ANNA), texts(language)
    browser.session.headers["Accept-Language"] = "de"
    assert lang_of(browser.get("/profile").text) == "en"
    mine = {"name": "Anna", "csv_delimiter": ";", "thousands_separator": ".", "decimal_separator": ","}
    saved = browser.submit("/profile", **mine, language=language)
    assert say("profile.saved") in unescape(saved.text)
    assert lang_of(saved.text) == language
    for path in ("/profile", "/password", "/logout", "/dagster/"):
        answer = browser.get(path)
        assert lang_of(answer.text) == language, path
        assert not english_left(answer.text, language), path
    wrong = browser.submit("/password", old="x", password="y", again="y")
    assert say("password.wrong") in unescape(wrong.text)
    clash = browser.submit("/profile", **{**mine, "decimal_separator": "."}, language=language)
    assert say("error.same_separator") in unescape(clash.text)


def test_installation_has_a_language_for_browsers_that_ask_for_none_there_is(house: Installation) -> None:
    danish = Installation(house.settings.model_copy(update={"gateway": Gateway(language="da")}))
    with served(danish) as door:
        assert lang_of(door.browser().get("/login").text) == "da"
        assert lang_of(door.browser().get("/login", headers={"Accept-Language": "pt"}).text) == "da"
        assert lang_of(door.browser().get("/login", headers={"Accept-Language": "es"}).text) == "es"


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_of_people_are_said_in_every_language(language: str) -> None:
    def caught(act) -> PeopleError:
        with pytest.raises(PeopleError) as found:
            act()
        return found.value

    errors = [
        SignInError(),
        caught(lambda: passwords.check(passwords.BASIC, "anna", name="Anna Sample", email=ANNA)),
        caught(lambda: passwords.check(passwords.KEYVAULT, "a" * 2000, name=None, email=None)),
        caught(lambda: accounts.full_name(" ")),
        caught(lambda: accounts.full_name("=1")),
        caught(lambda: domains.normal_email("x")),
        caught(lambda: locale.Locale(thousands_separator=".", decimal_separator=".")),
    ]
    for error in errors:
        said = texts(language).problem(error)
        assert (said == str(error)) == (language == "en"), said
        assert "{" not in said
