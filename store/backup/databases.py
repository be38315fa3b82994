"""Makes and drops databases on the server of a URL: one to restore into, and scratch ones."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from store.address import address_of, driver_url
from store.backup.contract import BackupRefused
from store.contract import Unavailable

SCRATCH_PREFIX = "webhost_scratch_"
HOLDER = "webhost-sync scratch"
"""The name of the connection that is open to a scratch database for as long as somebody uses it."""
YOUNG = 600.0
"""Seconds for which a scratch database without connections may be one that is only being made."""
LEFTOVERS = """
select datname from pg_database d
where datname ~ '^webhost_scratch_[0-9a-f]+$' and pg_has_role(current_user, datdba, 'member')
  and not exists (select from pg_stat_activity a where a.datname = d.datname)
order by datname
"""
"""Scratch databases of this login that nobody is connected to."""
DUPLICATE = "42P04"


def database_at(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    parts = urlsplit(url)
    # `urlunsplit` would drop the slashes of an empty host, which is how a socket is written.
    return f"{parts.scheme}://{parts.netloc}" + urlunsplit(("", "", f"/{quote(name)}", parts.query, ""))


async def ensure_database(url: str, name: str) -> str:
    """Make a database of that name where there is none; returns its URL. Raises: as `scratch_database`."""
    with suppress(asyncpg.DuplicateDatabaseError):
        await _execute(url, f"create database {_quoted(name)}")
    return database_at(url, name)


@asynccontextmanager
async def scratch_database(url: str) -> AsyncIterator[str]:
    """The URL of an empty database on the same server, which is dropped at the end; and so is, before, what a
    killed command left.

    Raises: BackupRefused (the login may not make databases), Unavailable.
    """
    await drop_leftovers(url)
    name = f"{SCRATCH_PREFIX}{int(time.time()):08x}{secrets.token_hex(4)}"
    await _execute(url, f"create database {_quoted(name)}")
    try:
        async with _connected(database_at(url, name), application_name=HOLDER):
            yield database_at(url, name)
    finally:
        await _execute(url, f"drop database {_quoted(name)} with (force)")


async def drop_leftovers(url: str) -> tuple[str, ...]:
    """Drop what killed commands left; returns the names. Raises: Unavailable."""
    dropped = []
    async with _connected(url) as connection:
        found = [str(row[0]) for row in await connection.fetch(LEFTOVERS)]
        for name in leftovers(found, time.time()):
            # Without force: somebody may have connected since.
            with suppress(asyncpg.ObjectInUseError, asyncpg.InvalidCatalogNameError):
                await connection.execute(f"drop database {_quoted(name)}")
                dropped.append(name)
    return tuple(dropped)


def leftovers(found: Iterable[str], now: float) -> tuple[str, ...]:
    """Of the names by `LEFTOVERS`, those that aren't too young. `now` is seconds since 1970."""
    return tuple(name for name in found if now - int(name.removeprefix(SCRATCH_PREFIX)[:8], 16) > YOUNG)


@asynccontextmanager
async def _connected(url: str, **settings: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    try:
        connection = await asyncpg.connect(driver_url(url), server_settings=settings)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _refused(url, error) from error
    try:
        yield connection
    finally:
        connection.terminate()


async def _execute(url: str, statement: str) -> None:
    """Run a statement that can't run in a transaction."""
    try:
        connection = await asyncpg.connect(driver_url(url))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
    except asyncpg.InsufficientPrivilegeError as error:
        raise BackupRefused(
            f"the login of {address_of(url)} may not do this: {error}; let an admin run "
            "ALTER ROLE … CREATEDB, or give a login that may as MIGRATION_DATABASE_URL"
        ) from error
    except asyncpg.DuplicateDatabaseError:
        raise
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _refused(url, error) from error


def _refused(url: str, error: Exception) -> Unavailable:
    return Unavailable(f"Postgres at {address_of(url)} refused: {error}; check it and DATABASE_URL")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
