"""The tables, as SQLAlchemy Core knows them: a list, with what each is about in a file of its own.
Migrations make them; a test holds the two together.

`tenant_id` is the first column of every key, so that the schema can be distributed or partitioned
by tenant as it is, and so that row-level security reads the column it has an index for. Tables of
people (`users`, `sessions`, `sign_in_links`) belong to no tenant, and one role alone may reach them.
"""

from __future__ import annotations

from store import (
    schema_backup,
    schema_base,
    schema_documents,
    schema_fleet,
    schema_geofences,
    schema_lifecycle,
    schema_operations,
    schema_people,
    schema_projection,
    schema_tenants,
    schema_webhooks,
)

metadata = schema_base.metadata

tenants = schema_tenants.tenants
api_keys = schema_tenants.api_keys
audit_log = schema_tenants.audit_log

users = schema_people.users
memberships = schema_people.memberships
sessions = schema_people.sessions
sign_in_links = schema_people.sign_in_links

documents = schema_documents.documents
document_updates = schema_documents.document_updates
document_snapshots = schema_documents.document_snapshots
document_versions = schema_documents.document_versions

quarantined_updates = schema_lifecycle.quarantined_updates
quarantined_snapshots = schema_lifecycle.quarantined_snapshots
document_tombstones = schema_lifecycle.document_tombstones
document_events = schema_lifecycle.document_events

vehicles = schema_fleet.vehicles
gps_positions = schema_fleet.gps_positions
latest_positions = schema_fleet.latest_positions
position_feeds = schema_fleet.position_feeds
latest_changes = schema_fleet.latest_changes
position_conflicts = schema_fleet.position_conflicts

geofences = schema_geofences.geofences
geofence_events = schema_geofences.geofence_events
geofence_moves = schema_geofences.geofence_moves

projection_checkpoints = schema_projection.projection_checkpoints
projection_rejects = schema_projection.projection_rejects
projection_failures = schema_projection.projection_failures

webhook_endpoints = schema_webhooks.webhook_endpoints
webhook_messages = schema_webhooks.webhook_messages
webhook_told = schema_webhooks.webhook_told

maintenance = schema_operations.maintenance

backup_runs = schema_backup.backup_runs
