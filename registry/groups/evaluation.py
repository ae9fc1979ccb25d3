"""Who belongs to which group: chosen, by rule, built in."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import Types, read_frame
from registry.groups.builtin import BUILT_IN, OWNED, PRIORITY, PRIORITY_ID, builtin_members
from registry.groups.intervals import unite
from registry.groups.inventory import Inventory, read_inventory
from registry.groups.rules import Rule
from registry.models import Group, GroupMember, GroupReader
from warehouse.schemas import INSTANT

_MEMBERS = ("organisation", "group", "metering_point", "meter_id", "valid_from", "valid_to", "known_from")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The groups as they are now.

    Attributes:
        groups: ``organisation``, ``group``, ``kind`` (manual, rule or built-in) and ``known_from`` (null if built in).
        members: ``organisation``, ``group``, ``metering_point``, ``meter_id``, ``valid_from``, ``valid_to`` and
            ``known_from`` (null where the membership follows from a rule or is built in).
        readers: ``organisation``, ``collector``, ``group``, ``valid_from``, ``valid_to``, ``known_from``.
    """

    groups: pl.DataFrame
    members: pl.DataFrame
    readers: pl.DataFrame


def evaluate(session: Session, organisation: str | None = None) -> Evaluated:
    """Finds the members of every group of an organisation, or of all."""
    inventory = read_inventory(session, organisation)
    versions = select(Group).where(Group.known_to.is_(None))
    if organisation is not None:
        versions = versions.where(Group.organisation == organisation)
    current = session.scalars(versions).all()
    names = pl.DataFrame(
        [(g.organisation, g.group_id, g.group, "rule" if g.rule else "manual", g.known_from) for g in current],
        {"organisation": pl.String, "group_id": pl.String, "group": pl.String, "kind": pl.String}
        | {"known_from": INSTANT},
        orient="row",
    )
    owners = sorted({*inventory.organisations, *names["organisation"]})
    chosen = _named(_read(session, GroupMember, "metering_point", organisation), names, owners)
    ruled = rule_members(
        inventory, [(g.organisation, g.group, Rule.model_validate_json(g.rule)) for g in current if g.rule]
    )
    ours = pl.concat([chosen.filter(pl.col("group_id") != PRIORITY_ID), ruled], how="diagonal")
    members = pl.concat([chosen, ruled, builtin_members(inventory, ours)], how="diagonal")
    built_in = pl.DataFrame({"group": BUILT_IN, "kind": "built-in"})
    return Evaluated(
        groups=pl.concat(
            [
                names.drop("group_id"),
                pl.DataFrame({"organisation": owners}, {"organisation": pl.String}).join(built_in, how="cross"),
            ],
            how="diagonal",
        ),
        members=members.select(_MEMBERS),
        readers=_named(_read(session, GroupReader, "collector", organisation), names, owners).drop("group_id"),
    )


def rule_members(inventory: Inventory, rules: list[tuple[str, str, Rule]]) -> pl.DataFrame:
    """The members of rule-based groups.

    Args:
        inventory: Points and meters.
        rules: Organisation, group and rule.

    Returns:
        ``organisation``, ``group``, ``metering_point``, ``valid_from`` and ``valid_to``: a point belongs to the group
        while a meter is installed there with which the rule holds.
    """
    rows, found = inventory.installations, []
    by_owner = {str(owner): part for (owner,), part in rows.group_by("organisation")}
    for owner, group, rule in rules:
        found.append(
            by_owner.get(owner, rows.clear())
            .filter(rule.holds())
            .select(*OWNED, valid_from="installed_at", valid_to="removed_at", group=pl.lit(group))
        )
    none = rows.clear().select(*OWNED, valid_from="installed_at", valid_to="removed_at", group=pl.lit(""))
    return unite(pl.concat([none, *found]), ["organisation", "group", "metering_point"])


def _read(session: Session, model: type[GroupMember | GroupReader], key: str, organisation: str | None) -> pl.DataFrame:
    names = ("organisation", "group_id", key, "valid_from", "valid_to", "known_from")
    statement = select(*(getattr(model, name) for name in names)).where(model.known_to.is_(None))
    if organisation is not None:
        statement = statement.where(model.organisation == organisation)
    types: Types = {name: INSTANT if name.endswith(("_from", "_to")) else pl.String for name in names}
    return read_frame(session, statement, types)


def _named(rows: pl.DataFrame, names: pl.DataFrame, owners: list[str]) -> pl.DataFrame:
    """Rows of groups that are there now, with the group's name."""
    priority = pl.DataFrame({"organisation": owners}, {"organisation": pl.String}).with_columns(
        group_id=pl.lit(PRIORITY_ID), group=pl.lit(PRIORITY)
    )
    known = pl.concat([names.select("organisation", "group_id", "group"), priority])
    return rows.join(known, on=["organisation", "group_id"])


def present(members: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The memberships that hold at an instant."""
    return members.filter(pl.col("valid_from") <= at, (pl.col("valid_to") > pl.lit(at, INSTANT)).fill_null(value=True))
