"""How values are validated: which rules, how strictly, with which parameters, and how exceptions are decided."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from warehouse.plain_yaml import read_settings
from warehouse.policies.model import PolicyModel
from warehouse.transforms.validation.catalogue import EXCLUDING, RULES, Role, Severity
from warehouse.transforms.validation.rules import Rules, Scope, Setting

Code = Annotated[str, Field(pattern=r"^V[0-9]{2}$")]


class RulePolicy(PolicyModel):
    """How one rule is set.

    Attributes:
        enabled: Whether it is judged.
        severity: ``pass`` (counted in dry runs alone), ``warn`` (an exception; the value counts), ``reject`` (an
            exception; the value does not count until approved) or ``estimate`` (does not count, and waits for nobody).
        roles: Readings it judges: ``initial``, ``manual``, ``estimated``.
        parameters: Value of each parameter; one that is left out, as in documents older than it, is the shipped one.
    """

    enabled: bool = True
    severity: Severity
    roles: frozenset[Role] = frozenset({"initial", "manual"})
    parameters: dict[str, float] = Field(default_factory=dict)


class RuleChange(PolicyModel):
    """What differs within a scope; the meanings are those of :class:`RulePolicy`."""

    enabled: bool | None = None
    severity: Severity | None = None
    roles: frozenset[Role] | None = None
    parameters: dict[str, float] = Field(default_factory=dict)


class Override(PolicyModel):
    """Changes for some values.

    Attributes:
        medium: Of the meter; left out: any.
        source: ``radio``, ``wired``, ``import`` or ``manual``; left out: any.
        group: Of the metering point; left out: any.
        rules: What differs, by rule.
    """

    medium: str | None = None
    source: str | None = None
    group: str | None = None
    rules: dict[Code, RuleChange]

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.medium is None and self.source is None and self.group is None:
            raise ValueError("an override names a medium, a source or a group")
        _known(self.rules)
        return self


class ValidationPolicy(PolicyModel):
    """What a utility may decide about validation.

    Attributes:
        four_eyes: Whether a decision about an exception needs a second person.
        reason_codes: Why exceptions are decided, and what each code means.
        quality_results_kept_days: How long results of the nightly table checks are kept [d].
        rules: Every rule of the catalogue.
        overrides: Changes for some values; a later one wins.
    """

    four_eyes: bool
    reason_codes: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")], str]
    quality_results_kept_days: Annotated[int, Field(ge=1, le=36600)]
    rules: dict[Code, RulePolicy]
    overrides: tuple[Override, ...] = ()

    @field_validator("rules")
    @classmethod
    def _complete(cls, value: dict[str, RulePolicy]) -> dict[str, RulePolicy]:
        _known(value)
        if missing := sorted(RULES.keys() - value.keys()):
            raise ValueError(f"{missing[0]} is missing; switch a rule off with enabled: false")
        if all(RULES[code].parameters.keys() == rule.parameters.keys() for code, rule in value.items()):
            return value
        return {
            code: rule.model_copy(update={"parameters": {**_shipped(code), **rule.parameters}})
            for code, rule in value.items()
        }

    def compiled(self, version: int) -> Rules:
        """The rules as evaluators take them.

        Args:
            version: Number of the policy's version; findings name it.
        """
        changes = tuple(
            (
                Scope(override.medium, override.source, override.group),
                {code: _setting(change) for code, change in override.rules.items()},
            )
            for override in self.overrides
        )
        return Rules({code: _setting(rule) for code, rule in self.rules.items()}, changes, version)


@cache
def _shipped_rules() -> Mapping[str, Any]:
    document = files("warehouse.policies") / "shipped" / "validation.yaml"
    rules: Mapping[str, Any] = read_settings(document.read_bytes())["rules"]
    return rules


def _shipped(code: str) -> Mapping[str, float]:
    """Parameters of a rule as they are shipped."""
    shipped: Mapping[str, float] = _shipped_rules()[code].get("parameters", {})
    if absent := sorted(RULES[code].parameters.keys() - shipped.keys()):
        raise ValueError(f"{code} lacks its parameter {absent[0]}")
    return shipped


def _setting(rule: RulePolicy | RuleChange) -> Setting:
    return Setting(rule.enabled, rule.severity, rule.roles, rule.parameters)


def _known(rules: dict[str, RulePolicy] | dict[str, RuleChange]) -> None:
    for code, rule in rules.items():
        if code not in RULES:
            raise ValueError(f"{code} is no rule; there are {', '.join(RULES)}")
        if RULES[code].discredits == "figure" and rule.severity in EXCLUDING:
            raise ValueError(f"{code} looks at figures, not at readings: its severity is pass or warn")
        if unknown := sorted(rule.parameters.keys() - RULES[code].parameters.keys()):
            raise ValueError(f"{code} has no parameter {unknown[0]}")
