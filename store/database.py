"""Connections to one Postgres: who they act as, for which tenant, and what their failures are called.

Comes in: a URL as operators write it (`postgres://`, `postgresql://`, `postgresql+asyncpg://`; a
Unix socket as `?host=/folder`; `sslmode` and the like as libpq knows them). Goes out: connections in
a transaction, each acting as one `Role`; driver and network errors as `Unavailable`. Knows no table.

A pooled connection is opened *as* its role (a start-up parameter, so `RESET ROLE` leads back to the
role). What this guards against is a forgotten filter and a mistaken write. It is no wall against
injected SQL, which could set another tenant or, by `SET ROLE`, take on another role of the login;
it can't get further than that where the login is no superuser and owns nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

from store.address import driver_url
from store.failures import Failures
from store.fair_share import FairShare
from store.own_transaction import own_transaction
from store.roles import Role
from store.slow_statements import SlowStatements

APPLICATION_NAME = "webhost-sync"
KEPT_FOR_OTHERS = 5
"""One connection of so many is never one tenant's, however much it asks for."""
ONE_MOMENT = "begin isolation level repeatable read read only"
ONE_STATEMENT = {"isolation_level": "AUTOCOMMIT"}


@dataclass(frozen=True, slots=True)
class PoolUse:
    """One pool of connections: whose it is, how many there may be, and how many are taken."""

    name: str
    size: int
    busy: int


class Database:
    """One Postgres database, entered with `async with`.

    Invariants:
    1. A connection given out acts as the role its method names, never as the login, `owner()` apart.
    2. Every connection given out is in a transaction, which commits when its block ends normally;
       `lookup` apart, each of whose statements is one, and `raw_connection`, which is the caller's own.
    3. A tenant is set for one transaction only; no pooled connection keeps one.
    4. What a driver or the network raises inside a block leaves it as `Unavailable` where trying
       again can help; no message holds the password.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        projector_pool_size: int = 2,
        accounts_pool_size: int = 3,
        pool_timeout: float = 10.0,
        connect_timeout: float = 10.0,
        statement_timeout: float = 30.0,
        slow_statement: float = 0.0,
    ) -> None:
        """Times are seconds; a `statement_timeout` of 0 means none, and so does a `slow_statement`, above
        which one is noted in `slow`. Connects to nothing yet."""
        self._failures = Failures(url, connect_timeout)
        self.address = self._failures.address
        self._url = driver_url(url)
        self._pool_sizes = {
            Role.APP: pool_size,
            Role.PROJECTOR: projector_pool_size,
            Role.ACCOUNTS: accounts_pool_size,
        }
        self._pool_timeout = pool_timeout
        share = pool_size - pool_size // KEPT_FOR_OTHERS
        self._shares = FairShare(share, pool_timeout, "the pooled connections (raise POOL_SIZE)")
        self._connect_timeout = connect_timeout
        self._statement_timeout = statement_timeout
        self._engines: dict[Role | None, AsyncEngine] = {}
        self._exit_stack = AsyncExitStack()
        self.slow: SlowStatements | None = None
        if slow_statement:
            self.slow = SlowStatements(partial(self.raw_connection, Role.APP), slow_statement)

    async def __aenter__(self) -> Self:
        for role, size in self._pool_sizes.items():
            self._engines[role] = create_async_engine(
                "postgresql+asyncpg://",
                async_creator=partial(self._connect, role),
                pool_size=size,
                max_overflow=0,
                pool_timeout=self._pool_timeout,
            )
        self._engines[None] = create_async_engine(
            "postgresql+asyncpg://", async_creator=partial(self._connect, None), poolclass=NullPool
        )
        if self.slow is not None:
            for role in self._pool_sizes:
                self.slow.watch(self._engines[role])
        for engine in self._engines.values():
            self._exit_stack.push_async_callback(engine.dispose)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit_stack.aclose()

    @asynccontextmanager
    async def tenant(self, tenant_id: int) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees and writes this tenant's rows only.

        Raises: Unavailable, SchemaOutdated (the roles are missing).
        """
        async with self._shares.of(tenant_id), self._begin_as(tenant_id, "begin") as connection:
            yield connection

    @asynccontextmanager
    async def moment(self, tenant_id: int) -> AsyncIterator[AsyncConnection]:
        """As `tenant`, but read-only, and every statement sees what was committed before the first."""
        async with self._shares.of(tenant_id), self._begin_as(tenant_id, ONE_MOMENT) as connection:
            yield connection

    @asynccontextmanager
    async def no_tenant(self) -> AsyncIterator[AsyncConnection]:
        """A transaction before a tenant is known: rows of tenants can't be read here, while the functions
        that look up keys can be called. Raises: as `tenant`."""
        async with self._begin(Role.APP) as connection:
            yield connection

    @asynccontextmanager
    async def lookup(self) -> AsyncIterator[AsyncConnection]:
        """As `no_tenant`, for a single statement, which is a transaction by itself: every request begins with
        one, and saves the two round trips of BEGIN and COMMIT. Raises: as `tenant`."""
        async with self._begin(Role.APP, **ONE_STATEMENT) as connection:
            yield connection

    @asynccontextmanager
    async def projector(self) -> AsyncIterator[AsyncConnection]:
        """A transaction across tenants that reads documents and writes rows. Raises: as `tenant`."""
        async with self._begin(Role.PROJECTOR) as connection:
            yield connection

    @asynccontextmanager
    async def accounts(self) -> AsyncIterator[AsyncConnection]:
        """A transaction about people and what they are a member of, before or across tenants.
        Raises: as `tenant`."""
        async with self._begin(Role.ACCOUNTS) as connection:
            yield connection

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[AsyncConnection]:
        """A transaction as the login itself on a connection of its own: migrations and admin commands.

        Raises: Unavailable, MissingPrivilege (this login isn't the owner of the schema).
        """
        with self._failures.as_owner():
            async with self._begin(None) as connection:
                yield connection

    @asynccontextmanager
    async def raw_connection(self, role: Role) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A driver's connection outside of the pools, for hot statements and LISTEN; closed at the end.

        Wrap what is done with it in `errors()`. Raises: as `tenant`.
        """
        async with self._raw(role) as connection:
            yield connection

    @asynccontextmanager
    async def owner_connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A driver's connection as the login itself, in no transaction yet: for COPY, and for VACUUM and the
        like, which run in none. Raises: as `owner`."""
        with self.errors(), self._failures.as_owner():
            async with self._raw(None) as connection:
                yield connection

    def errors(self) -> AbstractContextManager[None]:
        """Turn what the driver or the network raises inside into `Unavailable` where it is transient."""
        return self._failures.at_work()

    def pools(self) -> tuple[PoolUse, ...]:
        """How full the pools of this process are."""
        found = []
        for role, size in self._pool_sizes.items():
            pool = self._engines[role].pool
            busy = pool.checkedout() if isinstance(pool, QueuePool) else 0
            found.append(PoolUse(role.value.removeprefix("webhost_"), size, busy))
        return tuple(found)

    async def ping(self) -> None:
        """Ask Postgres something small. Raises: as `tenant`."""
        async with self.lookup() as connection:
            await connection.execute(text("select 1"))

    @asynccontextmanager
    async def _begin(self, role: Role | None, **options: object) -> AsyncIterator[AsyncConnection]:
        with self.errors():
            async with self._engines[role].connect() as connection:
                raw = await connection.get_raw_connection()
                # Closed by the server while it lay in the pool. The driver knows, so there is no
                # need for a round trip at each checkout (SQLAlchemy's pre-ping takes three).
                if raw.driver_connection is None or raw.driver_connection.is_closed():
                    await connection.invalidate()
                if options:
                    await connection.execution_options(**options)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def _begin_as(self, tenant_id: int, begin: str) -> AsyncIterator[AsyncConnection]:
        """A transaction of our own, for which the pool's connection looks like one without: so it begins and
        gets its tenant in a single round trip. On a busy server it is these that a request waits for."""
        async with self._begin(Role.APP, **ONE_STATEMENT) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)
            # `true` makes the setting local to this transaction.
            opening = f"{begin}; select set_config('app.tenant_id', '{tenant_id:d}', true)"
            async with own_transaction(driver, opening):
                yield connection

    async def _connect(self, role: Role | None) -> asyncpg.Connection[asyncpg.Record]:
        settings = {
            "application_name": APPLICATION_NAME,
            "statement_timeout": str(int(self._statement_timeout * 1000)),
            "timezone": "UTC",
        }
        if role is not None:
            settings["role"] = role.value
        with self._failures.connecting():
            return await asyncpg.connect(self._url, server_settings=settings, timeout=self._connect_timeout)

    @asynccontextmanager
    async def _raw(self, role: Role | None) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await self._connect(role)
        try:
            yield connection
        finally:
            # One that can't say goodbye any more is gone as well.
            with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=self._connect_timeout)
