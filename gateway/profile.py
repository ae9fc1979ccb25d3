"""The profile: what people change of their own accounts, what they may do, and who can help them."""

from collections.abc import Mapping
from importlib.metadata import version
from types import MappingProxyType

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.authentication import person_in
from gateway.door import Door
from gateway.forms import read_form
from gateway.rendering import page
from gateway.signin import form_errors_as_pages
from gateway.wording import texts, texts_of
from registry.people import locale, users
from registry.people.errors import PeopleError
from registry.people.sessions import Person
from registry.wording import Texts

_LANGUAGES = {
    "da": "Dansk", "de": "Deutsch", "en": "English", "es": "Español", "fr": "Français", "nb": "Norsk", "sv": "Svenska",
}  # fmt: skip
_MARKS = {
    "": "nothing", ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar",
    ".": "point", " ": "space", "'": "apostrophe",
}  # fmt: skip
_MARKED = {
    "csv_delimiter": locale.DELIMITERS,
    "thousands_separator": locale.THOUSANDS,
    "decimal_separator": locale.DECIMALS,
}


def choices(t: Texts) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Fields that are chosen: name, label, and values with their titles. Languages have their own names."""
    marks = [
        (name, t(f"profile.{name}"), [(mark, t(f"mark.{_MARKS[mark]}")) for mark in offered])
        for name, offered in _MARKED.items()
    ]
    return [("language", t("profile.language"), [(code, _LANGUAGES[code]) for code in locale.LANGUAGES]), *marks]


class Profile:
    """The route.

    Args:
        door: Where accounts are.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        """The route of this page."""
        return [Route("/profile", form_errors_as_pages(self.profile), methods=["GET", "POST"])]

    async def profile(self, request: Request) -> Response:
        """Shows the profile, and saves what was changed."""
        person = person_in(request)
        if request.method == "GET":
            return await run_in_threadpool(self._page, request, person)
        sent = await read_form(request)
        changes = {name: sent[name] for name in users.OWN if name in sent}
        try:
            await run_in_threadpool(self._save, person, changes)
        except PeopleError as exc:
            problem = texts_of(request).problem(exc)
            return await run_in_threadpool(self._page, request, person, problem=problem, sent=changes)
        request.scope["texts"] = texts(changes.get("language", person.language))
        return await run_in_threadpool(self._page, request, person, saved=True)

    def _save(self, person: Person, changes: Mapping[str, str]) -> None:
        house = self._door.house
        users.edit(
            house.registry,
            house.vault,
            person.organisation,
            person.user_id,
            changes,
            identity=person.identity,
            now=self._door.now(),
        )

    def _page(
        self,
        request: Request,
        person: Person,
        *,
        problem: str | None = None,
        saved: bool = False,
        sent: Mapping[str, str] = MappingProxyType({}),
    ) -> Response:
        with self._door.house.registry.begin(readonly=True) as session:
            account = users.account_of(session, person.organisation, person.identity)
            helpers = users.who_can_help(session, person.organisation)
        t = texts_of(request)
        offered = choices(t)
        chosen = {name: getattr(account.locale, name) for name, _, _ in offered}
        return page(
            request,
            "profile.html",
            422 if problem else 200,
            title=t("profile.title"),
            email=account.email,
            shown={"name": account.name, **chosen, **sent},
            choices=offered,
            roles=account.roles,
            helpers=helpers,
            problem=problem,
            saved=saved,
            version=version("meterhouse"),
        )
