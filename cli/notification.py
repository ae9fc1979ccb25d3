"""``notification``: who is told of what by e-mail and SMS, and what became of it."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer
import yaml  # type: ignore[import-untyped]

from assets.steps.mailing import deliver, deliver_texts, sms_service, smtp_server
from assets.steps.notifying import notify
from assets.steps.publishing import publish_events, publish_notifications
from cli.files import read_bytes
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.report_options import Format, FormatOption, print_report
from cli.work import Work
from registry import notifications
from registry.notifications import Choice, read_rule
from warehouse.info_texts import LANGUAGES

app = typer.Typer(add_completion=False, help="Notifications by e-mail and SMS.", no_args_is_help=True)

RULE_BYTES = 64 << 10
"""Most bytes of a file with a rule."""

NameArgument = Annotated[str, typer.Argument(metavar="RULE", help="Name of the rule.")]
FileArgument = Annotated[Path, typer.Argument(help="YAML file with the rule.", exists=True, dir_okay=False)]
PointArgument = Annotated[str, typer.Argument(metavar="POINT", help="Metering point where the customer lives.")]


@app.callback()
def notification() -> None:
    """Who is told of what by e-mail and SMS, and what became of it."""


@app.command("list")
def list_(home: HomeOption = None, form: FormatOption = Format.table) -> None:
    """Lists rules and recipients with what became of the last message to each."""
    house = open_home(home)
    vault = house.vault
    with house.registry.begin(readonly=True) as session:
        rows = notifications.overview(session, vault, house.organisation, house.settings.zone)
    print_report(rows, form)


@app.command()
def add(file: FileArgument, home: HomeOption = None) -> None:
    """Makes a rule from a YAML file."""
    work, rule = Work.begin(home), read_rule(read_bytes(file, RULE_BYTES))
    vault = work.house.vault
    with work.changing(publish_events) as session:
        notifications.add(session, vault, work.organisation, rule, **work.by)
    say(f"The rule {rule.name!r} is {'active' if rule.active else 'inactive'}.")


@app.command()
def edit(
    name: NameArgument,
    file: FileArgument,
    home: HomeOption = None,
    version: Annotated[
        int | None, typer.Option(help="Version that was looked at; refused where somebody changed it since.")
    ] = None,
) -> None:
    """Replaces what a rule says by a YAML file; who was told of something is not told again."""
    work, rule = Work.begin(home), read_rule(read_bytes(file, RULE_BYTES))
    vault = work.house.vault
    with work.changing(publish_events) as session:
        entry = notifications.get(session, vault, work.organisation, name)
        notifications.edit(session, vault, work.organisation, entry.rule_id, rule, version=version, **work.by)
    say(f"The rule {rule.name!r} is {'active' if rule.active else 'inactive'}.")


@app.command()
def show(name: NameArgument, home: HomeOption = None) -> None:
    """Prints a rule as YAML, to be changed and given to 'edit'."""
    house = open_home(home)
    vault = house.vault
    with house.registry.begin(readonly=True) as session:
        entry = notifications.get(session, vault, house.organisation, name)
    document = entry.rule.model_dump(mode="json", exclude_defaults=True)
    typer.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), nl=False)
    say(f"Version {entry.version}.")


@app.command()
def activate(name: NameArgument, home: HomeOption = None) -> None:
    """Lets a rule hold from now on."""
    _switch(name, home, active=True)


@app.command()
def deactivate(name: NameArgument, home: HomeOption = None) -> None:
    """Lets a rule hold no longer."""
    _switch(name, home, active=False)


@app.command()
def remove(
    name: NameArgument,
    home: HomeOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Removes a rule and the addresses it knows, after asking; what it told stays in the log."""
    work = Work.begin(home)
    if not yes:
        typer.confirm(f"Remove the rule {name!r}?", abort=True, err=True)
    vault = work.house.vault
    with work.changing(publish_events) as session:
        entry = notifications.get(session, vault, work.organisation, name)
        notifications.remove(session, work.organisation, entry.rule_id, **work.by)
    say(f"Removed the rule {name!r}.")


@app.command()
def send(home: HomeOption = None) -> None:
    """Queues what is news to somebody, and sends all messages that are due."""
    work = Work.begin(home)
    done = notify(work.house, work.now)
    say(f"{done.messages} messages queued, which tell of {done.events} events.")
    for failure in done.failures:
        complain(failure)
    failed = bool(done.failures)
    for name, server, hand_over, setting in (
        ("E-mail", smtp_server, deliver, "METERHOUSE_SMTP_HOST"),
        ("SMS", sms_service, deliver_texts, "METERHOUSE_SMS_URL"),
    ):
        if server(work.house) is None:
            say(f"{name}: no server is set ({setting}); messages wait.")
            continue
        sent = hand_over(work.house, work.now)
        say(f"{name}: {sent.sent} sent, {sent.postponed} to be tried again, {sent.failed} given up.")
        failed = failed or bool(sent.failed or sent.error)
        if sent.error:
            complain(sent.error)
    publish_notifications(work.house)
    raise typer.Exit(1 if failed else 0)


@app.command()
def log(
    home: HomeOption = None,
    limit: Annotated[int, typer.Option(help="Messages at most.", min=1)] = 200,
    form: FormatOption = Format.table,
) -> None:
    """Lists messages, the latest first; recipients by their number in the rule."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        rows = notifications.log(session, house.organisation, limit=limit)
    print_report(rows.drop("organisation"), form)


@app.command()
def subscribe(
    point: PointArgument,
    to: Annotated[str, typer.Option("--to", help="E-mail address, or telephone number such as +4512345678.")],
    home: HomeOption = None,
    code: Annotated[list[str] | None, typer.Option("--code", help="Info code, such as LEAK; several times.")] = None,
    consumption_alerts: Annotated[bool, typer.Option(help="Tell of consumption alerts, too.")] = False,
    remind_days: Annotated[int | None, typer.Option(min=1, max=365, help="Tell again after so many days.")] = None,
    language: Annotated[str, typer.Option(help=f"Language of the messages: {', '.join(LANGUAGES)}.")] = "en",
) -> None:
    """Keeps what the customer who lives at a point wants to be told of."""
    work = Work.begin(home)
    vault = work.house.vault
    choice = Choice(tuple(code or ()), consumption_alerts, language, remind_days)
    with work.changing(publish_events) as session:
        notifications.subscribe(session, vault, work.organisation, point, to, choice, **work.by)
    say(f"The customer at {point} is told of it as long as they live there.")


@app.command()
def unsubscribe(
    point: PointArgument,
    home: HomeOption = None,
    to: Annotated[str | None, typer.Option("--to", help="Only what goes to this address or number.")] = None,
) -> None:
    """Ends what the customer who lives at a point wanted to be told of."""
    work = Work.begin(home)
    vault = work.house.vault
    with work.changing(publish_events) as session:
        ended = notifications.unsubscribe(session, vault, work.organisation, point, address=to, **work.by)
    say(f"Ended {ended} subscriptions.")


@app.command()
def subscriptions(point: PointArgument, home: HomeOption = None, form: FormatOption = Format.table) -> None:
    """Lists what the customer who lives at a point wants to be told of."""
    house = open_home(home)
    vault = house.vault
    with house.registry.begin(readonly=True) as session:
        found = notifications.subscriptions(session, vault, house.organisation, point)
    rows = [
        (
            rule.recipients[0],
            ", ".join(rule.info_codes.codes) if rule.info_codes else "",
            rule.consumption_alerts,
            rule.remind_days,
            rule.language,
        )
        for _, _, rule in found
    ]
    schema = {
        "recipient": pl.String,
        "codes": pl.String,
        "consumption_alerts": pl.Boolean,
        "remind_days": pl.Int64,
        "language": pl.String,
    }
    print_report(pl.DataFrame(rows, schema=schema, orient="row"), form)


def _switch(name: str, home: Path | None, *, active: bool) -> None:
    work = Work.begin(home)
    vault = work.house.vault
    with work.changing(publish_events) as session:
        entry = notifications.get(session, vault, work.organisation, name)
        notifications.switch(session, work.organisation, entry.rule_id, active=active, **work.by)
    say(f"The rule {name!r} is {'active' if active else 'inactive'}.")
