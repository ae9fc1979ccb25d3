"""What people cannot do, and why."""

from collections.abc import Mapping, Sequence

from registry.errors import RegistryError


class PeopleError(RegistryError):
    """What was asked for does not hold with the rules; the message says which.

    Args:
        message: In English.
        name: Name under which pages find the message in other languages; empty where no page shows it.
        values: What is filled in there.
    """

    def __init__(self, message: str, name: str = "", **values: object) -> None:
        super().__init__(message)
        self.name, self.values = name, values


class PasswordError(PeopleError):
    """A password does not meet its policy; the message never shows it.

    Args:
        message: In English.
        name: As of :class:`PeopleError`.
        faults: Name and values of each rule that it breaks.
    """

    def __init__(self, message: str, name: str = "", faults: Sequence[tuple[str, Mapping[str, object]]] = ()) -> None:
        super().__init__(message, name)
        self.faults = faults


class TokenError(PeopleError):
    """A link is unknown, used, expired or revoked."""


class Denied(PeopleError):  # noqa: N818  says itself what happened
    """The actor may not do this."""


class PasswordChangeNeeded(Denied):
    """The actor may do nothing before the password is changed."""


class ThrottledError(PeopleError):
    """Something was asked for too often; the remedy is to wait."""


class SignInError(PeopleError):
    """The sign-in failed. The message is the same whatever failed, so that nobody learns which accounts there are."""

    def __init__(self) -> None:
        super().__init__(
            "The sign-in failed: check e-mail address and password, or wait a while after several failures.",
            "sign_in",
        )
