"""Routes of the API; whoever reaches them is signed in, as ``request.user``."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from registry.people.sessions import Person


async def me(request: Request) -> JSONResponse:
    """Who asks, and what roles the person has."""
    person: Person = request.user
    return JSONResponse(
        {
            "user_id": person.user_id,
            "organisation": person.organisation,
            "email": person.email,
            "name": person.name,
            "language": person.language,
            "roles": dict(person.roles),
            "is_external": person.is_external,
        },
        headers={"Cache-Control": "no-store"},
    )


ROUTES = [Route("/api/v1/me", me)]
