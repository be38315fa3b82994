"""Everything that admins' pages and calls work with, as one record that `app` builds."""

from __future__ import annotations

from dataclasses import dataclass

from store.audit import AuditLog
from webhost_sync.admin.connections import Switchboard
from webhost_sync.admin.document_changes import DocumentChanges
from webhost_sync.admin.documents import DocumentDesk
from webhost_sync.admin.following import Following
from webhost_sync.admin.geofences import GeofenceDesk
from webhost_sync.admin.keys import KeyRing
from webhost_sync.admin.lives import DocumentLives
from webhost_sync.admin.members import Members
from webhost_sync.admin.overview import Overviews
from webhost_sync.admin.retention import RetentionDesk
from webhost_sync.admin.vehicles import VehicleDesk
from webhost_sync.admin.webhooks import WebhookDesk
from webhost_sync.auth.cookies import CookieSigner
from webhost_sync.auth.people import People


@dataclass(frozen=True, slots=True)
class AdminServices:
    """`people` and `cookies` let a person in; the others are what there is to see and do."""

    people: People
    cookies: CookieSigner
    overviews: Overviews
    keys: KeyRing
    connections: Switchboard
    documents: DocumentDesk
    changes: DocumentChanges
    lives: DocumentLives
    members: Members
    vehicles: VehicleDesk
    geofences: GeofenceDesk
    following: Following
    retention: RetentionDesk
    webhooks: WebhookDesk
    audit: AuditLog
