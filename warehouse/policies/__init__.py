"""Policies: what a utility decides about its figures, as documents with a model each.

The documents that hold are in the registry, each version with its time and who decided (:mod:`registry.policies`);
where nobody has, the shipped one holds.
"""

from warehouse.policies.consumption import ConsumptionPolicy
from warehouse.policies.coverage import CoveragePolicy
from warehouse.policies.errors import PolicyError
from warehouse.policies.estimation import EstimationRules
from warehouse.policies.info_codes import InfoCodePolicy
from warehouse.policies.kinds import KINDS, Kind, kind_of, presets, read_policy, shipped_document
from warehouse.policies.model import PolicyModel
from warehouse.policies.performance import PerformancePolicy
from warehouse.policies.replacement import ReplacementPolicy
from warehouse.policies.retention import RetentionPolicy

__all__ = [
    "KINDS",
    "ConsumptionPolicy",
    "CoveragePolicy",
    "EstimationRules",
    "InfoCodePolicy",
    "Kind",
    "PerformancePolicy",
    "PolicyError",
    "PolicyModel",
    "ReplacementPolicy",
    "RetentionPolicy",
    "kind_of",
    "presets",
    "read_policy",
    "shipped_document",
]
