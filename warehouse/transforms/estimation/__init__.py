"""Estimation: what a register shows inside gaps, and after the last reading (§3).

Measured values never change. A fill is a rising share of the register difference across the gap, rounded on the
cumulative register, so that the sum over the gap is the difference of the two readings around it.
"""
