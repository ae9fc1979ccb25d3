"""The one door, as an ASGI application: sign-in, pages, API and the Dagster UI on one port behind one session."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

import dashboards
from api.routes import Api
from dashboards import pages
from gateway.access_log import AccessLog
from gateway.authentication import Authentication, away_page
from gateway.cookies import is_secure, session_cookie
from gateway.dagster import PREFIX, DagsterUi
from gateway.door import Door
from gateway.headers import SecurityHeaders
from gateway.oidc import OidcSignIn
from gateway.origin import Origin
from gateway.profile import Profile
from gateway.selfservice import SelfService
from gateway.signin import SignIn
from registry.errors import RegistryError
from registry.people.sessions import Person

LOADED_FIRST = (pd, pages)
"""What the first visitor would wait for. Plotly looks for pandas among the loaded modules, too, and finds half of it
while another page's thread loads it."""

SCRIPT = Path(dashboards.__file__).parent / "app.py"


@dataclass(frozen=True, slots=True)
class DagsterAddresses:
    """Where the Dagster webservers listen.

    Attributes:
        full: The one that can do all, e.g. ``http://127.0.0.1:3000``; ``None`` where none runs.
        read_only: The read-only one.
    """

    full: str | None = None
    read_only: str | None = None


def build(door: Door, dagster: DagsterAddresses) -> ASGIApp:
    """Builds the application; one per process, since Streamlit knows but one.

    Args:
        door: The installation, the clock, who may name the first administrator.
        dagster: Where the Dagster webservers listen.

    Returns:
        The application.
    """
    routes, middleware = parts(door, dagster)
    app: ASGIApp = st.App(
        SCRIPT, routes=routes, middleware=middleware, exception_handlers={RegistryError: _registry_away}
    )
    return app


def parts(door: Door, dagster: DagsterAddresses) -> tuple[list[BaseRoute], list[Middleware]]:
    """What stands around the pages.

    Args:
        door: The installation, the clock, who may name the first administrator.
        dagster: Where the Dagster webservers listen.

    Returns:
        The door's own routes, and what every request passes first.
    """

    async def recheck(connection: HTTPConnection) -> Person | None:
        return await door.person_of(connection.cookies.get(session_cookie(is_secure(connection.scope)), ""))

    ui = DagsterUi(dagster.full, dagster.read_only, recheck, door.note_change, door.house.organisation)
    oidc = OidcSignIn(door) if door.house.settings.oidc.issuer else None
    routes: list[BaseRoute] = [
        Route("/health", _health),
        *SignIn(door, provider=oidc.name if oidc else None).routes(),
        *SelfService(door).routes(),
        *Profile(door).routes(),
        *(oidc.routes() if oidc else []),
        *Api(door.house, door.now).routes(),
        Mount("/api", app=_no_such_route),
        Route(PREFIX, _to_dagster),
        Mount(PREFIX, app=ui),
    ]
    middleware = [
        Middleware(AccessLog),
        Middleware(Origin),
        Middleware(SecurityHeaders, tiles=door.house.settings.map_tiles),
        Middleware(Authentication, door=door),
    ]
    return routes, middleware


async def _health(_: Request) -> Response:
    return PlainTextResponse("ok", headers={"Cache-Control": "no-store"})


async def _to_dagster(_: Request) -> Response:
    return RedirectResponse(f"{PREFIX}/", 303)


async def _no_such_route(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
    await JSONResponse({"error": "There is no such route."}, 404)(scope, receive, send)


async def _registry_away(request: Request, _: Exception) -> Response:
    return away_page(request)
