"""Opens what a server and a command have in common: the store, and what works on it without a client.

Settings and an address of Postgres come in; open things go out, and are closed in the opposite order.
Knows nothing of the web.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from store import schema_version
from store.audit import AuditLog
from store.changes import PostgresChanges
from store.committer import Committer
from store.database import Database
from store.fleet import PostgresFleet
from store.history import PostgresHistory
from store.lifecycle import PostgresLifecycle
from store.redis_link import RedisLink
from store.retention import Retentions
from store.roles import Role
from store.shared_changes import SharedChanges
from store.updates import PostgresUpdateLog
from webhost_sync.admin.document_changes import DocumentChanges
from webhost_sync.config import Settings
from webhost_sync.fleet.projector import Projector
from webhost_sync.history.archive import Archive
from webhost_sync.history.restoring import Restorer
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.history.tenant_retention import TenantRetention
from webhost_sync.history.thinning import Thinner
from webhost_sync.lifecycle.erasure import Eraser
from webhost_sync.lifecycle.keeper import Keeper
from webhost_sync.lifecycle.repair import Repairer
from webhost_sync.log_levels import follow_levels
from webhost_sync.measured_log import CountedBatches, MeasuredLog
from webhost_sync.metrics import Recorder
from webhost_sync.sync.hub import Hub
from webhost_sync.telemetry.tracing import NoTracing, Tracing

COMMIT_PATIENCE = 5.0
"""Seconds until an unanswered append is given back to its room, which asks again by itself."""


@dataclass(frozen=True, slots=True)
class Store:
    """One process's way to the documents and their rows."""

    database: Database
    changes: PostgresChanges | SharedChanges
    log: PostgresUpdateLog
    history: PostgresHistory
    lifecycle: PostgresLifecycle
    redis: RedisLink | None

    def times(self, settings: Settings) -> TenantRetention:
        return TenantRetention(Retentions(self.database), settings)

    def projector(self, settings: Settings) -> Projector:
        return Projector(PostgresFleet(self.database, self.changes), self.log, self.changes, settings)


@asynccontextmanager
async def open_store(
    settings: Settings, database_url: str, recorder: Recorder | None = None, tracing: Tracing | None = None
) -> AsyncIterator[Store]:
    """Connect to a database of this program's schema. Raises: Unavailable, SchemaOutdated."""
    recorder = recorder or Recorder()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(
                database_url,
                pool_size=settings.pool_size,
                statement_timeout=settings.statement_timeout,
                slow_statement=settings.slow_statement,
            )
        )
        await schema_version.check(database)
        if database.slow is not None:
            await stack.enter_async_context(background(database.slow.run()))
        changes: PostgresChanges | SharedChanges = await stack.enter_async_context(
            PostgresChanges(partial(database.raw_connection, Role.APP))
        )
        link = link_of(settings)
        if link is not None and isinstance(changes, PostgresChanges):
            await link.look()
            await stack.enter_async_context(background(link.run()))
            shared = SharedChanges(changes, link, settings.redis_prefix)
            changes = await stack.enter_async_context(shared)
        committer = await stack.enter_async_context(
            Committer(
                partial(database.raw_connection, Role.COMMITTER),
                CountedBatches(changes, recorder),
                lanes=settings.committers,
                patience=COMMIT_PATIENCE,
                note=None if database.slow is None else database.slow.note,
            )
        )
        log = MeasuredLog(database, committer, recorder, tracing or NoTracing())
        yield Store(database, changes, log, PostgresHistory(database), PostgresLifecycle(database), link)


def link_of(settings: Settings) -> RedisLink | None:
    """The way to Redis, where one is set. Raises: RedisMissing, RedisUrlUnusable."""
    return None if settings.redis_url is None else RedisLink(settings.redis_url.get_secret_value())


@dataclass(frozen=True, slots=True)
class Past:
    """What works on the history of documents."""

    archive: Archive
    changes: DocumentChanges
    thinner: Thinner


@asynccontextmanager
async def open_past(settings: Settings, database_url: str) -> AsyncIterator[tuple[Store, Past]]:
    """The history for a command, which has rooms of its own. Raises: Unavailable, SchemaOutdated."""
    async with open_store(settings, database_url) as store:
        hub = Hub(store.log, settings, asyncio.Queue(1))
        async with hub.running():
            yield store, past_of(store, settings, hub)


def past_of(store: Store, settings: Settings, hub: Hub) -> Past:
    states = States(store.history, StateCache(settings.history_cache_bytes))
    return Past(
        Archive(store.log, store.history, states),
        DocumentChanges(Restorer(store.log, store.history, states, hub), AuditLog(store.database)),
        Thinner(store.history, states, store.times(settings).rules),
    )


@dataclass(frozen=True, slots=True)
class Lives:
    """What works on the life and death of documents; rooms of any process follow by themselves."""

    keeper: Keeper
    repairer: Repairer
    eraser: Eraser


def lives_of(store: Store, settings: Settings) -> Lives:
    """For a serving process, and for a command."""
    states = States(store.history, StateCache(0))
    return Lives(
        Keeper(store.lifecycle, store.log, store.times(settings).deleted_documents),
        Repairer(store.lifecycle, store.log),
        Eraser(store.lifecycle, store.log, states),
    )


async def project(settings: Settings, database_url: str) -> None:
    """Write the SQL tables until cancelled. Raises: Unavailable, SchemaOutdated."""
    async with (
        open_store(settings, database_url) as store,
        background(follow_levels(store.changes, settings)),
        store.projector(settings) as projector,
    ):
        await projector.run()


@asynccontextmanager
async def background(*loops: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run loops that never end by themselves; one that fails takes the process down, loudly."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
