"""What the commands about people share: options, printing, publishing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from assets.steps.publishing import publish_events
from cli.acting import PASSWORD_VARIABLE
from cli.files import secret_option
from cli.messages import say
from cli.serve import DOOR_PORT, LOOPBACK
from cli.work import Work
from gateway.address import address
from registry.people import access, users
from registry.people.errors import PeopleError
from registry.people.letters import link
from registry.people.rights import ACCESS_CONTROL, SERVICES
from registry.people.tokens import Issued
from registry.people.users import Account

TOKEN_VARIABLE = "METERHOUSE_USER_TOKEN"  # noqa: S105  the variable's name

Who = Annotated[str, typer.Argument(help="E-mail address or number of the account.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="SERVICE=ROLE", help=f"Role in a service ({', '.join(SERVICES)}); may come again."),
]
LanguageOption = Annotated[str | None, typer.Option(help="Language: da, de, en, es, fr, nb or sv.")]
DelimiterOption = Annotated[str | None, typer.Option(help="What stands between the fields of the person's CSV files.")]
ThousandsOption = Annotated[str | None, typer.Option(help="What stands between thousands; empty for nothing.")]
DecimalOption = Annotated[str | None, typer.Option(help="What stands before decimals.")]
PasswordOption = Annotated[Path | None, secret_option("the password", PASSWORD_VARIABLE)]
ByHandOption = Annotated[
    bool, typer.Option("--by-hand", help="Print the link instead of mailing it; so it is without a mail server.")
]
HoursOption = Annotated[float, typer.Option(min=0.01, help="Hours for which the link works.")]


class PeopleWork(Work):
    """The same for people, who are seen and changed by those alone who control access."""

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction to read what only those see who control access."""
        with self.house.registry.begin(readonly=True) as session:
            access.authorise(session, self.identity, self.organisation, ACCESS_CONTROL, self.now)
            yield session

    def account(self, who: str) -> Account:
        """The account of an e-mail address or number."""
        with self.reading() as session:
            return users.account_of(session, self.organisation, who)

    def user(self, who: str) -> int:
        """The number of the account of an e-mail address or number."""
        return self.account(who).user_id

    def publish(self, message: str) -> None:
        """Publishes the audit log with the change, and says what was done."""
        publish_events(self.house)
        say(message)


begin = PeopleWork.begin
"""Opens the installation for one command."""


def parse_roles(given: list[str] | None) -> dict[str, str]:
    """Role by service.

    Raises:
        PeopleError: One is not written as ``service=role``.
    """
    roles = {}
    for text in given or []:
        service, found, role = text.partition("=")
        if not found:
            raise PeopleError(f"{text!r} is no role: write SERVICE=ROLE, such as manager=user.")
        roles[service] = role
    return roles


def hand_over(work: PeopleWork, issued: Issued, *, is_sent: bool) -> None:
    """Says that a link is on its way; one that is not sent is printed, for the person and for nobody else."""
    until = f"{issued.expires_at.astimezone(work.house.settings.zone):%Y-%m-%d %H:%M %Z}"
    if is_sent:
        work.publish(
            f"A letter with the {issued.purpose} link, good until {until}, waits to be sent to user:{issued.user_id}."
        )
        return
    work.publish(
        f"This {issued.purpose} link of user:{issued.user_id} opens in the browser, or is taken by 'meterhouse user "
        f"accept', once, until {until}:"
    )
    typer.echo(link(address(work.house.settings.gateway, LOOPBACK, DOOR_PORT), issued))


def roles_text(roles: Iterable[tuple[str, str]]) -> str:
    """Roles in one cell."""
    return " ".join(f"{service}={role}" for service, role in sorted(roles))
