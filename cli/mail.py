"""``mail``: templates of messages, and the outbox."""

from dataclasses import asdict, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.forgetting import forget_messages
from assets.steps.mailing import deliver, send_test
from assets.steps.publishing import publish_events
from cli.acting import identity
from cli.files import read_text
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.work import Work
from registry import mail
from registry.mail import KINDS, LANGUAGES, SYSTEM, Source
from warehouse.formulas import shielded_texts

app = typer.Typer(add_completion=False, help="Templates of messages, and the outbox.", no_args_is_help=True)

KindArgument = Annotated[str, typer.Argument(help=f"Type of the message: {', '.join(KINDS)}.")]
LanguageArgument = Annotated[str, typer.Argument(help=f"Language: {', '.join(LANGUAGES)}.")]
NameArgument = Annotated[str, typer.Argument(help=f"Name of the template; '{SYSTEM}' is the shipped one.")]
NameOption = Annotated[str, typer.Option("--name", help="Name of the template; by default the one that is sent.")]


class Part(StrEnum):
    """A part of a template."""

    subject = "subject"
    text = "text"
    html = "html"


class State(StrEnum):
    """What became of a message."""

    queued = "queued"
    sent = "sent"
    delivered = "delivered"
    failed = "failed"


@app.callback()
def group() -> None:
    """Templates of messages, and the outbox."""


@app.command()
def templates(
    home: HomeOption = None,
    kind: Annotated[str, typer.Option(help="Only those of a type.")] = "",
    language: Annotated[str, typer.Option(help="Only those in a language.")] = "",
    name: Annotated[str, typer.Option(help="Only those whose name has this in it.")] = "",
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Only those that are sent, or only the others.")
    ] = None,
) -> None:
    """Lists the templates as CSV."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = mail.listing(
            session,
            house.organisation,
            kind=kind or None,
            language=language or None,
            name=name or None,
            active=active,
        )
    columns = ("kind", "language", "name", "active", "subject")
    rows = [(t.kind, t.language, t.name, t.active, t.source.subject) for t in found]
    types = {column: pl.Boolean if column == "active" else pl.String for column in columns}
    typer.echo(shielded_texts(pl.DataFrame(rows, schema=types, orient="row")).write_csv(), nl=False)


@app.command()
def show(
    kind: KindArgument,
    language: LanguageArgument,
    name: NameArgument,
    part: Annotated[Part, typer.Argument(help="Which part.")],
    home: HomeOption = None,
) -> None:
    """Prints a part of a template as it is written, to be changed and given to 'edit'."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        source = mail.template(session, house.organisation, kind, language, name).source
    typer.echo(getattr(source, part.value), nl=part is Part.subject)
    variables = [f"{name} ({v.meaning}{', may be empty' if v.optional else ''})" for name, v in KINDS[kind].items()]
    say(f"Variables: {'; '.join(variables)}.")


@app.command()
def copy(
    kind: KindArgument,
    language: LanguageArgument,
    name: NameArgument,
    home: HomeOption = None,
    new_name: Annotated[
        str, typer.Option("--as", help="Name of the copy; by default the original's with (copy).")
    ] = "",
) -> None:
    """Copies a template; the copy is inactive."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        made = mail.copy(session, work.organisation, kind, language, name, new_name=new_name, **work.by)
    say(f"Copied as {made!r}; it is inactive.")


@app.command()
def edit(
    kind: KindArgument,
    language: LanguageArgument,
    name: NameArgument,
    home: HomeOption = None,
    subject: Annotated[str | None, typer.Option(help="The new subject.")] = None,
    text: Annotated[
        Path | None, typer.Option(help="File with the new plain text.", exists=True, dir_okay=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="File with the new HTML.", exists=True, dir_okay=False)] = None,
    rename: Annotated[str, typer.Option(help="The new name.")] = "",
) -> None:
    """Saves new parts of a template of your own."""
    if subject is None and text is None and html is None and not rename:
        raise typer.BadParameter("nothing to change: give --subject, --text, --html or --rename.")
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        found = mail.template(session, work.organisation, kind, language, name)
        source = Source(
            found.source.subject if subject is None else subject,
            found.source.text if text is None else read_text(text),
            found.source.html if html is None else read_text(html),
        )
        mail.edit(session, work.organisation, kind, language, name, source, new_name=rename, **work.by)
    say(f"Saved {rename or name!r}; it is {'active' if found.active else 'inactive'}.")


@app.command()
def activate(kind: KindArgument, language: LanguageArgument, name: NameArgument, home: HomeOption = None) -> None:
    """Makes a template the one that is sent; the one that was becomes inactive."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        before = mail.activate(session, work.organisation, kind, language, name, **work.by)
    say(f"{name!r} is active." if before == name else f"{name!r} is active, {before!r} is inactive.")


@app.command()
def delete(
    kind: KindArgument,
    language: LanguageArgument,
    name: NameArgument,
    home: HomeOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Deletes a template of your own, after asking."""
    work = Work.begin(home)
    if not yes:
        typer.confirm(f"Delete the template {name!r} of {kind} in {language}?", abort=True, err=True)
    with work.changing(publish_events) as session:
        was_active = mail.delete(session, work.organisation, kind, language, name, **work.by)
    say(f"Deleted {name!r}." + (f" {SYSTEM!r} is active now." if was_active else ""))


@app.command()
def preview(
    kind: KindArgument,
    language: LanguageArgument,
    home: HomeOption = None,
    name: NameOption = "",
    html: Annotated[bool, typer.Option("--html", help="Print the HTML instead of subject and plain text.")] = False,
) -> None:
    """Prints a message with sample values, made as sending makes it."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        content = mail.preview(session, house.organisation, kind, language, name or None)
    typer.echo(content.html if html else f"Subject: {content.subject}\n\n{content.text}", nl=False)


@app.command("test")
def send_test_message(
    kind: KindArgument,
    language: LanguageArgument,
    to: Annotated[str, typer.Option("--to", help="Address to send to.")],
    home: HomeOption = None,
    name: NameOption = "",
) -> None:
    """Sends a message with sample values at once."""
    house = open_home(home)
    send_test(house, kind, language, name or None, to, identity=identity(), now=_now())
    publish_events(house)
    say("The mail server has taken the test message.")


@app.command()
def outbox(
    home: HomeOption = None,
    state: Annotated[State | None, typer.Option(help="Only messages in a state.")] = None,
) -> None:
    """Lists the messages as CSV, newest first; what they say and to which address is not shown."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = mail.entries(session, house.organisation, state=state.value if state else None)
    instant = pl.Datetime("us", "UTC")
    others = {"attempts": pl.Int64(), "queued_at": instant, "next_at": instant, "settled_at": instant}
    schema = {field.name: others.get(field.name, pl.String()) for field in fields(mail.Entry)}
    table = pl.DataFrame([asdict(entry) for entry in found], schema=schema)
    typer.echo(shielded_texts(table).write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ"), nl=False)


@app.command("deliver")
def deliver_(home: HomeOption = None) -> None:
    """Sends every message that is due."""
    house = open_home(home)
    raise typer.Exit(run_delivery(house))


@app.command()
def forget(home: HomeOption = None) -> None:
    """Forgets for whom messages were that were settled long ago (message_retention_days, by default 90)."""
    work = Work.begin(home)
    done = forget_messages(work.house, **work.by)
    publish_events(work.house)
    for name, count in done.items():
        typer.echo(f"{name},{count}")
    say(f"{sum(done.values())} forgotten.")


def run_delivery(house: Installation) -> int:
    """Sends every message that is due, and says what became of them.

    Returns:
        Exit status: 0, or 1 where the mail server failed or a message was given up.
    """
    done = deliver(house, _now())
    say(f"{done.sent} sent, {done.postponed} to be tried again, {done.failed} given up.")
    if done.error:
        complain(done.error)
    elif done.failed:
        complain("Some messages were given up: 'meterhouse mail outbox --state failed' says why.")
    return 1 if done.error or done.failed else 0


def _now() -> datetime:
    return datetime.now(UTC)
