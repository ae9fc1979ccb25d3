"""The pages that show figures to people.

A page asks :mod:`warehouse.queries`, draws with :mod:`dashboards.charts`, and holds no SQL and no arithmetic.
"""
