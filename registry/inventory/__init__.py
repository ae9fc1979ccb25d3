"""The inventory by hand and in bulk: what meters go through, exchanges, custom fields, capacity, the list of meters.

Imports of files stand in :mod:`registry.imports`; they call the functions here for what changes the same things.
"""
