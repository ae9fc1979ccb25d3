"""Fleets with known truth: concentrators' files, the utility's lists, and what a correct system must find in them.

The encoder is the package's own and shares no code with ``decoders``, so that an error in one cannot hide in the other.
"""

from simulator.population import Fleet, SimulatorError
from simulator.simulation import Summary, describe, simulate

__all__ = ["Fleet", "SimulatorError", "Summary", "describe", "simulate"]
