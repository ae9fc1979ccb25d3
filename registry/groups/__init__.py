"""Groups of metering points: chosen by people, by rule, or built in; any number, overlapping, dated.

A membership is valid from one instant to another in the world, and known from one to another in the system: what is
changed keeps its older version.
"""

from registry.groups.builtin import ALL_METERS, BUILT_IN, IN_STOCK, LAST_IMPORTED, NON_GROUPED, PRIORITY
from registry.groups.catalogue import Author, change_rule, create, delete, rename, rule_of
from registry.groups.errors import GroupError
from registry.groups.evaluation import Evaluated, evaluate, present, rule_members
from registry.groups.inventory import read_inventory
from registry.groups.membership import Outcome, add, add_all, members, remove
from registry.groups.readers import assign, release
from registry.groups.rounds import reading_round
from registry.groups.rules import Rule, read_rule

__all__ = [
    "ALL_METERS",
    "BUILT_IN",
    "IN_STOCK",
    "LAST_IMPORTED",
    "NON_GROUPED",
    "PRIORITY",
    "Author",
    "Evaluated",
    "GroupError",
    "Outcome",
    "Rule",
    "add",
    "add_all",
    "assign",
    "change_rule",
    "create",
    "delete",
    "evaluate",
    "members",
    "present",
    "read_inventory",
    "read_rule",
    "reading_round",
    "release",
    "remove",
    "rename",
    "rule_members",
    "rule_of",
]
