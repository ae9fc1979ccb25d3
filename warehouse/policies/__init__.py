"""Policies: what a utility decides about its figures, as documents with a model each.

The documents that hold are in the registry, each version with its time and who decided (:mod:`registry.policies`);
where nobody has, the shipped one holds.
"""

from warehouse.policies.alerts import AlertPolicy
from warehouse.policies.consumption import ConsumptionPolicy
from warehouse.policies.coverage import CoveragePolicy
from warehouse.policies.districts import DistrictsPolicy
from warehouse.policies.errors import PolicyError
from warehouse.policies.estimation import EstimationRules
from warehouse.policies.heat import HeatPolicy, RatingsPolicy
from warehouse.policies.heat_faults import HeatFaultsPolicy
from warehouse.policies.info_codes import InfoCodePolicy
from warehouse.policies.kinds import (
    KINDS,
    Kind,
    kind_of,
    name_of,
    presets,
    read_as,
    read_policy,
    shipped_document,
    written,
)
from warehouse.policies.leaks import LeakPolicy
from warehouse.policies.map import MapPolicy
from warehouse.policies.model import PolicyModel
from warehouse.policies.motivation_tariff import MotivationTariffPolicy
from warehouse.policies.performance import PerformancePolicy
from warehouse.policies.replacement import ReplacementPolicy
from warehouse.policies.retention import RetentionPolicy
from warehouse.policies.validation import ValidationPolicy
from warehouse.policies.weather import WeatherPolicy

__all__ = [
    "KINDS",
    "AlertPolicy",
    "ConsumptionPolicy",
    "CoveragePolicy",
    "DistrictsPolicy",
    "EstimationRules",
    "HeatFaultsPolicy",
    "HeatPolicy",
    "InfoCodePolicy",
    "Kind",
    "LeakPolicy",
    "MapPolicy",
    "MotivationTariffPolicy",
    "PerformancePolicy",
    "PolicyError",
    "PolicyModel",
    "RatingsPolicy",
    "ReplacementPolicy",
    "RetentionPolicy",
    "ValidationPolicy",
    "WeatherPolicy",
    "kind_of",
    "name_of",
    "presets",
    "read_as",
    "read_policy",
    "shipped_document",
    "written",
]
