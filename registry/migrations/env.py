"""Runs the migrations on the connection that :class:`registry.store.Registry` hands over."""

from alembic import context

from registry.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
