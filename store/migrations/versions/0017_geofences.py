"""Fences, and the events of vehicles that enter and leave them.

Why: `tables/geofences` becomes rows as `tables/vehicles` does, and what vehicles crossed is found once, by
the projector, instead of by everybody who asks. `geofence_moves` says whom to follow again: it is written
with the positions, so that no event is forgotten when a process dies.
Documents of that name that are there already are projected anew.
Locks: only the new tables.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = (
    """
    create table geofences (
      tenant_id bigint not null,
      id text not null,
      name text,
      kind text not null,
      center_latitude double precision,
      center_longitude double precision,
      radius_m double precision,
      points jsonb,
      color text,
      note text,
      attributes jsonb not null default '{}',
      document_id bigint not null,
      primary key (tenant_id, id)
    )
    """,
    """
    create table geofence_events (
      tenant_id bigint not null,
      vehicle_id text not null,
      time timestamptz not null,
      sequence bigint not null,
      device_id text not null,
      geofence_id text not null,
      enters boolean not null,
      latitude double precision not null,
      longitude double precision not null,
      primary key (tenant_id, vehicle_id, time, sequence, device_id, geofence_id)
    )
    """,
    "create index geofence_events_time on geofence_events (tenant_id, time)",
    """
    create table geofence_moves (
      tenant_id bigint not null,
      vehicle_id text not null,
      since timestamptz not null,
      primary key (tenant_id, vehicle_id)
    )
    """,
)
NAMES = ("geofences", "geofence_events", "geofence_moves")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    own = "tenant_id = (select public.app_tenant())"
    for table in NAMES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own})")
        op.execute(f"grant select on {table} to webhost_app")
        op.execute(
            f"create policy webhost_projector on {table} to webhost_projector using (true) with check (true)"
        )
        op.execute(f"grant select, insert, update, delete on {table} to webhost_projector")
    op.execute(
        "delete from projection_checkpoints c using documents d"
        " where d.tenant_id = c.tenant_id and d.id = c.document_id and d.name = 'tables/geofences'"
    )
