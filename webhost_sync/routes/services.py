"""What the routes work with: one record, built in `app` and found again through a request's app."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from store.contract import UpdateLog
from store.database import Database
from store.fair_share import FairShare
from store.geofence_readings import GeofenceReadings
from store.positions_feed import PositionsFeed
from store.probe import DatabaseProbe
from store.readings import Readings
from store.redis_link import RedisLink
from store.refused_readings import RefusedReadings
from store.track_readings import TrackReadings
from webhost_sync.admin.services import AdminServices
from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.tokens import Tokens
from webhost_sync.config import Settings
from webhost_sync.fleet.fence_visits import FenceVisits
from webhost_sync.fleet.live_positions import LivePositions
from webhost_sync.fleet.vehicle_tracks import VehicleTracks
from webhost_sync.history.archive import Archive
from webhost_sync.lifecycle.keeper import Keeper
from webhost_sync.limiting.admission import Admission
from webhost_sync.metrics import Recorder
from webhost_sync.ops.maintenance import MaintenanceWatch
from webhost_sync.sync.compactor import Ladders
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections
from webhost_sync.sync.refusals import Refusals
from webhost_sync.telemetry.gauges import Gauges


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running process that routes call."""

    settings: Settings
    database: Database
    log: UpdateLog
    readings: Readings
    track_readings: TrackReadings
    geofences: GeofenceReadings
    fence_visits: FenceVisits
    refused: RefusedReadings
    tracks: VehicleTracks
    archive: Archive
    ladders: Ladders
    keeper: Keeper
    feed: PositionsFeed
    probe: DatabaseProbe
    maintenance: MaintenanceWatch
    hub: Hub
    live: LiveConnections
    live_positions: LivePositions
    refusals: Refusals
    authenticator: Authenticator
    admission: Admission
    recorder: Recorder
    gauges: Gauges
    redis: RedisLink | None
    whole_documents: FairShare
    """Of a tenant's requests that load and draw all of a document, so many at a time."""
    tokens: Tokens
    admin: AdminServices
    stopping: asyncio.Event
    """Set when the process goes away: what would go on for ever ends then."""


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that serves this request or socket."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services
