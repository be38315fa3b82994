"""Alembic's entry: runs the migrations on the connection that `store.migrate` hands over.

Knows no URL and opens nothing; the caller holds the transaction and the lock.
"""

from __future__ import annotations

from alembic import context

from store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
