"""``policy``: what the utility decides about its figures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.steps.info_codes import reprioritise
from assets.steps.profiling import learn_again
from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.as_of import AsOfOption, known_at
from cli.files import read_text
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.report_options import possible
from cli.tables import print_objects, print_rows
from registry import policies
from warehouse.policies import KINDS, EstimationRules, read_policy

app = typer.Typer(add_completion=False, help="What the utility decides about its figures.", no_args_is_help=True)

INFO_CODES = "info_codes"
"""Policy whose priorities show at once; what other policies say shows in what is reckoned from then on."""

_Kind = Annotated[str, typer.Argument(help="Which policy; see 'policy list'.")]
_File = Annotated[Path, typer.Argument(help="Its document, YAML.")]


@app.callback()
def policy() -> None:
    """What the utility decides about its figures."""


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the policies and the versions in force; version 0 is the shipped one."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = {name: policies.stored(session, house.organisation, name) for name in KINDS}
    rows = [(name, one.version, one.known_from, KINDS[name].meaning) for name, one in found.items()]
    print_rows(("policy", "version", "known_from", "meaning"), rows)


@app.command()
def show(
    kind: _Kind,
    home: HomeOption = None,
    as_of: AsOfOption = "",
) -> None:
    """Prints a policy's document, to be changed and given to 'policy set'."""
    house = open_home(home)
    at = known_at(house, as_of)
    with house.registry.begin(readonly=True) as session:
        print(policies.stored(session, house.organisation, kind, at).document, end="")


@app.command()
def check(kind: _Kind, file: _File, home: HomeOption = None) -> None:
    """Says whether a document is understood, and changes nothing."""
    open_home(home)
    read_policy(kind, read_text(file))
    say(f"{file} is a policy {kind}.")


@app.command("set")
def set_(
    kind: _Kind,
    file: _File,
    reason: Annotated[str, typer.Option(help="Why.")],
    home: HomeOption = None,
    without_dry_run: Annotated[
        bool, typer.Option("--without-dry-run", help="Though it was not run over past data; the reason says why.")
    ] = False,
) -> None:
    """Puts a document in force. Figures that are there stay as they are until something touches them."""
    house = open_home(home)
    with house.registry.begin() as session:
        version = policies.decide(
            session,
            house.organisation,
            kind,
            read_text(file),
            reason=reason,
            identity=identity(),
            now=datetime.now(UTC),
            untried=without_dry_run,
        )
    publish_registry(house)
    if kind == INFO_CODES:
        with house.alone("info_codes"):
            reprioritise(house, datetime.now(UTC))
    say(f"Version {version} of the policy {kind} holds.")


@app.command("learn-profiles")
def learn_profiles(
    month: Annotated[datetime, typer.Argument(formats=["%Y-%m"], callback=possible, help="Local month, e.g. 2026-01.")],
    home: HomeOption = None,
) -> None:
    """Learns the profiles of customer classes of a month anew; the next run makes estimates that rest on them again."""
    house = open_home(home)
    rules = house.policy(EstimationRules)
    learn_again(house, month.date(), rules, identity=identity(), now=datetime.now(UTC))
    say(f"The profiles of {month:%Y-%m} are learned anew. 'meterhouse materialize' brings estimates up to date.")


@app.command()
def history(kind: _Kind, home: HomeOption = None) -> None:
    """Lists who decided what when and why, the newest first."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        versions = policies.history(session, house.organisation, kind)
    print_objects(("version", "known_from", "identity", "reason"), versions)
