"""Runs one piece of work on the database of the settings, for commands that come, ask and leave."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TypeVar

from store import schema_version
from store.audit import Deed
from store.contract import Unavailable
from store.database import Database
from webhost_sync.cli.output import note, working
from webhost_sync.config import Settings
from webhost_sync.postgres import Postgres, find_postgres

Result = TypeVar("Result")
BETWEEN_ATTEMPTS = 0.5
"""Seconds between two attempts to reach a database that isn't there yet."""


@contextmanager
def postgres_started(settings: Settings) -> Iterator[Postgres]:
    """As `find_postgres`, and shows that the first start of an embedded one takes some seconds."""
    with ExitStack() as stack:
        with working("Starting the embedded Postgres") if settings.database_url is None else nullcontext():
            postgres = stack.enter_context(find_postgres(settings))
        yield postgres


@contextmanager
def postgres_ready(settings: Settings) -> Iterator[Postgres]:
    """As `postgres_started`, and waits for one that may be there in a moment, as when all is started at once.

    Raises: Unavailable (it can't be reached, or DATABASE_WAIT is over).
    """
    with postgres_started(settings) as postgres:
        asyncio.run(_reached(postgres, settings.database_wait))
        yield postgres


async def _reached(postgres: Postgres, patience: float) -> None:
    """Tries the login that a command works with first; what it may do there is found out later."""
    deadline = time.monotonic() + patience
    told = False
    async with Database(postgres.owner_url) as database:
        while True:
            try:
                async with database.owner():
                    return
            except Unavailable as error:
                refusal = error.refusal
                if refusal is None or not refusal.may_pass or time.monotonic() >= deadline:
                    raise
                if not told:
                    told = True
                    note(f"Waiting up to {patience:g} s for Postgres at {database.address}: {refusal.reason}")
            await asyncio.sleep(min(BETWEEN_ATTEMPTS, max(0.0, deadline - time.monotonic())))


def with_database(settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do the work as the owner of the schema, and return what it returns.

    Without DATABASE_URL it is the embedded Postgres, started for this one command if nobody runs it.
    Raises: SchemaOutdated (not migrated), and whatever the store, Postgres or the work raise.
    """
    with postgres_started(settings) as postgres:
        return asyncio.run(_checked(postgres.owner_url, settings, work))


def operator() -> Deed:
    """Whoever runs this command, for the audit log."""
    try:
        return Deed(f"cli:{getpass.getuser()}")
    except (OSError, KeyError):  # a container's user without a name
        return Deed("cli")


async def _checked(url: str, settings: Settings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    async with Database(url, statement_timeout=settings.statement_timeout) as database:
        await schema_version.check(database)
        return await work(database)
