"""What people do without an administrator: ask for a new password, or for an account. Both answer by a letter."""

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.authentication import client_address
from gateway.door import Door
from gateway.forms import read_form
from gateway.rendering import form_page, message_page
from gateway.signin import WHO, form_errors_as_pages, to_sign_in
from gateway.wording import texts_of
from registry.people import links
from registry.people.errors import PeopleError, ThrottledError
from registry.people.letters import Letters
from registry.people.locale import Locale


class SelfService:
    """The routes.

    Args:
        door: Where accounts are, and how letters are sent.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        endpoints = {"/forgotten": self.forgotten, "/register": self.register}
        return [
            Route(path, form_errors_as_pages(endpoint), methods=["GET", "POST"]) for path, endpoint in endpoints.items()
        ]

    async def forgotten(self, request: Request) -> Response:
        """Sends a link by which a new password is set. The answer is the same whether there is an account."""
        letters = self._door.house.letters
        if letters is None:
            return _no_letters(request)
        t = texts_of(request)
        title, fields, button = t("letters.forgotten_title"), WHO[:1], t("letters.send")
        if request.method == "GET":
            return form_page(request, fields, title, text=t("letters.forgotten"), button=button)
        sent = await read_form(request)
        if problem := await self._refused(request):
            return form_page(request, fields, title, problem=problem, status=429, shown=sent, button=button)
        response = message_page(request, title, t("letters.sent"), link=to_sign_in(request))
        # After the answer: how long it takes would tell whether there is an account.
        response.background = BackgroundTask(self._request_reset, letters, sent.get("email", ""))
        return response

    async def register(self, request: Request) -> Response:
        """Makes an account without access to anything; a link that is sent activates it."""
        letters = self._door.house.letters
        if letters is None:
            return _no_letters(request)
        t = texts_of(request)
        title, problem, status, sent = t("letters.register_title"), None, 200, {}
        if request.method == "POST":
            sent = await read_form(request)
            problem, status = await self._refused(request), 429
            if not problem:
                house, mine = self._door.house, (sent.get("email", ""), sent.get("name", ""))
                try:
                    await run_in_threadpool(links.require_own, house.registry, house.organisation, *mine)
                except PeopleError as exc:
                    problem, status = t.problem(exc), 422
            if not problem:
                response = message_page(request, title, t("letters.sent"), link=to_sign_in(request))
                response.background = BackgroundTask(self._register, letters, sent, t.language)
                return response
        return form_page(
            request,
            WHO,
            title,
            text=t("letters.register"),
            problem=problem,
            status=status,
            shown=sent,
            button=t("letters.send"),
        )

    async def _refused(self, request: Request) -> str | None:
        door = self._door
        try:
            await run_in_threadpool(links.admit, door.house.registry, client_address(request), door.now())
        except ThrottledError as exc:
            return texts_of(request).problem(exc)
        return None

    def _request_reset(self, letters: Letters, email: str) -> None:
        links.request_reset(self._door.house.registry, email, now=self._door.now(), letters=letters)

    def _register(self, letters: Letters, sent: dict[str, str], language: str) -> None:
        house = self._door.house
        links.register(
            house.registry,
            house.vault,
            house.organisation,
            email=sent.get("email", ""),
            name=sent.get("name", ""),
            locale=Locale(language=language),
            now=self._door.now(),
            letters=letters,
        )


def _no_letters(request: Request) -> Response:
    t = texts_of(request)
    return message_page(request, t("letters.none_title"), t("letters.none"), status=404, link=to_sign_in(request))
