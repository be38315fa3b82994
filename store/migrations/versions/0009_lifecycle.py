"""The life and death of documents: deleted ones that can be brought back, tombstones, and what was done.

Why: a document could be made and never be deleted, one in quarantine never be released without its damage
coming back, and nothing told a late replica of a document that is gone from a new one. So:

- `documents` knows who deleted one and until when it can be brought back, and whether its history was
  begun anew, so that a replica that names no epoch must be refused (`demands_epoch`).
- `document_tombstones` stay for ever: whoever comes late must not make a document anew under its name.
- `document_events` is who did what to the life of a document; it stays too. The server may add to these
  two, and neither change nor delete.
- What is damaged is put aside whole: `quarantined_updates` gets the rest of the row's columns, and
  `quarantined_snapshots` is new.

Two functions have the owner's rights. The retention asks across tenants which documents are due. And a
damaged row of the log is replaced, which the server's role can't do: only while its document is in
quarantine, only by an update that says nothing, and only after a copy was put aside.

Locks: `access exclusive` on `documents` and `quarantined_updates` for a moment (no column is a rewrite).
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DOCUMENTS = (
    """
    alter table documents
      add column demands_epoch boolean not null default false,
      add column deleted_at timestamptz,
      add column deleted_by text,
      add column purge_at timestamptz
    """,
    "create index documents_purge on documents (purge_at) where state = 'deleted'",
    """
    alter table quarantined_updates
      add column checksum integer,
      add column actor text,
      add column device text,
      add column client_ids bigint[],
      add column received_at timestamptz,
      add column released_at timestamptz,
      add column released_by text
    """,
)
TABLES = {
    "quarantined_snapshots": (
        "select, insert, delete",
        """
        create table quarantined_snapshots (
          tenant_id bigint not null,
          document_id bigint not null,
          seq bigint not null,
          state bytea not null,
          state_vector bytea not null,
          checksum integer not null,
          created_at timestamptz not null,
          reason text not null,
          released_at timestamptz not null default now(),
          released_by text not null,
          primary key (tenant_id, document_id, seq)
        )
        """,
    ),
    "document_tombstones": (
        "select, insert",
        """
        create table document_tombstones (
          tenant_id bigint not null,
          document_id bigint not null,
          name text collate "C" not null,
          epoch uuid not null,
          head_seq bigint not null,
          created_at timestamptz not null,
          deleted_at timestamptz not null,
          deleted_by text not null,
          purged_at timestamptz not null default now(),
          purged_by text not null,
          primary key (tenant_id, document_id)
        )
        """,
    ),
    "document_events": (
        "select, insert",
        """
        create table document_events (
          tenant_id bigint not null,
          id bigint generated always as identity,
          document_id bigint not null,
          name text collate "C" not null,
          action text not null,
          actor text not null,
          detail jsonb not null default '{}',
          at timestamptz not null default now(),
          primary key (tenant_id, id)
        )
        """,
    ),
}
INDEXES = (
    "create index document_tombstones_name on document_tombstones (tenant_id, name)",
    "create index document_events_document on document_events (tenant_id, document_id, id)",
)
FUNCTIONS = {
    "documents_to_purge(integer)": """
        create function public.documents_to_purge(most integer) returns table (tenant_id bigint, id bigint)
        language sql stable security definer
        set search_path = pg_catalog, pg_temp
        as $$
          select tenant_id, id from public.documents
          where state = 'deleted' and purge_at <= now() order by purge_at limit most
        $$
        """,
    # 1104745215 is the checksum of the update 00 00. A row that is missing gets the time of the one before
    # it, so that times still rise with the sequences.
    "put_update_aside(bigint,bigint,text,text)": """
        create function public.put_update_aside(document bigint, row_seq bigint, why text, who text)
        returns void
        language plpgsql volatile security definer
        set search_path = pg_catalog, pg_temp
        as $$
        declare
          tenant bigint := public.app_tenant();
          found_row public.document_updates;
          earlier timestamptz;
          head bigint;
        begin
          select head_seq into head from public.documents
          where tenant_id = tenant and id = document and state = 'quarantined'
          for no key update;
          if not found then
            raise exception 'document % is not in quarantine', document
              using errcode = 'object_not_in_prerequisite_state';
          end if;
          select * into found_row from public.document_updates
          where tenant_id = tenant and document_id = document and seq = row_seq;
          if found then
            insert into public.quarantined_updates
              (tenant_id, document_id, seq, payload, reason, checksum, actor, device, client_ids, received_at,
               released_at, released_by)
            values (tenant, document, row_seq, found_row.payload, why, found_row.checksum, found_row.actor,
                    found_row.device, found_row.client_ids, found_row.received_at, now(), who)
            on conflict (tenant_id, document_id, seq) do update
            set payload = excluded.payload, reason = excluded.reason, checksum = excluded.checksum,
                actor = excluded.actor, device = excluded.device, client_ids = excluded.client_ids,
                received_at = excluded.received_at, released_at = excluded.released_at,
                released_by = excluded.released_by;
            if row_seq <= head then
              update public.document_updates set payload = '\\x0000'::bytea, checksum = 1104745215
              where tenant_id = tenant and document_id = document and seq = row_seq;
              update public.documents set log_bytes = log_bytes - octet_length(found_row.payload) + 2
              where tenant_id = tenant and id = document;
            else
              delete from public.document_updates
              where tenant_id = tenant and document_id = document and seq = row_seq;
            end if;
          elsif row_seq <= head then
            select received_at into earlier from public.document_updates
            where tenant_id = tenant and document_id = document and seq < row_seq order by seq desc limit 1;
            insert into public.document_updates (tenant_id, document_id, seq, payload, checksum, actor,
                                                 received_at)
            select tenant, document, row_seq, '\\x0000'::bytea, 1104745215, who, coalesce(earlier, created_at)
            from public.documents where tenant_id = tenant and id = document;
            update public.documents set log_rows = log_rows + 1, log_bytes = log_bytes + 2
            where tenant_id = tenant and id = document;
          end if;
        end $$
        """,
}


def upgrade() -> None:
    own = "tenant_id = (select public.app_tenant())"
    for statement in DOCUMENTS:
        op.execute(statement)
    for table, (rights, definition) in TABLES.items():
        op.execute(definition)
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own}) with check ({own})")
        op.execute(f"grant {rights} on {table} to webhost_app")
    for statement in INDEXES:
        op.execute(statement)
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"revoke execute on function public.{signature} from public")
        op.execute(f"grant execute on function public.{signature} to webhost_app")
