"""Validation (ALGORITHMS §5): pure rules over readings and figures, one module per family, and what their findings do.

A rule is on or off, and has a severity, roles and parameters, by medium, source and group (:mod:`rules`). Evaluators
take frames with those columns beside the values and return findings; they decide nothing about them.
"""
