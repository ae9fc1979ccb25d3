"""A telegram byte by byte: layer, field, meaning and value, for people who look for a fault.

Built on the readers of the decoder and on its verdict, so that the two cannot disagree; no second parser.
"""

from decoders.explain.lines import Line
from decoders.explain.walk import explain

__all__ = ["Line", "explain"]
