"""Figures from readings: pure functions from frames to frames.

A transform gets its tables, the utility's zone and its policy as arguments. It reads no clock, file, network or
setting, so the same inputs give the same figures. Instants are UTC; days, months and years are local to the utility's
zone.
"""
