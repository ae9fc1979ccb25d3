"""Objects of the registry as rows of a table: settings, people, events, never meters by the million."""

from collections.abc import Iterable, Mapping

import polars as pl

from dashboards.installation import installation
from dashboards.viewer import organisation
from registry.people import users
from warehouse.schemas import INSTANT

TEXT, WHEN, COUNT, YES = pl.String(), INSTANT, pl.Int64(), pl.Boolean()
"""Types of columns."""


def rows_of(objects: Iterable[object], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """A row per object.

    Args:
        objects: Anything with these attributes.
        columns: Type by attribute.
    """
    rows = [tuple(getattr(one, name) for name in columns) for one in objects]
    return pl.DataFrame(rows, schema=dict(columns), orient="row")


def named(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Identities as people call them; programs, and accounts that are gone, keep their identity."""
    with installation().registry.begin(readonly=True) as session:
        known = {f"user:{one.user_id}": one.name or one.email for one in users.find(session, [organisation()])}
    return frame.with_columns(pl.col(columns).replace(known))
