"""Webhooks: who wants to be told of what, and what waits to be told.

Why: other systems had to poll to learn that a document changed or a key was revoked. A message must be there
exactly when what it tells of is, whatever is killed in between; so nothing is remembered in a process:

- What is written into the audit log becomes a message in the same transaction, by a trigger.
- A changed document needs no message of its own while it changes: its head moves in the transaction of the
  log, and `webhook_gather` compares heads with what each endpoint was told (`webhook_told`). So the way of an
  update costs nothing more, and a hundred updates become one message.

Messages of one endpoint go one after another. The functions have the owner's rights, because what is due is
asked across tenants, and because the server's role can't read the secrets that sign.
Locks: `share row exclusive` on `audit_log` for a moment (a trigger).
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = (
    """
    create table webhook_endpoints (
      tenant_id bigint not null,
      id uuid not null default gen_random_uuid(),
      url text not null,
      description text not null default '',
      kinds text[] not null,
      secret bytea not null check (octet_length(secret) between 24 and 64),
      enabled boolean not null default true,
      failing_since timestamptz,
      disabled_reason text,
      created_at timestamptz not null default now(),
      primary key (tenant_id, id)
    )
    """,
    """
    create table webhook_messages (
      tenant_id bigint not null,
      seq bigint generated always as identity,
      endpoint_id uuid not null,
      id uuid not null default gen_random_uuid(),
      kind text not null,
      payload jsonb not null,
      state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
      attempts integer not null default 0,
      next_attempt_at timestamptz not null default now(),
      last_status integer,
      last_error text not null default '',
      created_at timestamptz not null default now(),
      delivered_at timestamptz,
      primary key (tenant_id, seq),
      foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id) on delete cascade
    )
    """,
    """
    create index webhook_messages_endpoint on webhook_messages (tenant_id, endpoint_id, seq)
    """,
    """
    create index webhook_messages_pending on webhook_messages (tenant_id, endpoint_id, seq)
    where state = 'pending'
    """,
    """
    create table webhook_told (
      tenant_id bigint not null,
      endpoint_id uuid not null,
      document_id bigint not null,
      seq bigint not null,
      told_at timestamptz not null default now(),
      primary key (tenant_id, endpoint_id, document_id),
      foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id) on delete cascade
    )
    """,
)
RIGHTS = {
    # The secret is written and never read by the server's role.
    "webhook_endpoints": "insert, delete, select (tenant_id, id, url, description, kinds, enabled, "
    "failing_since, disabled_reason, created_at), update (url, description, kinds, secret, enabled, "
    "failing_since, disabled_reason)",
    "webhook_messages": "select, delete, update (state, attempts, next_attempt_at)",
    "webhook_told": "select, insert",
}
TRIGGER = """
create function public.webhook_of_audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  told text := case new.action
    when 'document.create' then 'document.created'
    when 'document.delete' then 'document.deleted'
    when 'document.bring_back' then 'document.brought_back'
    when 'document.purge' then 'document.purged'
    when 'document.quarantine' then 'document.quarantined'
    when 'document.release' then 'document.released'
    when 'document.erase' then 'document.erased'
    when 'document.new_epoch' then 'document.epoch_changed'
    when 'document.restore' then 'document.restored'
    when 'key.create' then 'key.created'
    when 'key.revoke' then 'key.revoked'
  end;
begin
  if told is not null then
    insert into public.webhook_messages (tenant_id, endpoint_id, kind, payload)
    select e.tenant_id, e.id, told, jsonb_build_object(
      'target', new.target, 'actor', new.actor, 'happened_at', new.happened_at, 'detail', new.detail
    )
    from public.webhook_endpoints e
    where e.tenant_id = new.tenant_id and e.enabled and told = any (e.kinds);
  end if;
  return null;
end $$
"""
FUNCTIONS = {
    # One process at a time: two would tell of the same change twice.
    "webhook_gather(interval,integer)": """
        create function public.webhook_gather(throttle interval, most integer) returns integer
        language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp
        as $$
        declare
          made integer;
        begin
          if not pg_try_advisory_xact_lock(hashtextextended('webhook_gather', 0)) then
            return 0;
          end if;
          with due as (
            select e.tenant_id, e.id as endpoint_id, d.id as document_id, d.name, d.epoch, d.head_seq,
                   coalesce(t.seq, 0) as told_seq
            from public.webhook_endpoints e
            join public.documents d on d.tenant_id = e.tenant_id and d.state <> 'deleted'
            left join public.webhook_told t
              on t.tenant_id = e.tenant_id and t.endpoint_id = e.id and t.document_id = d.id
            where e.enabled and 'document.changed' = any (e.kinds) and d.head_seq > coalesce(t.seq, 0)
              and (t.told_at is null or t.told_at <= now() - throttle)
            order by d.updated_at limit most
          ), remembered as (
            insert into public.webhook_told as w (tenant_id, endpoint_id, document_id, seq)
            select tenant_id, endpoint_id, document_id, head_seq from due
            on conflict (tenant_id, endpoint_id, document_id)
            do update set seq = excluded.seq, told_at = now()
          )
          insert into public.webhook_messages (tenant_id, endpoint_id, kind, payload)
          select tenant_id, endpoint_id, 'document.changed', jsonb_build_object(
            'document', name, 'epoch', epoch, 'first_seq', told_seq + 1, 'last_seq', head_seq
          ) from due;
          get diagnostics made = row_count;
          return made;
        end $$
        """,
    # The oldest of each endpoint that waits, when its time has come; nobody else gets it during the lease.
    "webhook_claim(interval,integer)": """
        create function public.webhook_claim(lease interval, most integer)
        returns table (tenant_id bigint, seq bigint, id uuid, kind text, payload text, attempts integer,
                       created_at timestamptz, url text, secret bytea)
        language sql volatile security definer
        set search_path = pg_catalog, pg_temp
        as $$
          with heads as (
            select m.tenant_id, m.seq, e.url, e.secret
            from public.webhook_endpoints e cross join lateral (
              select w.tenant_id, w.seq, w.next_attempt_at from public.webhook_messages w
              where w.tenant_id = e.tenant_id and w.endpoint_id = e.id and w.state = 'pending'
              order by w.seq limit 1
            ) m
            where e.enabled and m.next_attempt_at <= now()
            order by m.next_attempt_at limit most
          )
          update public.webhook_messages m
          set attempts = m.attempts + 1, next_attempt_at = now() + lease
          from heads h
          where m.tenant_id = h.tenant_id and m.seq = h.seq and m.state = 'pending'
            and m.next_attempt_at <= now()
          returning m.tenant_id, m.seq, m.id, m.kind, m.payload::text, m.attempts, m.created_at, h.url,
                    h.secret
        $$
        """,
    # `again` is when to try once more; null means never. Returns whether the endpoint was switched off.
    "webhook_report(bigint,bigint,boolean,integer,text,interval,interval,boolean)": """
        create function public.webhook_report(
          tenant bigint, message bigint, ok boolean, status integer, why text, again interval,
          patience interval, gone boolean
        ) returns boolean
        language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp
        as $$
        declare
          endpoint public.webhook_endpoints;
        begin
          update public.webhook_messages m
          set state = case when ok then 'delivered' when again is null then 'dead' else 'pending' end,
              delivered_at = case when ok then now() end, last_status = status, last_error = why,
              next_attempt_at = now() + coalesce(again, interval '0')
          where m.tenant_id = tenant and m.seq = message;
          update public.webhook_endpoints e
          set failing_since = case when ok then null else coalesce(e.failing_since, now()) end
          from public.webhook_messages m
          where m.tenant_id = tenant and m.seq = message and e.tenant_id = tenant and e.id = m.endpoint_id
            and (not ok or e.failing_since is not null);
          if ok then
            return false;
          end if;
          update public.webhook_endpoints e
          set enabled = false, disabled_reason = why
          from public.webhook_messages m
          where m.tenant_id = tenant and m.seq = message and e.tenant_id = tenant and e.id = m.endpoint_id
            and e.enabled and (gone or e.failing_since <= now() - patience)
          returning e.* into endpoint;
          if not found then
            return false;
          end if;
          insert into public.audit_log (tenant_id, actor, action, target, detail)
          values (tenant, 'system', 'webhook.disable', endpoint.id::text, jsonb_build_object('reason', why));
          return true;
        end $$
        """,
    "webhook_forget(interval)": """
        create function public.webhook_forget(age interval) returns void
        language sql volatile security definer
        set search_path = pg_catalog, pg_temp
        as $$
          delete from public.webhook_messages where state <> 'pending' and created_at < now() - age
        $$
        """,
}


def upgrade() -> None:
    own = "tenant_id = (select public.app_tenant())"
    for statement in TABLES:
        op.execute(statement)
    for table, rights in RIGHTS.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own}) with check ({own})")
        op.execute(f"grant {rights} on {table} to webhost_app")
    op.execute(TRIGGER)
    op.execute("revoke execute on function public.webhook_of_audit() from public")
    op.execute(
        "create trigger webhook_of_audit after insert on audit_log "
        "for each row execute function public.webhook_of_audit()"
    )
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"revoke execute on function public.{signature} from public")
        op.execute(f"grant execute on function public.{signature} to webhost_app")
