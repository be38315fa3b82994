"""Logins that are no superuser, as production has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
from sqlalchemy import text

from store.database import Database
from store.roles import ensure_roles


@asynccontextmanager
async def login(url: str, attributes: str = "") -> AsyncIterator[str]:
    """A new login with these attributes; gives the URL with which it connects to the same database."""
    name = f"login_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(f"create role {name} login password 'p' {attributes}")
        yield url.replace("://postgres", f"://{name}:p", 1)
        await admin.execute(
            f"reassign owned by {name} to current_user; drop owned by {name}; drop role {name}"
        )
    finally:
        await admin.close()


def login_of(url: str) -> str:
    return url.partition("://")[2].partition(":")[0]


async def allow_tables(url: str) -> None:
    """Let every login make tables in this database, as older versions of Postgres do."""
    async with Database(url) as database, database.owner() as connection:
        await connection.execute(text("grant create on schema public to public"))


async def grant_roles(url: str, login_url: str) -> None:
    """What an admin does for a login that may not make roles."""
    async with Database(url) as database, database.owner() as connection:
        await connection.run_sync(lambda sync: ensure_roles(sync, login=login_of(login_url)))
