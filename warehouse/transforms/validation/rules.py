"""Rules as a utility set them: severities and parameters that depend on medium, source and group, as expressions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from warehouse.transforms.validation.catalogue import EXCLUDING, RULES

_GROUP = "in group "


@dataclass(frozen=True, slots=True)
class Setting:
    """How a rule is set.

    Attributes:
        is_on: Whether it is judged; ``None`` in a change: as otherwise.
        severity: What a finding does; ``None`` in a change: as otherwise.
        roles: Readings it judges; ``None`` in a change: as otherwise.
        parameters: Values by name; in a change those that differ.
    """

    is_on: bool | None = None
    severity: str | None = None
    roles: frozenset[str] | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where changes hold; what is ``None`` does not matter.

    Attributes:
        medium: Medium of the meter.
        source: How the reading came.
        group: Group of the metering point.
    """

    medium: str | None = None
    source: str | None = None
    group: str | None = None

    def holds(self) -> pl.Expr:
        """Whether a row lies within it."""
        parts = [pl.lit(value=True)]
        if self.medium is not None:
            parts.append(pl.col("medium").eq_missing(pl.lit(self.medium)))
        if self.source is not None:
            parts.append(pl.col("source").eq_missing(pl.lit(self.source)))
        if self.group is not None:
            parts.append(pl.col(group_column(self.group)).fill_null(value=False))
        return pl.all_horizontal(parts)


def group_column(group: str) -> str:
    """Column that says whether a row belongs to a group."""
    return _GROUP + group


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules.

    Attributes:
        settings: How each is set, by code.
        overrides: Changes within scopes; a later one wins.
        version: Number of the policy's version.
    """

    settings: Mapping[str, Setting]
    overrides: tuple[tuple[Scope, Mapping[str, Setting]], ...] = ()
    version: int = 0

    @property
    def groups(self) -> list[str]:
        """Groups that scopes name."""
        return sorted({scope.group for scope, _ in self.overrides if scope.group is not None})

    def parameter(self, rule: str, name: str) -> pl.Expr:
        """Value of a parameter per row."""
        return self._chosen(rule, lambda setting: setting.parameters.get(name))

    def values(self, rule: str, name: str) -> list[float]:
        """Values of a parameter in any scope, rising."""
        changed = [changes[rule].parameters for _, changes in self.overrides if rule in changes]
        given = [one[name] for one in (self.settings[rule].parameters, *changed) if name in one]
        return sorted(set(given))

    def severity(self, rule: str) -> pl.Expr:
        """Severity per row; null where the rule is off, or does not judge the row's role."""
        applies = self._chosen(rule, lambda setting: setting.is_on)
        role = pl.col("role")
        roles = pl.lit(value=False)
        for name in ("initial", "manual", "estimated"):
            judged = self._chosen(rule, partial(_judges, name))
            roles = pl.when(role == name).then(judged).otherwise(roles)
        return pl.when(applies & roles).then(self._chosen(rule, lambda setting: setting.severity))

    def found(
        self,
        rows: pl.DataFrame | pl.LazyFrame,
        rule: str,
        condition: pl.Expr,
        *,
        reason: pl.Expr,
        evidence: Mapping[str, pl.Expr],
        register: pl.Expr | None = None,
        at: str = "at",
        kind: pl.Expr | None = None,
        severity: pl.Expr | None = None,
        series: tuple[str, ...] = (),
    ) -> pl.DataFrame:
        """Rows that a rule questions, as findings.

        Args:
            rows: ``organisation``, ``meter_id``, ``metering_point``, ``medium``, ``source``, ``role`` and a column per
                group that a scope names.
            rule: The rule's code.
            condition: Which rows; null is none.
            reason: In words.
            evidence: What it was judged by.
            register: Which register; by default the rows' own.
            at: Column with the time of the questioned value.
            kind: What kind of finding; by default the rule's name.
            severity: In place of the rule's own; null where it does not hold.
            series: Columns of a series in order: of a run of questioned rows the first alone is told, unless values do
                not count under the severity.

        Returns:
            Rows in :data:`FINDING`.
        """
        own = self.severity(rule)
        marked = rows.lazy().with_columns(
            _hit=condition.fill_null(value=False),
            severity=own if severity is None else pl.when(own.is_not_null()).then(severity),
        )
        chosen = pl.col("_hit") & pl.col("severity").is_not_null()
        if series:
            follows = pl.col("_hit").shift(1) & pl.all_horizontal(
                pl.col(name) == pl.col(name).shift(1) for name in series
            )
            once = ~follows.fill_null(value=False)
            chosen &= (
                once | pl.col("severity").is_in(EXCLUDING) if RULES[rule].discredits in {"value", "step"} else once
            )
        told = [expression.alias(name) for name, expression in evidence.items()]
        hits = marked.filter(chosen).collect()
        if hits.is_empty():
            return pl.DataFrame(schema=FINDING)  # Polars 2.1 panics on texts formatted of no rows
        named = hits.select(
            "organisation",
            "meter_id",
            "metering_point",
            register="register" if register is None else register,
            at=at,
            rule=pl.lit(rule),
            kind=pl.lit(RULES[rule].name) if kind is None else kind,
            severity="severity",
            reason=reason,
            evidence=pl.struct(told).struct.json_encode() if told else pl.lit("{}"),
        )
        return named.select(pl.col(name).cast(dtype) for name, dtype in FINDING.items())

    def _chosen(self, rule: str, pick: Callable[[Setting], bool | float | str | None]) -> pl.Expr:
        chosen = pl.lit(pick(self.settings[rule]))
        for scope, changes in self.overrides:
            value = pick(changes[rule]) if rule in changes else None
            if value is not None:
                chosen = pl.when(scope.holds()).then(pl.lit(value)).otherwise(chosen)
        return chosen


def _judges(role: str, setting: Setting) -> bool | None:
    return None if setting.roles is None else role in setting.roles


FINDING: dict[str, pl.DataType] = {
    "organisation": pl.String(),
    "meter_id": pl.String(),
    "metering_point": pl.String(),
    "register": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "rule": pl.String(),
    "kind": pl.String(),
    "severity": pl.String(),
    "reason": pl.String(),
    "evidence": pl.String(),
}
"""Columns of a finding: a value that a rule questions."""

KEY = ("organisation", "meter_id", "register", "at", "rule")
"""What makes a finding the same one."""


def findings(*parts: pl.DataFrame) -> pl.DataFrame:
    """Findings of several rules together, each once."""
    return pl.concat([pl.DataFrame(schema=FINDING), *parts]).unique(KEY, keep="first", maintain_order=True).sort(KEY)


def role_of(source: pl.Expr, quality: pl.Expr) -> pl.Expr:
    """Role of a value: estimated, manual (typed or edited by a person) or initial."""
    estimated = quality.is_in(["E", "I", "F"])
    manual = (source == "manual") | (quality == "X")
    return pl.when(estimated).then(pl.lit("estimated")).when(manual).then(pl.lit("manual")).otherwise(pl.lit("initial"))
