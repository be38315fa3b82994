"""An index of the events at geofences by fence.

Why: the list of fences shows the last event of each, and a fence its own. Without an index both read every
event of the tenant.

Locks: `share` on `geofence_events` while it is made: events wait, readers don't.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index geofence_events_fence on geofence_events (tenant_id, geofence_id, time)")
