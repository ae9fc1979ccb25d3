"""Routes of the API: what programs and people read, each as far as the one authorisation function lets them.

Whoever reaches them has been let in by the door, and is ``request.user``: a person or a service.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from urllib.parse import urlencode

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import parameters
from api.parameters import BadRequestError
from assets.installation import Installation
from registry.errors import RegistryError
from registry.people import access
from registry.people.errors import Denied
from registry.people.services import Service
from registry.people.sessions import Person
from settings.features import why_off
from warehouse.errors import WarehouseError
from warehouse.excerpt import Excerpt, Readable
from warehouse.published import render
from warehouse.queries import consumption, subjects

Endpoint = Callable[[Request], Awaitable[Response]]
FEATURE = {"registers": "consumption_page", "consumption": "consumption_page"}
"""Feature that a path belongs to; see :mod:`settings.features`."""

_UNKEPT = {"Cache-Control": "no-store"}


class NotFoundError(Exception):
    """What is asked for is not there for who asks, or is nowhere: the answer does not tell which."""


class Api:
    """The routes.

    Args:
        house: The installation they read.
        now: The clock.

    Raises:
        InstallationError: The settings name a feature that there is none of.
    """

    def __init__(self, house: Installation, now: Callable[[], datetime]) -> None:
        self._house, self._now = house, now
        self._off = {path: why_off(house.settings, feature) for path, feature in FEATURE.items()}

    def routes(self) -> list[Route]:
        """The routes; all of them read."""
        lists = {"meters": self._meters, "metering-points": self._points, "groups": self._groups}
        of_points = {
            "registers": self._registers,
            "consumption": self._consumption,
            "readings/latest": self._latest_reading,
        }
        asked = {**lists, **of_points}
        return [
            Route("/api/v1/me", me, methods=["GET"]),
            *(Route(f"/api/v1/{path}", self._answering(path, find), methods=["GET"]) for path, find in asked.items()),
        ]

    def _answering(self, path: str, find: Callable[[Request, Readable], pl.DataFrame]) -> Endpoint:
        """Turns a question into a route: who asks sees the own organisation's rows, or those of granted meters."""
        off = self._off.get(path)

        @wraps(find)
        async def endpoint(request: Request) -> Response:
            if off:
                return _error(off, 403)
            try:
                frame = await run_in_threadpool(lambda: find(request, self._seen_by(request.user)))
            except BadRequestError as exc:
                return _error(str(exc), 400)
            except Denied as exc:
                return _error(str(exc), 403)
            except NotFoundError as exc:
                return _error(str(exc), 404)
            except (RegistryError, WarehouseError):
                return _error("The tables cannot be read right now. Try again in a minute.", 503)
            rendered, media = parameters.FORMATS[parameters.form(request)]
            body = await run_in_threadpool(render, frame, rendered)
            following = getattr(request.state, "following", None)
            return Response(body, media_type=media, headers={**_UNKEPT, **({"Link": following} if following else {})})

        return endpoint

    def _seen_by(self, who: Person | Service) -> Readable:
        with self._house.registry.begin(readonly=True) as session:
            meters = access.meters_seen(session, who.identity, who.organisation, self._now())
        if meters is None:
            return self._house.lake
        if not meters:
            raise Denied(f"{who.identity} has no right to data access in the service manager or analytics.")
        return Excerpt(self._house.lake, meters)

    @staticmethod
    def _meters(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/meters``: all meters with the point where they are, or last were, installed."""
        return _part(request, subjects.meters(tables, request.user.organisation), "meter_id")

    @staticmethod
    def _points(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/metering-points``: all points with the meter that is, or last was, installed."""
        return _part(request, subjects.metering_points(tables, request.user.organisation), "metering_point")

    @staticmethod
    def _groups(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/groups``: all groups; none for people with rights to single meters."""
        parameters.known(request)
        return subjects.groups(tables, request.user.organisation)

    @staticmethod
    def _registers(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/registers``: registers of a point, with the first and last day of known consumption."""
        point = _point(request, tables, parameters.known(request, "point").get("point", ""))
        organisation = request.user.organisation
        found = [
            (name, *(consumption.extent(tables, organisation, point, name) or (None, None)))
            for name in consumption.registers(tables, organisation, point)
        ]
        schema = {"register": pl.String, "first": pl.Date, "last": pl.Date}
        return pl.DataFrame(found, schema=schema, orient="row")

    @staticmethod
    def _consumption(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/consumption``: consumption of a point by hour, day, month or year, see ``docs/api.md``."""
        given = parameters.known(request, "point", "register", "interval", "first", "last")
        first, last = parameters.days(given)
        register, interval = parameters.register(given), parameters.interval(given)
        point = _point(request, tables, given.get("point", ""))
        return consumption.figures(
            tables,
            request.user.organisation,
            point,
            interval=interval,
            register=register,
            first=first,
            last=last,
        )

    @staticmethod
    def _latest_reading(request: Request, tables: Readable) -> pl.DataFrame:
        """``GET /api/v1/readings/latest``: the latest valid reading of each meter that is at a point."""
        point = _point(request, tables, parameters.known(request, "point").get("point", ""))
        return consumption.latest_reading(tables, request.user.organisation, point)


async def me(request: Request) -> JSONResponse:
    """Who asks, and what roles the person or permissions the service has."""
    who: Person | Service = request.user
    told: dict[str, object] = {"organisation": who.organisation}
    if isinstance(who, Service):
        told |= {"service": who.name, "permissions": sorted(map(":".join, who.permissions))}
    else:
        told |= {
            "user_id": who.user_id,
            "email": who.email,
            "name": who.name,
            "language": who.language,
            "roles": dict(who.roles),
            "is_external": who.is_external,
        }
    return JSONResponse(told, headers=_UNKEPT)


def _point(request: Request, tables: Readable, name: str) -> pl.DataFrame:
    if not subjects.is_point(tables, request.user.organisation, name):
        raise NotFoundError("There is no such metering point for you: see /api/v1/metering-points.")
    return subjects.point(name)


def _part(request: Request, rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """A part of a list, which is sorted by its key; where it is full, the answer links to the next one."""
    page = parameters.page(parameters.known(request, "after", "limit"))
    part = rows.filter(pl.col(key) > page.after).head(page.limit)
    if part.height == page.limit:
        following = {**request.query_params, "after": part[key][-1]}
        request.state.following = f'<{request.url.path}?{urlencode(following)}>; rel="next"'
    return part


def _error(text: str, status: int) -> Response:
    return JSONResponse({"error": text}, status, headers=_UNKEPT)
