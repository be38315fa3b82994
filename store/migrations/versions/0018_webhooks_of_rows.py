"""Webhooks of rows: what the tables refuse, and vehicles that enter and leave fences.

Why: whoever wanted to know at once had to poll. As with the audit log, the message is written by a trigger in
the transaction of the row that it tells of; here once a statement, since one chunk can bring a thousand rows.

- A reject is told when it is new, or its reason is: one message for each document that is projected, with a
  count and the first of them. A rebuild writes what differs only, so it tells nothing again.
- Events at fences are deleted and made anew whenever a vehicle is followed again, and by each rebuild. So the
  id of their message is a hash of what it tells: what was told is there, and isn't told again. What is older
  than messages are kept isn't told either.
- A fence that is drawn anew, or moved, has its events of the past as well; told are those of fixes that came
  after it had its shape (`shape_since`).

Locks: `share` on `webhook_messages` while an index is made; for a moment `access exclusive` on `geofences`,
and `share row exclusive` on `geofence_events` and `projection_rejects` (triggers).
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NEW = "fresh"
OF_ANOTHER_REASON = """
(select f.* from fresh f join before b using (tenant_id, document_id, path) where b.reason <> f.reason)
"""
REJECTS = """
create function public.{name}() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from fresh)
    or not exists (select from public.webhook_endpoints e where e.enabled and 'row.rejected' = any (e.kinds))
  then
    return null;
  end if;
  insert into public.webhook_messages (tenant_id, endpoint_id, kind, payload)
  select e.tenant_id, e.id, 'row.rejected', jsonb_build_object(
    'document', d.name, 'seq', r.seq, 'count', r.count, 'rejects', r.first
  )
  from (
    select n.tenant_id, n.document_id, max(n.seq) as seq, count(*) as count,
           jsonb_agg(jsonb_build_object('path', n.path, 'reason', n.reason) order by n.path)
             filter (where n.number <= 20) as first
    from (
      select x.*, row_number() over (partition by x.tenant_id, x.document_id order by x.path) as number
      from {rows} x
    ) n group by n.tenant_id, n.document_id
  ) r
  join public.documents d on d.tenant_id = r.tenant_id and d.id = r.document_id
  join public.webhook_endpoints e
    on e.tenant_id = r.tenant_id and e.enabled and 'row.rejected' = any (e.kinds)
  order by r.document_id;
  return null;
end $$
"""
EVENTS = """
create function public.webhook_of_geofence_events() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from public.webhook_endpoints e
    where e.enabled and e.kinds && array['geofence.entered', 'geofence.exited']
  ) then
    return null;
  end if;
  insert into public.webhook_messages (tenant_id, endpoint_id, id, kind, payload)
  select e.tenant_id, e.id,
         md5(jsonb_build_array(
           e.id, f.vehicle_id, f.geofence_id, extract(epoch from f.time), f.sequence, f.device_id, f.enters
         )::text)::uuid,
         told.kind,
         jsonb_build_object(
           'geofence_id', f.geofence_id, 'geofence_name', g.name, 'vehicle_id', f.vehicle_id, 'time', f.time,
           'latitude', f.latitude, 'longitude', f.longitude, 'device_id', f.device_id, 'sequence', f.sequence
         )
  from fresh f
  cross join lateral (
    select case when f.enters then 'geofence.entered' else 'geofence.exited' end as kind
  ) told
  join public.webhook_endpoints e on e.tenant_id = f.tenant_id and e.enabled and told.kind = any (e.kinds)
  join public.geofences g on g.tenant_id = f.tenant_id and g.id = f.geofence_id
  join public.gps_positions p
    on p.tenant_id = f.tenant_id and p.vehicle_id = f.vehicle_id and p.device_id = f.device_id
   and p.sequence = f.sequence and p.time = f.time
  where p.received_at >= greatest(g.shape_since, e.created_at) and p.received_at > now() - interval '29 days'
  order by f.time, f.sequence, f.device_id, f.geofence_id
  on conflict (tenant_id, endpoint_id, id) do nothing;
  return null;
end $$
"""
FUNCTIONS = {
    "webhook_of_rejects": REJECTS.format(name="webhook_of_rejects", rows=NEW),
    "webhook_of_reasons": REJECTS.format(name="webhook_of_reasons", rows=OF_ANOTHER_REASON),
    "webhook_of_geofence_events": EVENTS,
}
TRIGGERS = (
    """
    create trigger webhook_of_rejects after insert on projection_rejects
    referencing new table as fresh for each statement execute function public.webhook_of_rejects()
    """,
    """
    create trigger webhook_of_reasons after update on projection_rejects
    referencing old table as before new table as fresh
    for each statement execute function public.webhook_of_reasons()
    """,
    """
    create trigger webhook_of_geofence_events after insert on geofence_events
    referencing new table as fresh for each statement execute function public.webhook_of_geofence_events()
    """,
)


def upgrade() -> None:
    op.execute("alter table geofences add column shape_since timestamptz not null default now()")
    op.execute("create unique index webhook_messages_id on webhook_messages (tenant_id, endpoint_id, id)")
    for name, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"revoke execute on function public.{name}() from public")
    for trigger in TRIGGERS:
        op.execute(trigger)
