"""``meter field``: custom fields of meters and metering points."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from registry.inventory.fields import Entity, Field, Type, add_field, fields, remove_field
from settings.features import require

app = typer.Typer(add_completion=False, help="Custom fields of meters and metering points.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name in files and queries: lower-case letters, digits, underscores.")],
    home: HomeOption = None,
    type_: Annotated[Type, typer.Option("--type", help="What values it takes.")] = Type.text,
    label: Annotated[str, typer.Option(help="Name that people see; by default the name.")] = "",
    choice: Annotated[list[str] | None, typer.Option(help="A value of a choice; several in their order.")] = None,
    of: Annotated[Entity, typer.Option(help="What it belongs to.")] = Entity.meter,
) -> None:
    """Defines a field. Values are published: fields tell of things and places, never of persons."""
    house = open_home(home)
    require(house.settings, "custom_fields")
    field = Field(of, name, label or name, type_, tuple(choice or ()))
    with house.registry.begin() as session:
        add_field(session, house.organisation, field, identity=identity(), now=datetime.now(UTC))
    publish_registry(house)
    say(f"Field {name} of {of.value}s: fill it with 'meterhouse meter update'.")


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the fields, one JSON object a line."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        defined = fields(session, house.organisation)
    for field in defined.values():
        entry = {"of": field.entity, "name": field.name, "label": field.label, "type": field.type}
        print(json.dumps(entry | ({"choices": field.choices} if field.choices else {}), ensure_ascii=False))


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The field.")],
    home: HomeOption = None,
    with_values: Annotated[bool, typer.Option("--with-values", help="Also where meters have values of it.")] = False,
) -> None:
    """Removes a field with its values."""
    house = open_home(home)
    with house.registry.begin() as session:
        count = remove_field(
            session, house.organisation, name, with_values=with_values, identity=identity(), now=datetime.now(UTC)
        )
    publish_registry(house)
    say(f"Field {name} is removed, and {count} values with it.")
