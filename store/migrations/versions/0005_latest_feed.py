"""A feed of the latest positions: which vehicles changed since a reader last looked, in commit order.

Why: a dashboard that follows a fleet, or comes back after a break, wants what changed and not everything
again. Times can't tell it: a turn of the projector that began earlier may commit later. So every change
takes the next version of its tenant, whose row in `position_feeds` stays locked until the commit: who sees
version 7 sees all before it. `latest_changes` has one row a vehicle, its newest change; where the vehicle
has no row in `latest_positions` any more, that was its end.

Vehicles that don't move after this migration have no change. A reader begins with the whole state, so it
misses nothing.
Locks: none; the tables are new and empty.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = {
    "position_feeds": """
    create table position_feeds (
      tenant_id bigint not null,
      epoch uuid not null default gen_random_uuid(),
      version bigint not null,
      primary key (tenant_id)
    ) with (fillfactor = 50)
    """,
    "latest_changes": """
    create table latest_changes (
      tenant_id bigint not null,
      vehicle_id text not null,
      version bigint not null,
      primary key (tenant_id, vehicle_id)
    )
    """,
}


def upgrade() -> None:
    own = "tenant_id = (select public.app_tenant())"
    for table, definition in TABLES.items():
        op.execute(definition)
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own}) with check ({own})")
        op.execute(f"grant select on {table} to webhost_app")
        op.execute(
            f"create policy webhost_projector on {table} to webhost_projector using (true) with check (true)"
        )
        op.execute(f"grant select, insert, update, delete on {table} to webhost_projector")
    op.execute("create unique index latest_changes_version on latest_changes (tenant_id, version)")
