"""Migrations of the registry, one step up or down."""

from collections.abc import Callable

from alembic.config import Config
from sqlalchemy import Engine

from registry.store import MIGRATIONS


def migrate(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    """Takes a database to a revision by ``alembic.command.upgrade`` or ``downgrade``."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        step(config, revision)
