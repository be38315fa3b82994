"""A transaction on a driver's connection that nobody above knows to be in one.

In: a connection and the SQL that begins it, which may do more in the same round trip. Whatever happens in
between, a cancellation while it begins or ends included: the connection is either outside of any
transaction afterwards, or closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@asynccontextmanager
async def own_transaction(
    connection: asyncpg.Connection[asyncpg.Record], opening: str
) -> AsyncIterator[None]:
    """Commit when the block ends normally, else roll back. Raises: what the driver raises."""
    is_over = False
    try:
        await connection.execute(opening)
        try:
            yield
        except BaseException:
            with suppress(*LOST):  # what the block raised says more
                await connection.execute("rollback")
                is_over = True
            raise
        await connection.execute("commit")
        is_over = True
    finally:
        if not is_over:  # nobody knows what has become of it there
            connection.terminate()
