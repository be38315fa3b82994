"""The first tables: tenants and keys, documents with their log and snapshots, and the fleet's rows.

Why: nothing was there before.
Locks: only the new tables.

`gps_positions` is partitioned by month of the fix, since fixes are deleted and archived by age. A
partition is made when the first fix of its month comes (what was recorded offline may be years old);
a fix of an implausible time goes to the default partition. The names of documents have the collation
"C", the order of UTF-8 bytes: they are listed by prefix, and alike whatever the cluster's locale.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TENANTS = (
    """
    create table tenants (
      id bigint generated always as identity primary key,
      slug text not null,
      name text not null,
      environment text not null check (environment in ('live', 'test')),
      limits jsonb not null default '{}',
      created_at timestamptz not null default now(),
      unique (slug, environment)
    )
    """,
    """
    create table api_keys (
      tenant_id bigint not null,
      id uuid not null default gen_random_uuid() unique,
      name text not null,
      prefix text not null,
      key_hash bytea not null unique check (octet_length(key_hash) = 32),
      scopes text[] not null,
      documents text[] not null default '{*}',
      created_at timestamptz not null default now(),
      expires_at timestamptz,
      last_used_at timestamptz,
      revoked_at timestamptz,
      primary key (tenant_id, id)
    )
    """,
)

DOCUMENTS = (
    """
    create table documents (
      tenant_id bigint not null,
      id bigint generated always as identity unique,
      name text collate "C" not null,
      epoch uuid not null default gen_random_uuid(),
      state text not null default 'active' check (state in ('active', 'quarantined', 'deleted')),
      reason text,
      head_seq bigint not null default 0,
      snapshot_seq bigint not null default 0,
      log_rows bigint not null default 0,
      log_bytes bigint not null default 0,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      primary key (tenant_id, id)
    )
    """,
    "create unique index documents_name on documents (tenant_id, name)",
    """
    create table document_updates (
      tenant_id bigint not null,
      document_id bigint not null,
      seq bigint not null,
      payload bytea not null,
      checksum integer not null,
      actor text not null,
      device text not null default '',
      client_ids bigint[] not null default '{}',
      received_at timestamptz not null default now(),
      primary key (tenant_id, document_id, seq)
    )
    """,
    """
    create table document_snapshots (
      tenant_id bigint not null,
      document_id bigint not null,
      seq bigint not null,
      state bytea not null,
      state_vector bytea not null,
      checksum integer not null,
      created_at timestamptz not null default now(),
      primary key (tenant_id, document_id, seq)
    )
    """,
    """
    create table quarantined_updates (
      tenant_id bigint not null,
      document_id bigint not null,
      seq bigint not null,
      payload bytea not null,
      reason text not null,
      quarantined_at timestamptz not null default now(),
      primary key (tenant_id, document_id, seq)
    )
    """,
)

FLEET = (
    """
    create table vehicles (
      tenant_id bigint not null,
      id text not null,
      name text,
      plate text,
      "group" text,
      driver text,
      status text,
      icon text,
      color text,
      odometer_m double precision,
      installed_at timestamptz,
      archived boolean,
      attributes jsonb not null default '{}',
      document_id bigint not null,
      primary key (tenant_id, id)
    )
    """,
    """
    create table gps_positions (
      tenant_id bigint not null,
      vehicle_id text not null,
      device_id text not null,
      sequence bigint not null,
      time timestamptz not null,
      device_time timestamptz,
      received_at timestamptz not null,
      latitude double precision not null,
      longitude double precision not null,
      altitude_m double precision,
      speed_mps double precision,
      heading_deg double precision,
      accuracy_m double precision,
      valid boolean,
      flags integer not null default 0,
      attributes jsonb,
      document_id bigint not null,
      seq bigint not null,
      primary key (tenant_id, vehicle_id, device_id, sequence, time)
    ) partition by range (time)
    """,
    "create index gps_positions_vehicle_time on gps_positions (tenant_id, vehicle_id, time)",
    "create index gps_positions_time on gps_positions (tenant_id, time)",
    "create table gps_positions_default partition of gps_positions default",
    # Rows are overwritten with every fix: room on the page keeps these updates off the index.
    """
    create table latest_positions (
      tenant_id bigint not null,
      vehicle_id text not null,
      device_id text not null,
      sequence bigint not null,
      time timestamptz not null,
      received_at timestamptz not null,
      latitude double precision not null,
      longitude double precision not null,
      altitude_m double precision,
      speed_mps double precision,
      heading_deg double precision,
      accuracy_m double precision,
      valid boolean,
      flags integer not null,
      attributes jsonb,
      primary key (tenant_id, vehicle_id)
    ) with (fillfactor = 50)
    """,
    """
    create table position_conflicts (
      tenant_id bigint not null,
      document_id bigint not null,
      vehicle_id text not null,
      device_id text not null,
      sequence bigint not null,
      content_hash bytea not null,
      reason text not null,
      content jsonb not null,
      primary key (tenant_id, document_id, vehicle_id, device_id, sequence, content_hash)
    )
    """,
    """
    create table projection_checkpoints (
      tenant_id bigint not null,
      document_id bigint not null,
      seq bigint not null,
      epoch uuid not null,
      projected_at timestamptz not null default now(),
      primary key (tenant_id, document_id)
    )
    """,
    """
    create table projection_rejects (
      tenant_id bigint not null,
      document_id bigint not null,
      path text not null,
      reason text not null,
      value text not null,
      seq bigint not null,
      rejected_at timestamptz not null default now(),
      primary key (tenant_id, document_id, path)
    )
    """,
)


def upgrade() -> None:
    for statement in (*TENANTS, *DOCUMENTS, *FLEET):
        op.execute(statement)
