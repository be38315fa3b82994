"""Makes and drops databases on the server of a URL: one to restore into, and scratch ones."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from store.address import address_of, driver_url
from store.backup.contract import BackupRefused
from store.contract import Unavailable

SCRATCH_PREFIX = "webhost_scratch_"
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
    """The URL of an empty database on the same server, which is dropped at the end.

    Raises: BackupRefused (the login may not make databases), Unavailable.
    """
    name = SCRATCH_PREFIX + secrets.token_hex(6)
    await _execute(url, f"create database {_quoted(name)}")
    try:
        yield database_at(url, name)
    finally:
        await _execute(url, f"drop database {_quoted(name)} with (force)")


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
        raise Unavailable(
            f"Postgres at {address_of(url)} refused: {error}; check it and DATABASE_URL"
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
