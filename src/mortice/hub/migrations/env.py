"""Alembic's entry: migrations run on the connection that `schema.upgrade` hands in."""

from __future__ import annotations

from alembic import context

from mortice.hub.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata,
    render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
