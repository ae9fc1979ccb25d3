"""What the pages ask that most people open first, read before somebody waits for it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import polars as pl
from sqlalchemy.exc import SQLAlchemyError

from assets.installation import Installation
from dashboards.components import map as places
from dashboards.installation import EXPECTED
from dashboards.remembering import recalled
from registry import organisations
from warehouse.queries import attention, fleet, overview

EVERY_S = 60
"""Seconds between two looks: where no table changed, one costs milliseconds."""

ASKED: tuple[tuple[Callable[..., object], tuple[Any, ...]], ...] = (
    (overview.counts, ()),
    (overview.outcomes_by_day, ()),
    (attention.late_meters, ()),
    (attention.counts, ()),
    (overview.performance, ()),
    (overview.latest_imports, ()),
    (fleet.installed, (None,)),
    (fleet.hearing, ()),
)
"""Queries of the first page and of the map, with their arguments there."""

MOST_OWNERS = 5
"""Organisations for which it is read: what is remembered is bounded, and must not be pushed out by what nobody asks."""

LOG = logging.getLogger("dashboards")


@contextmanager
def reading_ahead(house: Installation, every_s: float = EVERY_S) -> Iterator[None]:
    """Reads ahead in a thread as long as the context is open, again and again, since new figures come.

    Args:
        house: The installation; ``METERHOUSE_HOME`` names it, too, for the pages.
        every_s: Seconds between two looks.
    """
    closing = Event()

    def work() -> None:
        while not closing.is_set():
            read_ahead(house)
            closing.wait(every_s)

    thread = Thread(target=work, name="reading ahead", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


def read_ahead(house: Installation) -> None:
    """Reads what those are shown who may see all meters of one of the uppermost organisations.

    What fails is left to the pages to tell.
    """
    try:
        with house.registry.begin(readonly=True) as session:
            owners = organisations.visible(session, house.organisation)[:MOST_OWNERS]
        for owner in owners:
            for query, arguments in ASKED:
                recalled(house.lake, owner, None, query, *arguments)
            places.coordinates(owner)
    except (*EXPECTED, pl.exceptions.PolarsError, SQLAlchemyError, OSError) as exc:
        LOG.warning("Nothing is read ahead for the pages: %s.", type(exc).__name__)  # its message may hold anything
