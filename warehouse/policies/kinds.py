"""The policies there are, and how their documents are read."""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeVar

import yaml  # type: ignore[import-untyped]

from warehouse.plain_yaml import read_settings, understood
from warehouse.policies.alerts import AlertPolicy
from warehouse.policies.consumption import ConsumptionPolicy
from warehouse.policies.coverage import CoveragePolicy
from warehouse.policies.districts import DistrictsPolicy
from warehouse.policies.errors import PolicyError
from warehouse.policies.estimation import EstimationRules
from warehouse.policies.heat import HeatPolicy, RatingsPolicy
from warehouse.policies.heat_faults import HeatFaultsPolicy
from warehouse.policies.info_codes import InfoCodePolicy
from warehouse.policies.leaks import LeakPolicy
from warehouse.policies.map import MapPolicy
from warehouse.policies.model import PolicyModel
from warehouse.policies.motivation_tariff import MotivationTariffPolicy
from warehouse.policies.performance import PerformancePolicy
from warehouse.policies.replacement import ReplacementPolicy
from warehouse.policies.retention import RetentionPolicy
from warehouse.policies.validation import ValidationPolicy
from warehouse.policies.weather import WeatherPolicy

Model = TypeVar("Model", bound=PolicyModel)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of policy.

    Attributes:
        name: Its name; that of its shipped document.
        model: What a document says.
        meaning: One sentence for people.
        is_tried: Whether a document is run over past data before it holds.
    """

    name: str
    model: type[PolicyModel]
    meaning: str
    is_tried: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("consumption", ConsumptionPolicy, "Credible rates of registers, and gaps that are filled."),
        Kind("info_codes", InfoCodePolicy, "Priority, icon and texts of info codes, and when one is stale."),
        Kind("estimation", EstimationRules, "Methods that fill gaps, sources without a schedule, and holidays."),
        Kind("replacement", ReplacementPolicy, "Corrections that are worth sending again."),
        Kind("retention", RetentionPolicy, "How long readings, frames, figures and events are kept."),
        Kind("heat", HeatPolicy, "Errors of mean temperatures, and energy against volume and temperatures."),
        Kind("ratings", RatingsPolicy, "Good and poor cooling by group, and the cooling that is aimed at."),
        Kind("weather", WeatherPolicy, "Weather stations, degree days, heating years and energy signatures."),
        Kind("heat_faults", HeatFaultsPolicy, "Rules that find faults of substations."),
        Kind("motivation_tariff", MotivationTariffPolicy, "Discount and surcharge by return temperature."),
        Kind("alerts", AlertPolicy, "How many consumption alerts there may be."),
        Kind("leaks", LeakPolicy, "Flow that counts as a leak or a burst, and what water costs."),
        Kind("districts", DistrictsPolicy, "Districts of the water network, and when their losses raise an alarm."),
        Kind("validation", ValidationPolicy, "Which values are questioned, and how strictly.", is_tried=True),
        Kind("coverage", CoveragePolicy, "Coverage, silent meters, batteries."),
        Kind("map", MapPolicy, "Colours and symbols of places on maps, and which brands are the utility's own."),
        Kind("performance", PerformancePolicy, "Which readings are expected when, and what share of them is poor."),
    )
}


def kind_of(name: str) -> Kind:
    """The kind of a name.

    Raises:
        PolicyError: There is none.
    """
    if name not in KINDS:
        raise PolicyError(f"There is no policy {name}; there are {', '.join(KINDS)}.")
    return KINDS[name]


@lru_cache(maxsize=256)
def read_policy(name: str, document: str) -> PolicyModel:
    """Reads a policy's document.

    Args:
        name: Its kind.
        document: YAML.

    Returns:
        What it says, of the kind's model.

    Raises:
        PolicyError: There is no such kind, or the document is not understood; the message names the places.
    """
    kind = kind_of(name)
    with understood(f"The policy {name}", PolicyError):
        return kind.model(**read_settings(document.encode()))


def read_as(model: type[Model], document: str) -> Model:
    """Reads a policy's document, of the kind that has a model.

    Args:
        model: Model of the kind, e.g. ``ConsumptionPolicy``.
        document: YAML.

    Raises:
        PolicyError: No kind has this model, or the document is not understood; the message names the places.
    """
    policy = read_policy(name_of(model), document)
    assert isinstance(policy, model)  # noqa: S101  kinds and models go together
    return policy


def written(policy: PolicyModel) -> str:
    """A policy as a document: YAML that :func:`read_policy` reads as the same policy."""
    facts = policy.model_dump(mode="json", exclude_unset=True)
    return str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120))


def name_of(model: type[PolicyModel]) -> str:
    """Name of the kind that has a model; the model's own where none has."""
    return next((kind.name for kind in KINDS.values() if kind.model is model), model.__name__)


@cache
def shipped_document(name: str) -> str:
    """The document of a policy that nobody has decided about."""
    return (files("warehouse.policies") / "shipped" / f"{kind_of(name).name}.yaml").read_text(encoding="utf-8")


def presets() -> dict[str, str]:
    """Documents of the policy ``retention`` to begin with, by name."""
    folder = files("warehouse.policies") / "presets"
    found = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    return {file.name.removesuffix(".yaml"): file.read_text(encoding="utf-8") for file in sorted(found, key=str)}
