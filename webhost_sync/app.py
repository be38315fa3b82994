"""The wiring of the server: settings in, a running application out.

What serves is built here, in the order in which it needs each other, and ends in the opposite order.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, WebSocketRoute

from store.audit import AuditLog
from store.backup_runs import BackupRuns
from store.contract import Document
from store.fair_share import FairShare
from store.geofence_readings import GeofenceReadings
from store.keys import Keys
from store.latest_feed import LatestFeed
from store.maintenance import MaintenanceSwitch
from store.positions_feed import PositionsFeed
from store.presence import PresenceChannel
from store.probe import DatabaseProbe
from store.readings import Readings
from store.refused_readings import RefusedReadings
from store.retention import Retentions
from store.sessions import Sessions
from store.stats import Stats
from store.tenants import TenantLimits
from store.track_readings import TrackReadings
from store.users import Users
from store.webhooks import Webhooks
from webhost_sync.admin.connections import Switchboard
from webhost_sync.admin.documents import DocumentDesk
from webhost_sync.admin.following import Following
from webhost_sync.admin.geofences import GeofenceDesk
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
from webhost_sync.auth.key_uses import KeyUses
from webhost_sync.auth.passwords import Passwords
from webhost_sync.auth.people import People
from webhost_sync.auth.tokens import Tokens
from webhost_sync.config import Settings
from webhost_sync.dashboard.render import environment, make_ready
from webhost_sync.fleet.fence_visits import FenceVisits
from webhost_sync.fleet.live_positions import LivePositions
from webhost_sync.fleet.row_editor import RowEditor
from webhost_sync.fleet.vehicle_tracks import VehicleTracks
from webhost_sync.limiting.admission import Admission
from webhost_sync.limiting.limiter import Limiter
from webhost_sync.limiting.overrides import TenantOverrides
from webhost_sync.log_levels import follow_levels
from webhost_sync.metrics import Recorder
from webhost_sync.opening import background, lives_of, open_store, past_of
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
from webhost_sync.telemetry.tracing import Tracing, tracing_of
from webhost_sync.webhooks.deliverer import Deliverer, guard_of

logger = structlog.get_logger(__name__)

DUE_FOR_COMPACTION = 1000
WHOLE_DOCUMENTS = 2


def create_app(
    settings: Settings, database_url: str, tokens: Tokens, cookies: CookieSigner, *, projects: bool = False
) -> Starlette:
    """The ASGI application; it connects to Postgres when its lifespan starts.

    One that `projects` also writes the SQL tables; otherwise `project` does it in another process.
    """

    recorder, tracing = Recorder(), tracing_of(os.environ)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            background(asyncio.to_thread(make_ready, environment())),
            running_services(
                settings, database_url, tokens, cookies, recorder, tracing, projects=projects
            ) as services,
        ):
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
        past = past_of(store, settings, hub)
        lives = lives_of(store, settings)
        live = LiveConnections(settings.connections_per_credential, settings.tenant_update_rate)
        keys, audit = Keys(database), AuditLog(database)
        uses = KeyUses(keys.touch)
        authenticator = Authenticator(keys, tokens, note_use=uses.note)
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
            background(
                relay(changes, hub),
                relay_lives(changes, hub),
                poll(hub, settings.log_poll_interval),
                probe.run(),
                run_compactor(log, due, prepare=past.thinner.prepare, is_held=lambda: maintenance.is_on),
                lives.keeper.run(is_held=lambda: maintenance.is_on),
                maintenance.run(),
                uses.run(),
                Deliverer(webhooks, settings).run(),
                live.keep_alive(settings.keepalive_interval),
                follow_levels(changes, settings),
                live.check_rights(authenticator.recheck, settings.access_check_interval),
            )
        )
        if link is not None and beyond is not None:
            channel = PresenceChannel(link, settings.redis_prefix)
            await stack.enter_async_context(background(relay_presence(channel, beyond, hub)))
        if projects:
            projector = await stack.enter_async_context(store.projector(settings))
            await stack.enter_async_context(background(projector.run()))
        readings, track_readings = Readings(database), TrackReadings(database)
        row_editor, geofences = RowEditor(log, hub), GeofenceReadings(database)
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
            vehicles=VehicleDesk(row_editor, audit),
            geofences=GeofenceDesk(row_editor, audit),
            following=Following(readings),
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
            geofences=geofences,
            fence_visits=FenceVisits(geofences),
            refused=RefusedReadings(database),
            tracks=VehicleTracks(track_readings),
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
            gauges=Gauges(hub, live, database, stats, probe, link, BackupRuns(database)),
            redis=link,
            whole_documents=FairShare(WHOLE_DOCUMENTS),
            tokens=tokens,
            admin=admin,
            stopping=asyncio.Event(),
        )


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
