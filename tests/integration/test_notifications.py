"""From an event to the people it is told to: immediately, in digests, once, whatever dies in between."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from assets.installation import Installation
from assets.steps import notifying
from assets.steps.forgetting import forget_messages
from assets.steps.mailing import deliver, deliver_texts
from assets.steps.notifying import AT_ONCE, notify
from registry import ledger, mail, notifications
from registry.customers import add_customer
from registry.ledger import LandedFile
from registry.mail.outbox import EXPIRED, LIFETIME
from registry.models import ExportJob, ExportRun
from registry.notifications import Choice, read_rule
from registry.trail import Filter, events
from settings.model import Sms, Smtp
from tests.conftest import REPOSITORY
from tests.integration.mail_server import PASSWORD, SENDER, USER, Authority, Inbox, free_port, mail_server
from tests.integration.mailing import ca, inbox, port
from tests.integration.sms_service import Phones, sms_service
from tests.unit.gateway.doors import make_house
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    COLLECTOR_DAILY,
    CONSUMPTION_ALERTS,
    GROUP_MEMBERS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    METERS,
    NOTIFICATIONS,
    Table,
)

__all__ = ["ca", "inbox", "port"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LONG_AGO = NOW - 300 * DAY
KIM, ROBIN, PHONE = "kim@elsewhere.example", "robin@elsewhere.example", "+4587654321"
WHO = {"identity": "local:clerk", "now": LONG_AGO}


def at(meter: str) -> dict:
    return {"meter_id": meter, "installed_at": LONG_AGO}


@pytest.fixture
def house(tmp_path: Path, ca: Authority, port: int) -> Iterator[Installation]:
    made = make_house(tmp_path)
    put(made, INSTALLATIONS, *({"metering_point": f"P-{one}", **at(one)} for one in "ABC"))
    put(made, METERS, *({"meter_id": one, "medium": "water", "serial": one} for one in "ABC"))
    known = with_mail(made, port, ca)
    assert known.vault  # opening it takes a transaction of its own
    yield known
    known.registry.engine.dispose()


def with_mail(house: Installation, port: int, ca: Authority) -> Installation:
    smtp = Smtp(
        host="localhost", port=port, username=USER, password=PASSWORD, ca_file=ca.ca_file, sender=SENDER
    )  # fmt: skip
    return Installation(house.settings.model_copy(update={"smtp": smtp}))


def put(house: Installation, table: Table, *rows: dict) -> None:
    """Replaces what a table holds; what is not given of a row is empty."""
    blank = {
        column.name: None if column.nullable else _BLANKS.get(table.schema[column.name].base_type(), LONG_AGO)
        for column in table.columns
    }
    filled = [{**blank, "organisation": "default", **row} for row in rows]
    house.lake.overwrite(table, table.conform(pl.DataFrame(filled, schema=table.schema)))


_BLANKS = {pl.String: "", pl.Int32: 0, pl.Int64: 0, pl.Float64: 0.0, pl.Boolean: False, pl.Decimal: Decimal(0)}


def leak(meter: str = "A", since: datetime = NOW - HOUR, **more) -> dict:
    times = {"first_seen": since, "last_seen": more.get("cleared_at") or NOW}
    return {"meter_id": meter, "code": "LEAK", "priority": "high", **times, **more}


def add(house: Installation, text: str = "", to: str = KIM, now: datetime = LONG_AGO) -> None:
    document = f"name: Leaks\ninfo_codes: {{}}\nrecipients: ['{to}']\n{text}"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), identity="local:me", now=now)


def log(house: Installation) -> list[tuple]:
    with house.registry.begin(readonly=True) as session:
        return notifications.log(session, "default").select("kind", "state", "status", "reason").rows()


def text_of(message) -> str:
    return message.get_body(("plain",)).get_content()


def test_a_leak_is_told_at_once_and_once(house: Installation, inbox: Inbox) -> None:
    add(house)
    put(house, INFO_CODE_EVENTS, leak())
    assert (notify(house, NOW).messages, notify(house, NOW).messages) == (1, 0)
    assert deliver(house, NOW).sent == 1
    assert [message["Subject"] for message in inbox.messages] == ["Leaks: Leak, P-A (A), since 2026-01-15 12:00 CET"]
    assert log(house) == [("immediate", "sent", "success", "The mail server took the message")]
    put(house, INFO_CODE_EVENTS, leak(last_seen=NOW + HOUR))
    assert notify(house, NOW + HOUR).messages == 0, "it goes on"
    put(house, INFO_CODE_EVENTS, leak(cleared_at=NOW + HOUR), leak(since=NOW + 2 * HOUR, last_seen=NOW + 2 * HOUR))
    assert notify(house, NOW + 2 * HOUR).messages == 1, "it cleared and came again"


def test_a_server_that_is_down_fails_and_the_message_arrives_later(
    house: Installation, inbox: Inbox, ca: Authority
) -> None:
    add(house)
    put(house, INFO_CODE_EVENTS, leak())
    notify(house, NOW)
    port = free_port()
    down = with_mail(house, port, ca)
    assert deliver(down, NOW).postponed == 1
    ((_, state, status, reason),) = log(house)
    assert (state, status) == ("retry", "failed")
    assert "the connection failed (Connection refused)" in str(reason)
    with mail_server(inbox, ca, port):
        assert deliver(down, NOW + 4 * MINUTE).sent == 0, "five minutes have not passed"
        assert notify(house, NOW + 4 * MINUTE).messages == 0
        assert deliver(down, NOW + 6 * MINUTE).sent == 1
    assert log(house) == [("immediate", "sent", "success", "The mail server took the message")]
    assert len(inbox.messages) == 1


def test_text_messages_go_through_the_service(house: Installation, inbox: Inbox) -> None:
    add(house, to=PHONE)
    put(house, INFO_CODE_EVENTS, leak())
    notify(house, NOW)
    phones = Phones(answer=lambda _: (503, ""))
    assert deliver(house, NOW).sent == 0, "mail does not take them"
    with sms_service(phones) as url:
        with_sms = Installation(
            house.settings.model_copy(update={"sms": Sms(url=url, state_path="state", delivered=("done",))})
        )
        assert deliver_texts(with_sms, NOW).postponed == 1
        assert log(house)[0][:3] == ("immediate", "retry", "failed")
        assert str(log(house)[0][3]).startswith("ServiceUnavailable")
        phones.answer = lambda _: (200, '{"state": "done"}')
        assert deliver_texts(with_sms, NOW + 6 * MINUTE).sent == 1
    assert phones.taken == [{"to": PHONE, "text": "Leaks: Leak, P-A (A), since 2026-01-15 12:00 CET"}]
    assert log(house) == [("immediate", "delivered", "success", "The SMS was delivered")]
    assert inbox.messages == []


DIGEST = "immediately: false\nfrequency: {at: '12:20'}\n"
DUE = datetime(2026, 1, 15, 11, 20, tzinfo=UTC)


def test_a_digest_tells_of_what_lasts_and_an_empty_one_is_not_sent(house: Installation, inbox: Inbox) -> None:
    add(house, DIGEST)
    assert notify(house, DUE).messages == 0
    put(
        house,
        INFO_CODE_EVENTS,
        leak(since=DUE + HOUR, last_seen=DUE + HOUR),
        leak("B", since=DUE + HOUR, cleared_at=DUE + 2 * HOUR),
        leak("C", code="DRY", priority="normal", since=DUE + 2 * HOUR, last_seen=DUE + 3 * HOUR),
    )
    assert notify(house, DUE + 3 * HOUR).messages == 0, "today's had nothing to tell; these are tomorrow's"
    done = notify(house, DUE + DAY)
    assert (done.messages, done.events) == (1, 2)
    deliver(house, DUE + DAY)
    (message,) = inbox.messages
    assert message["Subject"] == "Leaks: 2 events"
    assert "▲ Leak, P-A (A), since 2026-01-15 13:20 CET" in text_of(message)
    assert ", P-C (C), since 2026-01-15 14:20 CET" in text_of(message)
    assert "P-B" not in text_of(message), "it is over"
    assert notify(house, DUE + 2 * DAY).messages == 0, "nothing is new"


def test_what_was_told_at_once_is_not_doubled_in_the_digest_until_it_is_to_be_recalled(
    house: Installation, inbox: Inbox
) -> None:
    add(house, "frequency: {at: '12:20'}\nremind_days: 3\n")
    put(house, INFO_CODE_EVENTS, leak(since=DUE - HOUR, last_seen=DUE + 9 * DAY))
    told = []
    for now in (DUE - MINUTE, *(DUE + day * DAY for day in range(8))):
        told.append(notify(house, now).messages)
        deliver(house, now)
    assert told == [1, 0, 0, 0, 1, 0, 0, 1, 0], "at once; then in the first digest after three days, and so on"
    assert [message["Subject"] for message in inbox.messages][1:] == ["Leaks: 1 event"] * 2
    assert "Still so: ▲ Leak, P-A (A)" in text_of(inbox.messages[1])


@pytest.mark.parametrize(
    ("day", "clock"), [(date(2026, 3, 29), "02:30"), (date(2026, 10, 25), "02:30")], ids=["spring", "autumn"]
)
def test_on_the_days_that_clocks_change_there_is_one_digest(house: Installation, day: date, clock: str) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * HOUR
    add(house, f"immediately: false\nfrequency: {{at: '{clock}'}}\n", now=midnight)
    made = []
    for half in (*range(12), *range(48, 60)):  # the nights
        now = midnight + half * HOUR / 2
        opened = [midnight - DAY + n * HOUR / 2 for n in range(half + 1)]  # each half an hour another one
        put(house, INFO_CODE_EVENTS, *(leak(f"{n}", since, last_seen=now) for n, since in enumerate(opened)))
        made += [now] if notify(house, now).messages else []
    zone = house.settings.zone
    assert [at.astimezone(zone).date() for at in made] == [day, day + DAY]


def test_a_group_and_a_priority_choose(house: Installation, inbox: Inbox) -> None:
    group = {"group": "North", "metering_point": "P-A", "valid_from": LONG_AGO}
    put(house, GROUP_MEMBERS, group, {**group, "metering_point": "P-B", "valid_to": NOW - DAY})
    document = f"name: North\ngroup: North\ninfo_codes: {{only_high: true}}\nrecipients: ['{KIM}']\nlanguage: de\n"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    put(house, INFO_CODE_EVENTS, leak(), leak("B"), leak("C"), leak(code="DRY", priority="normal"))
    notify(house, NOW)
    deliver(house, NOW)
    assert [message["Subject"] for message in inbox.messages] == ["North: Leckage, P-A (A), seit 2026-01-15 12:00 CET"]


def test_many_events_at_once_go_in_one_message(house: Installation, inbox: Inbox) -> None:
    add(house)
    codes = [leak(code=f"BIT_{n}") for n in range(250)]
    put(house, INFO_CODE_EVENTS, *codes[: AT_ONCE + 1])
    done = notify(house, NOW)
    assert (done.messages, done.events) == (1, AT_ONCE + 1)
    deliver(house, NOW)
    put(house, INFO_CODE_EVENTS, *codes)
    assert notify(house, NOW + MINUTE).messages == 1
    deliver(house, NOW + MINUTE)
    last = inbox.messages[-1]
    assert last["Subject"] == f"Leaks: {250 - AT_ONCE - 1} events"
    assert "29 more are in the attached file." in text_of(last)
    (file,) = last.iter_attachments()
    assert len(file.get_content().splitlines()) == 250 - AT_ONCE


def watched(house: Installation, *events: dict, last_reset: datetime | None = None) -> None:
    alert = {"alert_no": 1, "metering_point": "P-A", "register": "volume_m3", "limit_value": Decimal(25)}
    put(house, CONSUMPTION_ALERTS, {**alert, "period": "total", "last_reset": last_reset})
    start = last_reset or LONG_AGO
    put(house, ALERT_USAGE, {"alert_no": 1, "metering_point": "P-A", "window_start": start})
    rows = [{**alert, "meter_id": "A", "used": Decimal("25.3"), "window_start": LONG_AGO, **one} for one in events]
    put(house, ALERT_EVENTS, *rows)


def test_a_consumption_alert_is_told_taken_back_and_told_again_after_a_reset(house: Installation, inbox: Inbox) -> None:
    document = f"name: Alerts\nconsumption_alerts: true\nrecipients: ['{KIM}']\n"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    crossed = {"at": NOW - HOUR, "crossed_at": NOW - HOUR, "state": "triggered"}
    watched(house, crossed)
    assert notify(house, NOW).messages == 1
    watched(house, {**crossed, "state": "retracted", "retracted_at": NOW})
    assert (notify(house, NOW + MINUTE).messages, notify(house, NOW + HOUR).messages) == (1, 0)
    again = {**crossed, "window_start": NOW + HOUR, "at": NOW + 2 * HOUR}
    watched(house, {**crossed, "state": "retracted", "retracted_at": NOW}, again, last_reset=NOW + HOUR)
    assert notify(house, NOW + 2 * HOUR).messages == 1
    deliver(house, NOW + 2 * HOUR)
    assert [message["Subject"] for message in inbox.messages] == [
        "Alerts: Consumption 25.3 m3, above the limit of 25 m3, P-A (A), since 2026-01-15 12:00 CET",
        "Alerts: retracted: Consumption 25.3 m3, above the limit of 25 m3, P-A (A), since 2026-01-15 12:00 CET",
        "Alerts: Consumption 25.3 m3, above the limit of 25 m3, P-A (A), since 2026-01-15 15:00 CET",
    ]


def test_a_collector_that_falls_silent_while_another_delivers(house: Installation, inbox: Inbox) -> None:
    document = f"name: Collectors\nsilent_collectors: true\nrecipients: ['{KIM}']\n"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    known = {"day": NOW.date(), "month": "2026-01"}
    heard = [{"collector": name, "last_contact": last, **known} for name, last in (("K1", NOW - 3 * DAY), ("K2", NOW))]
    put(house, COLLECTOR_DAILY, *heard)
    assert [notify(house, NOW + n * HOUR).messages for n in range(2)] == [1, 0]
    deliver(house, NOW + HOUR)
    subject = inbox.messages[0]["Subject"].strip()
    assert subject == "Collectors: Collector delivers nothing, K1, since 2026-01-12 13:00 CET"


def test_that_nothing_arrives_any_more_is_told_once_until_the_next_delivery(house: Installation, inbox: Inbox) -> None:
    document = f"name: Collectors\nsilent_collectors: true\nrecipients: ['{KIM}']\nlanguage: da\n"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    put(house, COLLECTOR_DAILY, {"collector": "K1", "last_contact": NOW, "day": NOW.date(), "month": "2026-01"})
    landed(house, *(NOW - number * HOUR for number in range(500)))
    told = [notify(house, NOW + hours * HOUR).messages for hours in (1, 2, 3, 4, 100)]
    assert told == [0, 0, 1, 0, 0]
    deliver(house, NOW + 4 * HOUR)
    landed(house, NOW + 101 * HOUR)
    assert [notify(house, NOW + hours * HOUR).messages for hours in (102, 103, 104, 105)] == [0, 0, 1, 0]
    deliver(house, NOW + 105 * HOUR)
    assert [message["Subject"].strip() for message in inbox.messages] == [
        "Collectors: Der ankommer intet mere, alle koncentratorer, siden 2026-01-15 13:00 CET",
        "Collectors: Der ankommer intet mere, alle koncentratorer, siden 2026-01-19 18:00 CET",
    ]


def landed(house: Installation, *instants: datetime) -> None:
    for at in instants:
        name = at.isoformat()
        file = LandedFile(sha256=name, name=name, size=1, landed_at=at, landed_day=at.date())
        assert ledger.register(house.registry, "default", file)


def test_an_export_that_somebody_has_to_look_at(house: Installation, inbox: Inbox) -> None:
    document = f"name: Exports\nexports: true\nrecipients: ['{KIM}']\n"
    job = ExportJob(
        job_id="1", organisation="default", name="billing", document="", version=1, sequence=1, changed_at=NOW
    )
    run = {"organisation": "default", "job_id": "1", "period_from": NOW, "period_to": NOW, "seq": 1, "attempts": 1}
    run |= {"job_document": "", "requested_by": "local:me", "requested_at": NOW}
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
        session.add(job)
        for number, state in enumerate(("failed", "withheld", "delivered"), 1):
            session.add(ExportRun(run_id=state, revision=number, state=state, **run))
    assert [notify(house, NOW + n * HOUR).messages for n in range(2)] == [2, 0]
    deliver(house, NOW + HOUR)
    assert sorted(message["Subject"].strip() for message in inbox.messages) == [
        "Exports: Export failed, billing, since 2026-01-15 13:00 CET",
        "Exports: Export withheld, billing, since 2026-01-15 13:00 CET",
    ]


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


STEPS: list[tuple[str, str]] = [
    ("registry.notifications.telling.queue", "before the message is queued"),
    ("registry.notifications.telling.NotificationMessage", "before it is noted what it tells"),
    ("assets.steps.notifying.telling.handled", "before the digest is noted"),
    ("assets.steps.mailing.mail.claim", "before it is claimed"),
    ("assets.steps.mailing.mail.compose", "after it was claimed"),
    ("assets.steps.mailing._message", "before it is handed over"),
]


@pytest.mark.parametrize("rule", ["", DIGEST], ids=["immediate", "digest"])
@pytest.mark.parametrize(("step", "_when"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("calls", [1, 2])
def test_whoever_dies_between_two_steps_nobody_is_told_twice_and_nobody_is_left_out(
    house: Installation, inbox: Inbox, rule: str, step: str, _when: str, calls: int
) -> None:
    document = f"name: Leaks\ninfo_codes: {{}}\nrecipients: ['{KIM}', '{ROBIN}']\n{rule}"
    with house.registry.begin() as session:
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    put(house, INFO_CODE_EVENTS, leak(since=DUE - HOUR, last_seen=DUE))
    with patch(step, dies(step, calls)):
        works_off(house, DUE)
    works_off(house, DUE + HOUR)
    works_off(house, DUE + 2 * HOUR)
    assert sorted(address for (address,) in inbox.recipients) == [KIM, ROBIN]


def works_off(house: Installation, now: datetime) -> None:
    try:
        notify(house, now)
        deliver(house, now)
    except Killed:
        pass


def dies(step: str, calls: int) -> Callable[..., object]:
    """What a step is until it is called for the n-th time."""
    module, _, name = step.rpartition(".")
    place: object = __import__(module.split(".")[0])
    for part in module.split(".")[1:]:
        place = getattr(place, part)
    real, left = getattr(place, name), [calls]

    def run(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(*arguments, **options)

    return run


NOTIFYING = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from unittest.mock import patch
from assets.installation import open_installation
from assets.steps.notifying import notify

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

with patch(sys.argv[3], die):
    notify(open_installation(Path(sys.argv[1])), datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.parametrize(
    "step", ["registry.notifications.telling.NotificationMessage", "assets.steps.notifying.telling.handled"]
)
def test_a_process_that_is_killed_leaves_nothing_half_told(house: Installation, inbox: Inbox, step: str) -> None:
    add(house, DIGEST)
    put(house, INFO_CODE_EVENTS, leak(since=DUE - HOUR, last_seen=DUE))
    home = house.settings.home
    died = subprocess.run(
        [sys.executable, "-c", NOTIFYING, str(home), DUE.isoformat(), step],
        cwd=REPOSITORY,
        env={**os.environ, "METERHOUSE_MASTER_KEY_FILE": str(home.parent / "master.key")},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert log(house) == []
    assert (notify(house, DUE + MINUTE).messages, notify(house, DUE + HOUR).messages) == (1, 0)
    deliver(house, DUE + HOUR)
    assert len(inbox.messages) == 1


def test_a_customer_is_told_of_their_own_place(house: Installation, inbox: Inbox) -> None:
    add_customer(
        house.registry,
        house.vault,
        organisation="default",
        metering_point="P-B",
        texts={"customer_number": "C1", "address": "Meadow Lane 12", "city": "Northtown"},
        **WHO,
    )
    with house.registry.begin() as session:
        notifications.subscribe(session, house.vault, "default", "P-B", ROBIN, Choice(("LEAK",), language="sv"), **WHO)
    add(house, "shows_address: true\n")
    put(house, INFO_CODE_EVENTS, leak(), leak("B"), leak("B", code="BURST"))
    assert notify(house, NOW).messages == 4
    deliver(house, NOW)
    told = [m for m, to in zip(inbox.messages, inbox.recipients, strict=True) if to == [ROBIN]]
    assert [m["Subject"] for m in told] == ["Subscription: Läckage, P-B (B), sedan 2026-01-15 12:00 CET"]
    shown = [m["Subject"] for m, to in zip(inbox.messages, inbox.recipients, strict=True) if to == [KIM]]
    assert sorted("Meadow Lane 12, Northtown" in subject for subject in shown) == [False, True, True]


def test_nobody_is_told_of_another_organisation(house: Installation) -> None:
    add(house)
    put(house, INFO_CODE_EVENTS, leak(organisation="other"))
    assert notify(house, NOW).messages == 0


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
@pytest.mark.parametrize("kind", ["consumption", "info_codes", "performance", "water_loss"])
def test_a_report_is_sent_at_its_time(house: Installation, inbox: Inbox, kind: str, form: str) -> None:
    report = f"name: Monday\nreport: {{kind: {kind}, format: {form}}}\nfrequency: {{at: '06:00', weekdays: [1]}}\n"
    with house.registry.begin() as session:
        document = f"{report}recipients: ['{KIM}', '{ROBIN}']\n"
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    put(house, INFO_CODE_EVENTS, leak(since=NOW - 6 * DAY))
    assert [notify(house, NOW + n * MINUTE).messages for n in range(2)] == [2, 0]
    deliver(house, NOW)
    for message in inbox.messages:
        (file,) = message.iter_attachments()
        assert file.get_filename() == f"{kind}_2026-01-05_2026-01-11.{form}"
        assert "2026-01-05 - 2026-01-11" in message["Subject"]
        content = file.get_content()
        if kind == "info_codes" and form == "csv":
            assert "LEAK" in content
        assert content
    with patch.object(notifying, "send_report", side_effect=Killed), pytest.raises(Killed):
        notify(house, NOW + 7 * DAY)
    assert notify(house, NOW + 7 * DAY).messages == 2


def test_a_rule_that_fails_keeps_no_other_from_telling(house: Installation, inbox: Inbox) -> None:
    report = "report: {kind: info_codes, format: csv}\nfrequency: {at: '06:00'}\n"
    with house.registry.begin() as session:
        document = f"name: Morning\nrecipients: ['{KIM}']\n{report}"
        notifications.add(session, house.vault, "default", read_rule(document.encode()), **WHO)
    add(house)
    put(house, INFO_CODE_EVENTS, leak())
    with patch("registry.mail.outbox.MOST_BYTES", 10):
        done = notify(house, NOW)
    assert (done.messages, done.failures) == (
        1,
        ("Morning: Files of more than 0 MB cannot go by e-mail: choose less.",),
    )
    assert notify(house, NOW).messages == 1, "once it is small enough"
    assert notify(house, NOW) == notifying.Notified()


def test_a_rule_that_is_made_later_tells_of_what_lasts_and_not_of_what_was(house: Installation) -> None:
    put(house, INFO_CODE_EVENTS, leak(), leak("B", cleared_at=NOW - MINUTE))
    add(house, now=NOW)
    assert notify(house, NOW).events == 1
    with house.registry.begin(readonly=True) as session:
        assert len(mail.entries(session, "default")) == 1


def test_what_is_forgotten_is_not_told_again_and_what_waits_is_sent(house: Installation, inbox: Inbox) -> None:
    add(house)
    put(house, INFO_CODE_EVENTS, leak())
    notify(house, NOW)
    deliver(house, NOW)
    put(house, INFO_CODE_EVENTS, leak(), leak("B", since=NOW + 91 * DAY, last_seen=NOW + 91 * DAY))
    later = NOW + 91 * DAY
    assert notify(house, later).messages == 1
    before = log(house)
    assert forget_messages(house, identity="local:me", now=later) == {"recipients": 1}
    assert forget_messages(house, identity="local:me", now=later) == {}
    assert notify(house, later).messages == 0, "what was told stays told"
    assert log(house) == before
    with house.registry.begin(readonly=True) as session:
        assert sorted(bool(entry.subject) for entry in mail.entries(session, "default")) == [False, True]
    (event,) = events(house.registry, Filter("default", event="mail.forget"))
    assert json.loads(event.details or "") == {"recipients": 1}
    assert deliver(house, later).sent == 1
    assert inbox.recipients == [[KIM], [KIM]]


def test_without_a_server_messages_say_nothing_any_more_once_they_are_too_late(house: Installation) -> None:
    add(house, to=PHONE)
    put(house, INFO_CODE_EVENTS, leak())
    notify(house, NOW)
    assert forget_messages(house, identity="local:me", now=NOW + LIFETIME - MINUTE) == {}
    assert forget_messages(house, identity="local:me", now=NOW + LIFETIME) == {"late": 1}
    assert log(house) == [("immediate", "dead", "failed", EXPIRED)]
    shown = house.lake.scan(NOTIFICATIONS).collect()
    assert shown["state"].to_list() == ["dead"]
    assert notify(house, NOW + LIFETIME).messages == 0
