"""The table of every page of the dashboard. Routing and the isolation test are both made from it."""

from __future__ import annotations

from typing import Any

from starlette.routing import BaseRoute, Route

from webhost_sync.routes.dashboard import (
    audit,
    connections,
    document_files,
    document_history,
    document_life,
    document_restore,
    document_versions,
    documents,
    entry,
    fleet,
    geofence,
    geofences,
    gone_documents,
    keys,
    members,
    overview,
    refused,
    settings,
    vehicle,
    webhooks,
)
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.files import FILES_PATH, serve_file
from webhost_sync.routes.dashboard.fleet_live import FleetStream
from webhost_sync.routes.dashboard.page import Action, Page, Stream

PAGES: tuple[Page[Any] | Action[Any] | Stream | Download[Any] | FleetStream, ...] = (
    *overview.PAGES,
    *fleet.PAGES,
    *refused.PAGES,
    *vehicle.PAGES,
    *geofences.PAGES,
    *geofence.PAGES,
    *documents.PAGES,
    *document_history.PAGES,
    *document_versions.PAGES,
    *document_restore.PAGES,
    *document_files.PAGES,
    *document_life.PAGES,
    *gone_documents.PAGES,
    *keys.PAGES,
    *connections.PAGES,
    *members.PAGES,
    *audit.PAGES,
    *settings.PAGES,
    *webhooks.PAGES,
)


def dashboard_routes() -> list[BaseRoute]:
    return [
        Route(FILES_PATH, serve_file, methods=["GET"]),
        *entry.ROUTES,
        *(route for page in PAGES for route in page.routes()),
        entry.LAST_ROUTE,
    ]
