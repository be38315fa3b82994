"""The only wiring: settings in, a running application out.

Everything is built here, in the order in which it needs each other, and ends in the opposite order.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute

from store import migrate
from store.audit import AuditLog
from store.changes import PostgresChanges
from store.committer import Committer
from store.contract import Document
from store.database import Database
from store.fleet import PostgresFleet
from store.geofence_readings import GeofenceReadings
from store.history import PostgresHistory
from store.keys import Keys
from store.latest_feed import LatestFeed
from store.lifecycle import PostgresLifecycle
from store.maintenance import MaintenanceSwitch
from store.positions_feed import PositionsFeed
from store.presence import PresenceChannel
from store.probe import DatabaseProbe
from store.readings import Readings
from store.redis_link import RedisLink
from store.retention import Retentions
from store.roles import Role
from store.sessions import Sessions
from store.shared_changes import SharedChanges
from store.stats import Stats
from store.tenants import TenantLimits
from store.track_readings import TrackReadings
from store.updates import PostgresUpdateLog
from store.users import Users
from store.webhooks import Webhooks
from webhost_sync.admin.connections import Switchboard
from webhost_sync.admin.document_changes import DocumentChanges
from webhost_sync.admin.documents import DocumentDesk
from webhost_sync.admin.keys import KeyRing
from webhost_sync.admin.lives import DocumentLives
from webhost_sync.admin.members import Members
from webhost_sync.admin.overview import Overviews
from webhost_sync.admin.retention import RetentionDesk
from webhost_sync.admin.services import AdminServices
from webhost_sync.admin.vehicles import VehicleDesk
from webhost_sync.admin.webhooks import WebhookDesk
from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.cookies import CookieSigner
from webhost_sync.auth.passwords import Passwords
from webhost_sync.auth.people import People
from webhost_sync.auth.tokens import Tokens
from webhost_sync.config import Settings
from webhost_sync.fleet.live_positions import LivePositions
from webhost_sync.fleet.projector import Projector
from webhost_sync.fleet.row_editor import RowEditor
from webhost_sync.fleet.vehicle_tracks import VehicleTracks
from webhost_sync.history.archive import Archive
from webhost_sync.history.restoring import Restorer
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.history.tenant_retention import TenantRetention
from webhost_sync.history.thinning import Thinner
from webhost_sync.lifecycle.erasure import Eraser
from webhost_sync.lifecycle.keeper import Keeper
from webhost_sync.lifecycle.repair import Repairer
from webhost_sync.limiting.admission import Admission
from webhost_sync.limiting.limiter import Limiter
from webhost_sync.limiting.overrides import TenantOverrides
from webhost_sync.log_levels import follow_levels
from webhost_sync.measured_log import CountedBatches, MeasuredLog
from webhost_sync.metrics import Recorder
from webhost_sync.ops.maintenance import MaintenanceWatch
from webhost_sync.routes.api import api_routes
from webhost_sync.routes.collab import collab
from webhost_sync.routes.dashboard.table import dashboard_routes
from webhost_sync.routes.middleware import (
    CrossOrigin,
    ErrorAnswers,
    Measured,
    RequestIds,
    Traced,
    raise_to_middleware,
)
from webhost_sync.routes.services import Services
from webhost_sync.routes.sync import sync
from webhost_sync.routes.vehicles import latest_as_json
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.compactor import Ladders, run_compactor
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections
from webhost_sync.sync.refusals import Refusals
from webhost_sync.sync.relay import poll, relay, relay_lives, relay_presence
from webhost_sync.telemetry.gauges import Gauges
from webhost_sync.telemetry.tracing import NoTracing, Tracing, tracing_of
from webhost_sync.webhooks.deliverer import Deliverer, guard_of

logger = structlog.get_logger(__name__)

COMMIT_PATIENCE = 5.0
"""Seconds until an unanswered append is given back to its room, which asks again by itself."""
DUE_FOR_COMPACTION = 1000


def create_app(
    settings: Settings, database_url: str, tokens: Tokens, cookies: CookieSigner, *, projects: bool = False
) -> Starlette:
    """The ASGI application; it connects to Postgres when its lifespan starts.

    One that `projects` also writes the SQL tables; otherwise `project` does it in another process.
    """

    recorder, tracing = Recorder(), tracing_of(os.environ)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running_services(
            settings, database_url, tokens, cookies, recorder, tracing, projects=projects
        ) as services:
            app.state.services = services
            yield
        tracing.close()

    return Starlette(
        routes=routes(),
        lifespan=lifespan,
        middleware=[
            Middleware(Measured, recorder=recorder, slow=settings.slow_request),
            Middleware(RequestIds),
            Middleware(Traced, tracing=tracing),
            Middleware(CrossOrigin, allowed_origins=settings.allowed_origins),
            Middleware(ErrorAnswers),
        ],
        exception_handlers={HTTPException: raise_to_middleware},
    )


def routes() -> Sequence[BaseRoute]:
    return [
        WebSocketRoute("/sync/{document:path}", sync),
        WebSocketRoute("/collab", collab),
        *api_routes(),
        *dashboard_routes(),
    ]


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
        await migrate.check(database)
        if database.slow is not None:
            await stack.enter_async_context(_background(database.slow.run()))
        changes: PostgresChanges | SharedChanges = await stack.enter_async_context(
            PostgresChanges(partial(database.raw_connection, Role.APP))
        )
        link = link_of(settings)
        if link is not None and isinstance(changes, PostgresChanges):
            await link.look()
            await stack.enter_async_context(_background(link.run()))
            shared = SharedChanges(changes, link, settings.redis_prefix)
            changes = await stack.enter_async_context(shared)
        committer = await stack.enter_async_context(
            Committer(
                partial(database.raw_connection, Role.COMMITTER),
                CountedBatches(changes, recorder),
                lanes=settings.committers,
                patience=COMMIT_PATIENCE,
            )
        )
        log = MeasuredLog(database, committer, recorder, tracing or NoTracing())
        yield Store(database, changes, log, PostgresHistory(database), PostgresLifecycle(database), link)


@asynccontextmanager
async def running_services(
    settings: Settings,
    database_url: str,
    tokens: Tokens,
    cookies: CookieSigner,
    recorder: Recorder,
    tracing: Tracing,
    *,
    projects: bool = False,
) -> AsyncIterator[Services]:
    """Everything that a serving process runs. Raises: Unavailable, SchemaOutdated."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings, database_url, recorder, tracing))
        database, changes, log = store.database, store.changes, store.log
        due: asyncio.Queue[Document] = asyncio.Queue(DUE_FOR_COMPACTION)
        link = store.redis
        beyond = None if link is None else Beyond()
        hub = Hub(log, settings, due, beyond)
        past = _past_of(store, settings, hub)
        lives = lives_of(store, settings)
        live = LiveConnections(settings.connections_per_credential, settings.tenant_update_rate)
        keys, audit = Keys(database), AuditLog(database)
        authenticator = Authenticator(keys, tokens)
        probe = DatabaseProbe(database)
        stats = Stats(database)
        webhooks = Webhooks(database)
        limiter = Limiter(settings, TenantOverrides(TenantLimits(database)), recorder, link)
        maintenance = MaintenanceWatch(MaintenanceSwitch(database), hub, settings.access_check_interval)
        await maintenance.look()
        positions = LivePositions(LatestFeed(database), changes, latest_as_json, settings.log_poll_interval)
        await stack.enter_async_context(hub.running())
        await stack.enter_async_context(positions.running())
        await stack.enter_async_context(
            _background(
                relay(changes, hub),
                relay_lives(changes, hub),
                poll(hub, settings.log_poll_interval),
                probe.run(),
                run_compactor(log, due, prepare=past.thinner.prepare, is_held=lambda: maintenance.is_on),
                lives.keeper.run(is_held=lambda: maintenance.is_on),
                maintenance.run(),
                Deliverer(webhooks, settings).run(),
                live.keep_alive(settings.keepalive_interval),
                follow_levels(changes, settings),
                live.check_rights(authenticator.recheck, settings.access_check_interval),
            )
        )
        if link is not None and beyond is not None:
            channel = PresenceChannel(link, settings.redis_prefix)
            await stack.enter_async_context(_background(relay_presence(channel, beyond, hub)))
        if projects:
            projector = await stack.enter_async_context(store.projector(settings))
            await stack.enter_async_context(_background(projector.run()))
        readings, track_readings = Readings(database), TrackReadings(database)
        row_editor = RowEditor(log, hub)
        users, sessions = Users(database), Sessions(database)
        admin = AdminServices(
            people=People(users, sessions, Passwords(), settings),
            cookies=cookies,
            overviews=Overviews(stats, recorder, hub, live, probe),
            keys=KeyRing(keys, tokens, audit),
            connections=Switchboard(live, authenticator.recheck, audit),
            documents=DocumentDesk(readings, hub, live),
            changes=past.changes,
            lives=DocumentLives(store.lifecycle, lives.keeper, lives.repairer, lives.eraser, hub),
            members=Members(users, sessions),
            vehicles=VehicleDesk(row_editor, readings, audit),
            retention=RetentionDesk(Retentions(database), store.times(settings)),
            webhooks=WebhookDesk(webhooks, guard_of(settings)),
            audit=audit,
        )
        yield Services(
            settings=settings,
            database=database,
            log=log,
            readings=readings,
            track_readings=track_readings,
            geofences=GeofenceReadings(database),
            tracks=VehicleTracks(track_readings),
            row_editor=row_editor,
            feed=PositionsFeed(database),
            archive=past.archive,
            ladders=Ladders(log),
            keeper=lives.keeper,
            probe=probe,
            maintenance=maintenance,
            hub=hub,
            live=live,
            live_positions=positions,
            refusals=Refusals(settings.refusal_hold, settings.refusal_hold_max),
            authenticator=authenticator,
            admission=Admission(authenticator, limiter),
            recorder=recorder,
            gauges=Gauges(hub, live, database, stats, probe, link, settings.backup_stamp),
            redis=link,
            tokens=tokens,
            admin=admin,
            stopping=asyncio.Event(),
        )


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
            yield store, _past_of(store, settings, hub)


def _past_of(store: Store, settings: Settings, hub: Hub) -> Past:
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
        _background(follow_levels(store.changes, settings)),
        store.projector(settings) as projector,
    ):
        await projector.run()


@asynccontextmanager
async def _background(*loops: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run loops that never end by themselves; one that fails takes the process down, loudly."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def drain(services: Services) -> None:
    """Let nobody in, send everybody away, and store what they sent; give up after `drain_timeout`.

    What can't be stored by then, because Postgres is away, was acknowledged to nobody.
    """
    services.hub.start_draining()
    services.stopping.set()
    services.refusals.release()
    try:
        async with asyncio.timeout(services.settings.drain_timeout):
            await services.live.drain(services.settings.drain_timeout)
            await services.hub.settled()
    except TimeoutError:
        logger.warning("drained in part", connections=len(services.live), database="away or slow")
