"""The standard's code tables as data."""
