"""The two policies, and how passwords are kept."""

import pytest

from registry.people import passwords
from registry.people.errors import PasswordError
from registry.people.passwords import BASIC, KEYVAULT

NAME, EMAIL = "Robin Larkspur", "r.larkspur@example.org"


def accepts(policy: passwords.Policy, password: str) -> bool:
    try:
        passwords.check(policy, password, name=NAME, email=EMAIL)
    except PasswordError:
        return False
    return True


@pytest.mark.parametrize(
    ("password", "basic", "keyvault"),
    [
        ("Abcdefg1", True, False),
        ("Abcdef1", False, False),
        ("abcdefg1-", True, False),
        ("abcdefgh1", False, False),
        ("ABCDEFG-", False, False),
        ("ABCDEFG1-", True, False),
        ("Blue-Lamp-7", True, False),
        ("Blue-Lantern7", True, True),
        ("BlueLantern77", True, False),
        ("blue-lantern7", True, False),
        ("Blue-Lantern-", True, False),
        ("Über-Straße-12", True, True),
        ("Robin-Larkspur-1", False, False),
        ("xX1-larkspur-xX", False, False),
        ("xX1-R.LARKSPUR-xX", False, False),
        ("1-R.Larkspur@example.org", False, False),
        ("aA1-" * 65, False, False),
        ("", False, False),
    ],
)
def test_policies(password: str, basic: bool, keyvault: bool) -> None:
    assert (accepts(BASIC, password), accepts(KEYVAULT, password)) == (basic, keyvault)


def test_eleven_characters_are_too_few_for_the_key_vault() -> None:
    password = "Blue-Lamp-7"
    assert len(password) == 11
    with pytest.raises(PasswordError, match="at least 12 characters"):
        passwords.check(KEYVAULT, password, name=NAME, email=EMAIL)


def test_short_names_forbid_nothing() -> None:
    passwords.check(BASIC, "Abcdefg1", name="A B", email="a@b.example")


def test_passwords_are_kept_as_argon2id(full_cost) -> None:
    kept = passwords.derive("Über-Straße-12")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert kept != passwords.derive("Über-Straße-12"), "each has a salt of its own"
    assert passwords.verify("U\u0308ber-Straße-12", kept), "however the keyboard composes its letters"
    assert not passwords.verify("Uber-Straße-12", kept)
    assert not passwords.verify("", None)
