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

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

from store.address import address_of, driver_url, login_of
from store.contract import SchemaOutdated, StoreError, Unavailable
from store.refusals import Cause, Refusal, refusal_of
from store.roles import INSUFFICIENT_PRIVILEGE, MissingPrivilege, Role
from store.slow_statements import SlowStatements

APPLICATION_NAME = "webhost-sync"

# Classes of SQLSTATE after which the same call may succeed: connection, transaction rollback
# (deadlock), resources, operator intervention (shutdown, statement timeout), system error.
TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57", "58"})
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"  # a standby after a failover
ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


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
       `raw_connection` apart, which is the caller's own.
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
        self.address = address_of(url)
        self._login = login_of(url)
        self._url = driver_url(url)
        self._pool_sizes = {
            Role.APP: pool_size,
            Role.PROJECTOR: projector_pool_size,
            Role.ACCOUNTS: accounts_pool_size,
        }
        self._pool_timeout = pool_timeout
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
        async with self._begin(Role.APP) as connection:
            await _set_tenant(connection, tenant_id)
            yield connection

    @asynccontextmanager
    async def moment(self, tenant_id: int) -> AsyncIterator[AsyncConnection]:
        """As `tenant`, but read-only, and every statement sees what was committed before the first."""
        async with self._begin(Role.APP, **ONE_MOMENT) as connection:
            await _set_tenant(connection, tenant_id)
            yield connection

    @asynccontextmanager
    async def no_tenant(self) -> AsyncIterator[AsyncConnection]:
        """A transaction before a tenant is known: rows of tenants can't be read here, while the functions
        that look up keys can be called. Raises: as `tenant`."""
        async with self._begin(Role.APP) as connection:
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
        try:
            async with self._begin(None) as connection:
                yield connection
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
                raise
            raise self._not_the_owner(error.orig) from error

    @asynccontextmanager
    async def raw_connection(self, role: Role) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A driver's connection outside of the pools, for hot statements and LISTEN; closed at the end.

        Wrap what is done with it in `errors()`. Raises: as `tenant`.
        """
        connection = await self._connect(role)
        try:
            yield connection
        finally:
            # One that can't say goodbye any more is gone as well.
            with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=self._connect_timeout)

    @asynccontextmanager
    async def owner_connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A driver's connection as the login itself, in no transaction yet: for COPY, and for VACUUM and the
        like, which run in none. Raises: as `owner`."""
        with self.errors():
            connection = await self._connect(None)
            try:
                yield connection
            except asyncpg.InsufficientPrivilegeError as error:
                raise self._not_the_owner(error) from error
            finally:
                with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await connection.close(timeout=self._connect_timeout)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the driver or the network raises inside into `Unavailable` where it is transient."""
        try:
            yield
        except PoolTimeout as error:
            raise self._unavailable("every pooled connection is busy; raise POOL_SIZE") from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_transient(error.orig):
                raise self._unavailable(str(error.orig)) from error
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if _is_transient(error):
                raise self._unavailable(str(error)) from error
            raise
        except ConnectionError as error:
            raise self._unavailable(str(error)) from error

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
        async with self.no_tenant() as connection:
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

    async def _connect(self, role: Role | None) -> asyncpg.Connection[asyncpg.Record]:
        settings = {
            "application_name": APPLICATION_NAME,
            "statement_timeout": str(int(self._statement_timeout * 1000)),
            "timezone": "UTC",
        }
        if role is not None:
            settings["role"] = role.value
        try:
            return await asyncpg.connect(self._url, server_settings=settings, timeout=self._connect_timeout)
        except asyncpg.PostgresError as error:
            raise self._refused(error) from error
        except TimeoutError as error:
            silent = Refusal(Cause.SILENT, f"no answer in {self._connect_timeout:g} s")
            raise self._not_connected(silent) from error
        except (OSError, asyncpg.InterfaceError, ValueError) as error:
            raise self._not_connected(refusal_of(error)) from error

    def _refused(self, error: asyncpg.PostgresError) -> StoreError:
        match error.sqlstate:
            case "22023" if "role" in str(error):
                return SchemaOutdated(
                    f"{self.address} has no roles for the server; run `webhost-sync migrate`"
                )
            case "42501" if "role" in str(error):
                return SchemaOutdated(
                    f"{self.address}: {error}; run `webhost-sync migrate` as the schema's owner"
                )
            case _:
                return self._not_connected(refusal_of(error))

    def _not_connected(self, refusal: Refusal) -> Unavailable:
        who = f" as {self._login!r}" if self._login else ""
        return Unavailable(
            f"Postgres at {self.address} can't be used{who}: {refusal.reason}; {refusal.remedy}", refusal
        )

    def _not_the_owner(self, error: BaseException | None) -> MissingPrivilege:
        return MissingPrivilege(
            f"{self.address}: {error}; this is for the owner of the schema, whose login "
            "MIGRATION_DATABASE_URL names"
        )

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(f"Postgres at {self.address} can't be used: {reason}; check it and DATABASE_URL")


def _is_transient(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None)
    if state is None:  # the driver's own: the connection is closed
        return True
    return state[:2] in TRANSIENT_CLASSES or state in (LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION)


async def _set_tenant(connection: AsyncConnection, tenant_id: int) -> None:
    """For this transaction only: `true` makes the setting local to it."""
    statement = text("select set_config('app.tenant_id', :tenant_id, true)")
    await connection.execute(statement, {"tenant_id": str(tenant_id)})
