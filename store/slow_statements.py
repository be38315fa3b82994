"""Logs the statements that took long, with the plan that Postgres makes for them. Never their values.

Watches the pools' connections, and is told of the committer's; what was slow is explained afterwards by one
task, each statement at most once in `AGAIN` seconds, so that a database that is busy anyway isn't asked much.
The plan is the generic one, in which values stand as `$1`; there is none of what only the committer may do.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from store.contract import StoreError
from store.outage import AWAY, Connect

AGAIN = 600.0
MAX_STATEMENTS = 500
MOST_WAITING = 20
MAX_TEXT = 2000

logger = structlog.get_logger(__name__)


class SlowStatements:
    """Invariant: at most `MOST_WAITING` statements wait to be explained; more are logged without a plan."""

    def __init__(self, connect: Connect, limit: float) -> None:
        """`connect` opens the connection on which plans are asked for; `limit` is seconds."""
        self._connect = connect
        self._limit = limit
        self._explained: OrderedDict[str, float] = OrderedDict()
        self._waiting: asyncio.Queue[tuple[str, int]] = asyncio.Queue(MOST_WAITING)

    def watch(self, engine: AsyncEngine) -> None:
        """Notice what is slow on the connections of this engine."""

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def started(conn, cursor, statement, parameters, context, executemany):  # type: ignore[no-untyped-def]
            context._webhost_started = time.monotonic()

        @event.listens_for(engine.sync_engine, "after_cursor_execute")
        def ended(conn, cursor, statement, parameters, context, executemany):  # type: ignore[no-untyped-def]
            self.note(statement, len(parameters or ()), time.monotonic() - context._webhost_started)

    def note(self, statement: str, parameters: int, seconds: float) -> None:
        """One statement with so many parameters took so long; logged if that is too long."""
        if seconds <= self._limit:
            return
        now = time.monotonic()
        logger.warning("slow statement", ms=round(seconds * 1000), statement=statement[:MAX_TEXT])
        if now - self._explained.get(statement, -AGAIN) >= AGAIN and not self._waiting.full():
            self._explained[statement] = now
            self._explained.move_to_end(statement)
            if len(self._explained) > MAX_STATEMENTS:
                self._explained.popitem(last=False)
            self._waiting.put_nowait((statement, parameters))

    async def run(self) -> None:
        """Explain what was slow, until cancelled."""
        while True:
            statement, parameters = await self._waiting.get()
            try:
                plan = await self._plan(statement, parameters)
            except (StoreError, *AWAY) as error:
                logger.info("no plan", statement=statement[:MAX_TEXT], why=type(error).__name__)
            else:
                logger.warning("plan of a slow statement", statement=statement[:MAX_TEXT], plan=plan)

    async def _plan(self, statement: str, parameters: int) -> str:
        async with self._connect() as connection:
            nulls = f"({', '.join(['null'] * parameters)})" if parameters else ""
            await connection.execute("set plan_cache_mode = force_generic_plan")
            await connection.execute(f"prepare slow as {statement}")
            rows = await connection.fetch(f"explain execute slow{nulls}")
        return "\n".join(row[0] for row in rows)
