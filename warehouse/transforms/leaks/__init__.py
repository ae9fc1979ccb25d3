"""Leaks and bursts from consumption alone, whatever the brand of the meter (ALGORITHMS §9)."""
