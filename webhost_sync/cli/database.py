"""Runs one piece of work on the database of the settings, for commands that come, ask and leave."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TypeVar

from store import migrate
from store.audit import Deed
from store.database import Database
from webhost_sync.cli.output import working
from webhost_sync.config import Settings
from webhost_sync.postgres import Postgres, find_postgres

Result = TypeVar("Result")


@contextmanager
def postgres_started(settings: Settings) -> Iterator[Postgres]:
    """As `find_postgres`, and shows that the first start of an embedded one takes some seconds."""
    with ExitStack() as stack:
        with working("Starting the embedded Postgres") if settings.database_url is None else nullcontext():
            postgres = stack.enter_context(find_postgres(settings))
        yield postgres


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
        await migrate.check(database)
        return await work(database)
