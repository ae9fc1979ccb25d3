"""The API: programs show a secret, everybody sees the own organisation's rows alone, nothing is changed."""

import io
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from http.cookies import SimpleCookie

import polars as pl
import pytest
import requests
from sqlalchemy import select
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.routes import Api
from assets.installation import Installation
from gateway.access_log import log_to
from registry.models import AuditEvent, MeterGrant
from registry.people import services, throttle
from settings import InstallationError
from tests.unit.gateway.doors import START, Served, add_person, served
from tests.unit.warehouse.test_tenants import DAY, OURS, THEIRS, row
from warehouse.schemas import METERS

SEES = {("manager", "data_access")}
PERIOD = f"register=volume_m3&first={DAY}&last={DAY}"
PATHS = {
    "meters": "",
    "metering-points": "",
    "groups": "",
    "registers": "point={mark}-metering_point",
    "consumption": "point={mark}-metering_point&" + PERIOD,
    "readings/latest": "point={mark}-metering_point",
}
"""Each route with what it asks for."""


def program(door: Served, organisation: str = OURS, name: str = "billing", permissions=SEES) -> str:
    """A service with its secret."""
    who = {"identity": "local:test", "now": door.clock()}
    services.add(door.registry, organisation, name, permissions, **who)
    return services.new_secret(door.registry, organisation, name, **who)


def ask(door: Served, path: str, secret: str | None, method: str = "GET", **headers: str) -> requests.Response:
    shown = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return requests.request(method, door.base + path, headers={**shown, **headers}, allow_redirects=False, timeout=20)


def test_every_route_is_among_the_paths(door: Served) -> None:
    assert {route.path for route in Api(door.door.house, door.clock).routes()} == {
        "/api/v1/me",
        *(f"/api/v1/{path}" for path in PATHS),
    }


@pytest.mark.parametrize("path", PATHS)
def test_rows_of_another_organisation_never_show(door: Served, path: str) -> None:
    secrets = {mark: program(door, mark) for mark in (OURS, THEIRS)}
    add_person(door.registry, "anna@example.org", organisation=OURS, manager="user")
    for mark, foreign in ((OURS, THEIRS), (THEIRS, OURS)):
        answer = ask(door, f"/api/v1/{path}?{PATHS[path].format(mark=mark)}", secrets[mark])
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) == 1, "the one row of the own organisation"
        assert foreign not in answer.text
        if PATHS[path]:
            other = ask(door, f"/api/v1/{path}?{PATHS[path].format(mark=foreign)}", secrets[mark])
            nowhere = ask(door, f"/api/v1/{path}?{PATHS[path].format(mark='nowhere')}", secrets[mark])
            assert (other.status_code, other.text) == (nowhere.status_code, nowhere.text)
            assert other.status_code == 404
    person = door.signed_in("anna@example.org").get(f"/api/v1/{path}?{PATHS[path].format(mark=OURS)}")
    assert len(person.json()) == 1
    assert THEIRS not in person.text


@pytest.mark.parametrize("path", PATHS)
def test_who_has_no_right_to_data_reads_nothing(door: Served, path: str) -> None:
    secret = program(door, permissions={("keys", "data_access"), ("manager", "reading_management")})
    add_person(door.registry, "anna@example.org", organisation=OURS, keys="superuser")
    wanted = f"/api/v1/{path}?{PATHS[path].format(mark=OURS)}"
    for answer in (ask(door, wanted, secret), door.signed_in("anna@example.org").get(wanted)):
        assert answer.status_code == 403
        assert OURS not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_who_may_see_single_meters_reads_those_alone(door: Served, path: str) -> None:
    number = add_person(door.registry, "guest@example.org", organisation=OURS, portal="user")
    browser = door.signed_in("guest@example.org")
    wanted = f"/api/v1/{path}?{PATHS[path].format(mark=OURS)}"
    assert browser.get(wanted).status_code == 403
    grant = {"organisation": OURS, "user_id": number, "valid_from": START, "granted_by": "test"}
    with door.registry.begin() as session:
        session.add(MeterGrant(meter_id="another", **grant))
    assert browser.get(wanted).text.strip() in (
        "[]",
        '{"error":"There is no such metering point for you: see /api/v1/metering-points."}',
    )
    with door.registry.begin() as session:
        session.add(MeterGrant(meter_id=f"{OURS}-meter_id", **grant))
    assert len(browser.get(wanted).json()) == (0 if path == "groups" else 1)


def test_a_feature_that_is_off_is_refused_with_its_reason(house: Installation) -> None:
    off = Installation(house.settings.model_copy(update={"features": {"consumption_page": False}}))
    with served(off) as door:
        secret = program(door)
        add_person(door.registry, "anna@example.org", organisation=OURS, manager="user")
        browser = door.signed_in("anna@example.org")
        for path in ("registers", "consumption"):
            wanted = f"/api/v1/{path}?{PATHS[path].format(mark=OURS)}"
            for answer in (ask(door, wanted, secret), browser.get(wanted)):
                assert answer.status_code == 403
                assert "consumption_page is switched off" in answer.json()["error"]
                assert "consumption_page = true" in answer.json()["error"]
        assert ask(door, "/api/v1/meters", secret).status_code == 200, "what is no part of it goes on"


def test_a_feature_that_there_is_none_of_stops_the_start(house: Installation) -> None:
    wrong = Installation(house.settings.model_copy(update={"features": {"warp_drive": True}}))
    with pytest.raises(InstallationError, match="warp_drive"):
        Api(wrong, lambda: START)


def test_a_program_says_who_it_is_and_gets_no_cookie(door: Served) -> None:
    answer = ask(door, "/api/v1/me", program(door))
    assert answer.json() == {"organisation": OURS, "service": "billing", "permissions": ["manager:data_access"]}
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_changes_hold_at_the_next_request(door: Served) -> None:
    secret = program(door)
    who = {"identity": "local:test", "now": door.clock()}

    def status(shown: str = secret) -> int:
        return ask(door, "/api/v1/meters", shown).status_code

    assert status() == 200
    services.permit(door.registry, OURS, "billing", set(), **who)
    assert status() == 403
    services.permit(door.registry, OURS, "billing", SEES, **who)
    services.enable(door.registry, OURS, "billing", is_enabled=False, **who)
    assert status() == 401
    services.enable(door.registry, OURS, "billing", is_enabled=True, **who)
    assert status() == 200
    newer = services.new_secret(door.registry, OURS, "billing", ttl=timedelta(hours=1), **who)
    assert (status(), status(newer)) == (401, 200)
    door.clock.pass_by(timedelta(minutes=59))
    assert status(newer) == 200
    door.clock.pass_by(timedelta(minutes=1))
    assert status(newer) == 401, "it has expired"
    last = services.new_secret(door.registry, OURS, "billing", identity="local:test", now=door.clock())
    assert status(last) == 200
    services.revoke_secret(door.registry, OURS, "billing", identity="local:test", now=door.clock())
    assert status(last) == 401
    with door.registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.event == "service.sign_in.failed")).all()
        told = [(event.organisation, event.object, event.reason) for event in rows][-4:]
    assert told == [
        (OURS, "service:billing", "disabled"),
        ("", None, "unknown secret"),
        (OURS, "service:billing", "expired"),
        ("", None, "unknown secret"),
    ]


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer invented", "bearer \u00e9", "Token x", "Bearer a b"]
)
def test_what_is_no_secret_is_refused_and_says_how(door: Served, shown: str) -> None:
    answer = ask(door, "/api/v1/meters", None, Authorization=shown.encode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json().keys() == {"error"}
    assert "set-cookie" not in answer.headers


def test_two_secrets_are_none(door: Served) -> None:
    secret = program(door)
    with closing(HTTPConnection(door.base.removeprefix("http://"), timeout=20)) as connection:
        connection.putrequest("GET", "/api/v1/me")
        for shown in (secret, "other"):
            connection.putheader("Authorization", f"Bearer {shown}")
        connection.endheaders()
        assert connection.getresponse().status == 401


def test_failures_lock_out_and_that_ends(door: Served) -> None:
    secret = program(door)
    for _ in range(throttle.ADDRESS.free):
        assert ask(door, "/api/v1/me", "guess").status_code == 401
    locked = ask(door, "/api/v1/me", secret)
    assert locked.status_code == 429, "nor does the right one open while it lasts"
    assert "wait" in locked.json()["error"]
    add_person(door.registry, "anna@example.org", manager="user")
    door.signed_in("anna@example.org")
    door.clock.pass_by(throttle.ADDRESS.first + timedelta(seconds=1))
    assert ask(door, "/api/v1/me", secret).status_code == 200
    with door.registry.begin(readonly=True) as session:
        events = session.scalars(select(AuditEvent)).all()
        assert "service.lockout" in {event.event for event in events}
        assert not [event for event in events if secret in str(vars(event)) or "guess" in str(vars(event))]


def test_a_service_has_no_way_to_sign_in(door: Served) -> None:
    secret = program(door, "default", permissions={("manager", "access_control"), *SEES})
    shown = {"Authorization": f"Bearer {secret}"}
    for path in ("/", "/consumption", "/profile", "/password", "/logout", "/dagster/", "/_stcore/health", "/apix"):
        answer = ask(door, path, secret, Accept="text/html")
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login"), path
        assert not SimpleCookie(answer.headers.get("set-cookie", "")), path
    for path in ("/_stcore/stream", "/dagster/graphql", "/api/v1/me"):
        with pytest.raises(InvalidStatus) as refused:
            connect(door.base.replace("http", "ws") + path, origin=door.base, additional_headers=shown, proxy=None)
        assert refused.value.response.status_code == 403
    for email in ("billing", "service:billing", "billing@example.org"):
        assert door.browser().submit("/login", email=email, password=secret).status_code == 401


def test_forged_identity_and_a_cookie_beside_the_secret_change_nothing(door: Served) -> None:
    add_person(door.registry, "anna@example.org", organisation=THEIRS, manager="administrator")
    cookie = door.signed_in("anna@example.org").cookie_header
    forged = {"X-Meterhouse-User": "1", "X-Meterhouse-Session": "x", "Origin": "https://elsewhere.example.org"}
    secret = program(door)
    assert ask(door, "/api/v1/me", secret, **cookie, **forged).json()["service"] == "billing"
    assert ask(door, "/api/v1/me", "invented", **cookie).status_code == 401, "the cookie does not stand in"


def test_nothing_is_changed_through_it(door: Served) -> None:
    secret = program(door)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("meters", "consumption"):
            assert ask(door, f"/api/v1/{path}", secret, method).status_code == 404
    assert ask(door, "/api/v1/none", secret).status_code == 404


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("meters?limit=0", "limit is"),
        ("meters?limit=99999", "limit is"),
        ("meters?limit=٣", "limit is"),
        ("meters?pages=1", "no parameter 'pages'"),
        ("meters?limit=1&limit=2", "once"),
        ("meters?format=table", "json, csv, parquet"),
        ("consumption?point=x&register=volume_m3", "first and last are days"),
        ("consumption?point=x&register=volume_m3&first=2026-02-30&last=2026-03-01", "first and last are days"),
        ("consumption?point=x&register=volume_m3&first=2026-03-02&last=2026-03-01", "after last"),
        ("consumption?point=x&register=volume_m3&first=0001-01-01&last=2026-03-01", "1900"),
        ("consumption?point=x&register=volume_m3&first=2026-03-02&last=9999-12-31", "too far"),
        (f"consumption?point=x&{PERIOD}&interval=minutely", "hourly, daily"),
        (f"consumption?point=x&first={DAY}&last={DAY}&register=flow_temp_c", "volume_m3"),
        ("groups?limit=1", "no parameter"),
    ],
)
def test_a_question_that_does_not_hold_is_explained(door: Served, query: str, problem: str) -> None:
    answer = ask(door, f"/api/v1/{query}", program(door))
    assert answer.status_code == 400
    assert problem in answer.json()["error"]


def test_answers_come_in_three_forms(door: Served) -> None:
    secret = program(door)
    path = f"/api/v1/consumption?point={OURS}-metering_point&{PERIOD}"
    rows = ask(door, path, secret).json()
    assert [(one["metering_point"], one["consumption"], one["unit"]) for one in rows] == [
        (f"{OURS}-metering_point", 7.0, "m3")
    ]
    as_csv = ask(door, f"{path}&format=csv", secret)
    assert as_csv.headers["content-type"].startswith("text/csv")
    assert as_csv.text.startswith("metering_point,meter_id,period_start")
    assert "7.000000" in as_csv.text, "registers are exact decimals"
    as_parquet = ask(door, f"{path}&format=parquet", secret)
    assert pl.read_parquet(io.BytesIO(as_parquet.content)).height == 1


def test_lists_come_in_parts(door: Served) -> None:
    lake = door.door.house.lake
    for number in range(3):
        lake.append(METERS, row(METERS, "many").with_columns(meter_id=pl.lit(f"M&{number}")))
    secret, found, path = program(door, "many"), [], "/api/v1/meters?limit=2"
    while path:
        answer = ask(door, path, secret)
        found.append([one["meter_id"] for one in answer.json()])
        path = answer.links.get("next", {}).get("url", "")
    assert found == [["M&0", "M&1"], ["M&2"]]


def test_lake_that_cannot_be_read_is_said(door: Served) -> None:
    secret, log = program(door), door.door.house.settings.lake_path / "groups" / "_delta_log"
    newest = max(log.glob("*.json"))
    kept = newest.read_bytes()
    newest.write_text("damaged")
    try:
        answer = ask(door, "/api/v1/groups", secret)
    finally:
        newest.write_bytes(kept)
    assert answer.status_code == 503
    assert str(log.parent) not in answer.text


def test_access_log_names_the_service_and_not_its_secret(door: Served) -> None:
    folder = door.door.house.settings.home / "logs"
    log_to(folder)
    secret = program(door)
    ask(door, "/api/v1/meters?limit=5", secret)
    ask(door, "/api/v1/meters", "invented")
    text = (folder / "access.log").read_text(encoding="utf-8")
    assert " service:billing GET /api/v1/meters 200 " in text
    assert " user:- GET /api/v1/meters 401 " in text
    assert secret not in text
