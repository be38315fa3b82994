"""Postgres for the tests: one cluster for a pytest process, one database for a test.

Uses the server that TEST_DATABASE_URL names, or makes a throwaway one, in memory where there is
room. That one doesn't flush: it ends with the tests, and they are about commits, not about power cuts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from store.embedded import embedded

FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
_ROOM_NEEDED = 1024**3


@contextmanager
def postgres_cluster() -> Iterator[str]:
    """Give the URL of a server on which the tests may make and drop databases."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with (
        tempfile.TemporaryDirectory(prefix="pg-", dir=_fastest_folder()) as folder,
        embedded(Path(folder), settings=FAST_AND_FORGETFUL) as server,
    ):
        yield server.url


def _fastest_folder() -> Path | None:
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_NEEDED
    return memory if roomy else None


def database_at(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    parts = urlsplit(url)
    # `urlunsplit` would drop the slashes of an empty host, which is how a socket is written.
    prefix = f"{parts.scheme}://{parts.netloc}"
    return prefix + urlunsplit(("", "", f"/{name}", parts.query, ""))


async def create_database(postgres_url: str) -> str:
    """Make an empty database with a name of its own and return its URL."""
    return await _create(postgres_url, "")


async def clone_database(template_url: str) -> str:
    """Make a database that is a copy of the given one, to which nobody is connected, and return its URL."""
    return await _create(template_url, f'template "{urlsplit(template_url).path[1:]}" strategy file_copy')


async def drop_database(url: str) -> None:
    """Drop a database, with connections that a failed test left open."""
    await _execute(url, f'drop database "{urlsplit(url).path[1:]}" with (force)')


@asynccontextmanager
async def cloned_database(template_url: str) -> AsyncIterator[str]:
    """A copy of a database to which nobody is connected, until the block ends."""
    url = await clone_database(template_url)
    yield url
    await drop_database(url)


@asynccontextmanager
async def unreachable(url: str) -> AsyncIterator[None]:
    """Put everybody out of a database, and let nobody in until the block ends."""
    name = urlsplit(url).path[1:]
    await _execute(url, f'alter database "{name}" with allow_connections false')
    try:
        await _execute(
            url, f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        )
        yield
    finally:
        await _execute(url, f'alter database "{name}" with allow_connections true')


async def select(url: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Run a query and return its rows, past all row-level security."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def _create(url: str, how: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _execute(url, f'create database "{name}" {how}')
    return database_at(url, name)


async def _execute(url: str, statement: str) -> None:
    """Run a statement that can't run inside the database it is about."""
    connection = await asyncpg.connect(database_at(url, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
