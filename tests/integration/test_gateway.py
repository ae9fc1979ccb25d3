"""The door as a user starts it: real uvicorn, registry, Streamlit and Chromium; once with real Dagster webservers."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from sqlalchemy import select
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cli.serve import dagster_behind_door
from pipelines.asking import ASKED_BY_TAG
from pipelines.auditing import IDENTITY_TAG
from pipelines.instance import prepare_instance
from registry.models import AuditEvent, User, UserSession
from registry.people import sessions, users
from tests.conftest import REPOSITORY
from tests.integration.gateways import (
    Gateway,
    chromium,
    complaints,
    fill_in,
    forget,
    free_port,
    gateway,
    patience,
    shows,
    sign_in,
    visible,
    wait_for,
)
from tests.unit.dashboards import house
from tests.unit.gateway.doors import Browser, add_person

NEW = "Another horse 8!"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = house.home_with_figures(tmp_path_factory.mktemp("gateway") / "home")
    with gateway(home) as found:
        yield found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as browser:
        yield browser


@pytest.fixture
def browser(opened: webdriver.Chrome) -> webdriver.Chrome:
    return forget(opened)


def alter(served: Gateway, user_id: int, **values: object) -> None:
    """Changes rows as another process does."""
    with served.registry.begin() as session:
        for row in session.query(UserSession).filter_by(user_id=user_id):
            if "last_seen_at" in values:
                row.last_seen_at = values["last_seen_at"]
        user = session.get_one(User, user_id)
        for name in values.keys() & {"is_enabled", "must_change_password"}:
            setattr(user, name, values[name])


def rerun(browser: webdriver.Chrome) -> None:
    """Clicks a widget, which reruns the open page over its WebSocket."""
    visible(browser, By.XPATH, "//button[contains(., 'Monthly')]").click()


def open_consumption(browser: webdriver.Chrome, served: Gateway) -> None:
    browser.get(f"{served.address}/consumption?point=P-1")
    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")


@pytest.mark.browser
def test_newcomer_names_the_first_administrator(browser: webdriver.Chrome, tmp_path: Path) -> None:
    with gateway(house.home_with_figures(tmp_path / "home")) as served:
        link = served.setup_link()
        browser.get(served.address)
        shows(browser, "Sign in")
        browser.get(link)
        fill_in(browser, email="first@example.org", name="Person One", password=NEW, again=NEW)
        visible(browser, By.XPATH, "//h1[contains(., 'Home')]")
        shows(browser, "Person One")
        browser.get(link)
        shows(browser, "The link does not work")
        printed = served.log.read_text(encoding="utf-8")
        assert len(re.findall("token=", printed)) == 1, "requests are not printed with their queries"
    with gateway(tmp_path / "home") as again:
        assert "/setup" not in again.log.read_text(encoding="utf-8")


@pytest.mark.browser
def test_sign_in_leads_to_the_page_asked_for_and_outlives_a_refresh(browser: webdriver.Chrome, served: Gateway) -> None:
    add_person(served.registry, "anna@example.org", manager="user")
    browser.get(f"{served.address}/consumption?point=P-2&interval=Monthly")
    fill_in(browser, email="anna@example.org", password="wrong")
    shows(browser, "The sign-in failed")
    fill_in(browser, email="anna@example.org", password="Correct horse 7")
    visible(browser, By.XPATH, "//h1[contains(., 'Consumption')]")
    assert "point=P-2" in browser.current_url
    for _ in range(2):
        browser.refresh()
        shows(browser, "Person anna")
    visible(browser, By.LINK_TEXT, "Sign out").click()
    visible(browser, By.CSS_SELECTOR, "button[type=submit]").click()
    patience(browser).until(lambda opened: opened.current_url.endswith("/login"))
    browser.get(f"{served.address}/consumption")
    visible(browser, By.NAME, "password")
    assert not complaints(browser)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("revoked", "You are signed out"),
        ("idle", "You are signed out"),
        ("disabled", "You are signed out"),
        ("renewed", "Your password must be changed"),
    ],
)
def test_open_page_shows_nothing_more_once_the_session_ends(
    browser: webdriver.Chrome, served: Gateway, name: str, sentence: str
) -> None:
    number = add_person(served.registry, f"{name}@example.org", manager="user")
    sign_in(browser, served.address, f"{name}@example.org")
    open_consumption(browser, served)
    now = datetime.now(UTC)
    match name:
        case "revoked":
            users.revoke_sessions(served.registry, "default", number, identity="local:test", now=now)
        case "idle":
            alter(served, number, last_seen_at=now - sessions.IDLE - timedelta(seconds=5))
        case "disabled":
            alter(served, number, is_enabled=False)
        case "renewed":
            alter(served, number, must_change_password=True)

    rerun(browser)

    shows(browser, sentence)
    patience(browser).until(lambda opened: not opened.find_elements(By.CSS_SELECTOR, ".js-plotly-plot"))
    assert "Traceback" not in browser.page_source
    browser.find_element(By.XPATH, "//a[@href='/login' or @href='/password']")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("email", "roles", "sentence"),
    [
        ("keys@example.org", {"portal": "superuser", "keys": "superuser"}, "is not open to your account"),
        ("analyst@example.org", {"analytics": "user"}, None),
    ],
)
def test_pages_are_for_roles_of_their_services(
    browser: webdriver.Chrome, served: Gateway, email: str, roles: dict[str, str], sentence: str | None
) -> None:
    add_person(served.registry, email, **roles)
    sign_in(browser, served.address, email)
    browser.get(f"{served.address}/consumption?point=P-1")
    if sentence:
        shows(browser, sentence)
        assert "P-1" not in browser.find_element(By.TAG_NAME, "body").text
    else:
        visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")


@pytest.mark.browser
def test_another_organisation_sees_nothing_of_this_one(browser: webdriver.Chrome, served: Gateway) -> None:
    add_person(served.registry, "other@example.org", organisation="other", manager="administrator")
    sign_in(browser, served.address, "other@example.org")
    browser.get(f"{served.address}/consumption?point=P-1")
    shows(browser, "No metering points are registered yet")


def test_streamlit_is_behind_the_door(served: Gateway) -> None:
    add_person(served.registry, "raw@example.org", manager="user")
    page = Browser(served.address)
    assert page.get("/").status_code == 303
    for path in ("/_stcore/health", "/_stcore/host-config", "/static/favicon.png", "/_stcore/agent/openapi.json"):
        assert requests.get(served.address + path, timeout=20).status_code == 401, path
    url = served.address.replace("http", "ws") + "/_stcore/stream"
    forged = {"X-Meterhouse-User": "1", "X-Meterhouse-Session": "x"}
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=served.address, subprotocols=["streamlit"], additional_headers=forged, proxy=None)
    assert refused.value.response.status_code == 403
    page.sign_in("raw@example.org")
    headers = {**page.cookie_header, **forged}
    with connect(
        url, origin=served.address, subprotocols=["streamlit"], additional_headers=headers, proxy=None
    ) as ours:
        assert ours.subprotocol == "streamlit"
    assert page.get("/").status_code == 200


LAUNCH = """
mutation Launch($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""


def ask(served: Gateway, who: Browser, query: str, **variables: object) -> requests.Response:
    body = {"query": query, "variables": variables}
    return who.session.post(
        f"{served.address}/dagster/graphql", json=body, headers={"Origin": served.address}, timeout=60
    )


def refused_everything(served: Gateway, superuser: Browser, read_only: str) -> None:
    """The door lets no mutation of a superuser's through, and the read-only webserver behind it carries out none."""
    schema = ask(served, superuser, "{ __schema { mutationType { fields { name } } } }").json()
    fields = [field["name"] for field in schema["data"]["__schema"]["mutationType"]["fields"]]
    assert len(fields) > 30
    for field in fields:
        assert ask(served, superuser, f"mutation {{ {field} {{ __typename }} }}").status_code == 403, field
    launch = {"query": LAUNCH, "variables": {"p": job("note_audit_heads")}}
    behind = requests.post(f"{read_only}/dagster/graphql", json=launch, timeout=60).json()
    assert behind["data"]["launchRun"]["__typename"] == "UnauthorizedError"
    batch = requests.post(f"{read_only}/dagster/graphql", json=[launch, launch], timeout=60)
    assert "LaunchRunSuccess" not in batch.text, "it knows no batches"
    with connect(
        read_only.replace("http", "ws") + "/dagster/graphql", subprotocols=["graphql-ws"], proxy=None
    ) as opened:
        opened.send(json.dumps({"type": "start", "id": "1", "payload": launch}))
        answer = json.loads(opened.recv(timeout=30))
    assert answer["type"] == "error", "a WebSocket subscribes, and no more"


def job(name: str, **tags: str) -> dict[str, object]:
    selector = {"repositoryLocationName": "meterhouse", "repositoryName": "__repository__", "jobName": name}
    given = [{"key": key, "value": value} for key, value in tags.items()]
    return {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": given}}


def run_is_ascribed(served: Gateway, administrator: Browser, home: Path) -> None:
    """A run that a person launches bears that person's number, whatever tags the request brings along."""
    forged = {ASKED_BY_TAG: "user:999", IDENTITY_TAG: "local:somebody", "dagster/sensor_name": "x"}
    answer = ask(served, administrator, LAUNCH, p=job("note_audit_heads", **forged)).json()
    run_id = answer["data"]["launchRun"]["run"]["runId"]
    number = administrator.get("/api/v1/me").json()["user_id"]
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.get_run_by_id(run_id)
        assert run
        assert run.tags[ASKED_BY_TAG] == f"user:{number}"
    with served.registry.begin(readonly=True) as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == "orchestrator.change")).all()
    assert (event.identity, event.object) == (f"user:{number}", "launchRun")


@pytest.mark.slow
@pytest.mark.browser
def test_real_dagster_behind_the_door(
    browser: webdriver.Chrome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house.empty_home(tmp_path / "home")
    prepare_instance(home / "dagster")
    port = free_port()
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    environment = {**os.environ, "METERHOUSE_HOME": str(home)}
    full, read_only, _daemon = dagster_behind_door(port)
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "dagster.log").open("w"))
        for command in (full, read_only):
            server = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log)
            stack.callback(server.wait, 30)
            stack.callback(server.terminate)
            wait_for(
                f"http://127.0.0.1:{command[command.index('-p') + 1]}/dagster/server_info",
                server,
                tmp_path / "dagster.log",
            )
        addresses = [f"http://127.0.0.1:{number}" for number in (port, port + 1)]
        served = stack.enter_context(gateway(home, "--dagster", addresses[0], "--dagster-read-only", addresses[1]))
        people = {}
        for role in ("administrator", "superuser", "user"):
            add_person(served.registry, f"{role}@example.org", manager=role)
            people[role] = Browser(served.address).sign_in(f"{role}@example.org")

        allowed = "{ permissions { permission value } }"
        for role, may in (("administrator", True), ("superuser", False)):
            answer = people[role].session.post(
                f"{served.address}/dagster/graphql",
                json={"query": allowed},
                headers={"Origin": served.address},
                timeout=60,
            )
            found = {entry["permission"]: entry["value"] for entry in answer.json()["data"]["permissions"]}
            assert found["launch_pipeline_execution"] is may, role
        refused_everything(served, people["superuser"], addresses[1])
        run_is_ascribed(served, people["administrator"], home)
        assert people["user"].get("/dagster/").status_code == 403
        assert people["user"].post("/dagster/graphql", b"{}").status_code == 403
        assert Browser(served.address).get("/dagster/").status_code == 303

        sign_in(browser, served.address, "administrator@example.org")
        browser.get(f"{served.address}/dagster")
        visible(browser, By.XPATH, "//a[@href='/dagster/runs' or @href='/dagster/runs/']")
        browser.get(f"{served.address}/dagster/assets")
        shows(browser, "Assets")
        seen = (home / "logs" / "access.log").read_text(encoding="utf-8")
        assert re.search(r"WEBSOCKET /dagster/graphql 101 ", seen), "subscriptions go over a WebSocket"
        browser.save_screenshot(str(tmp_path / "dagster.png"))
