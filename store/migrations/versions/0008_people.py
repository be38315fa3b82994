"""People: who may sign in to the dashboard, what they are for each tenant, and what they changed.

Why: the dashboard is for people, who have a password and come back, where keys and tokens are for
programs. A person may be a member of several customers and is known before any tenant is, so these
tables belong to no tenant: only the role `webhost_accounts` reaches them, which can do nothing else.
`memberships` has a row for each space of a customer, so that it is fenced by tenant like any other
table; they are written together. `audit_log` can be added to and read by the server, and changed by
nobody but the owner of the schema.
Locks: only the new tables, and `tenants` for a moment (a policy).
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = (
    """
    create table users (
      id uuid primary key default gen_random_uuid(),
      email text not null check (email = lower(email)),
      name text not null,
      password_hash text,
      created_at timestamptz not null default now(),
      last_signed_in_at timestamptz
    )
    """,
    "create unique index users_email on users (email)",
    """
    create table memberships (
      tenant_id bigint not null,
      user_id uuid not null references users (id) on delete cascade,
      role text not null check (role in ('owner', 'admin', 'viewer')),
      created_at timestamptz not null default now(),
      primary key (tenant_id, user_id)
    )
    """,
    "create index memberships_user on memberships (user_id)",
    """
    create table sessions (
      id_hash bytea primary key check (octet_length(id_hash) = 32),
      user_id uuid not null references users (id) on delete cascade,
      address text not null,
      agent text not null,
      created_at timestamptz not null default now(),
      last_seen_at timestamptz not null default now(),
      expires_at timestamptz not null
    )
    """,
    "create index sessions_user on sessions (user_id)",
    # One that invites has the customer and the role; one that only signs in has the user.
    """
    create table sign_in_links (
      id_hash bytea primary key check (octet_length(id_hash) = 32),
      email text not null check (email = lower(email)),
      slug text,
      role text check (role in ('owner', 'admin', 'viewer')),
      created_at timestamptz not null default now(),
      expires_at timestamptz not null,
      used_at timestamptz,
      check ((slug is null) = (role is null))
    )
    """,
    """
    create table audit_log (
      tenant_id bigint not null,
      id bigint generated always as identity,
      happened_at timestamptz not null default now(),
      actor text not null,
      action text not null,
      target text not null,
      detail jsonb not null default '{}',
      address text not null default '',
      request_id text not null default '',
      primary key (tenant_id, id)
    )
    """,
)

PEOPLE = ("users", "memberships", "sessions", "sign_in_links")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for table in (*PEOPLE, "audit_log"):
        op.execute(f"alter table {table} enable row level security")
    op.execute("grant usage on schema public to webhost_accounts")
    for table in PEOPLE:
        op.execute(
            f"create policy webhost_accounts on {table} to webhost_accounts using (true) with check (true)"
        )
        op.execute(f"grant select, insert, update, delete on {table} to webhost_accounts")
    op.execute("create policy webhost_accounts on tenants for select to webhost_accounts using (true)")
    op.execute("grant select on tenants to webhost_accounts")
    # What it changes about people it writes down in the same transaction.
    op.execute("create policy webhost_accounts on audit_log for insert to webhost_accounts with check (true)")
    op.execute("grant insert on audit_log to webhost_accounts")

    own = "tenant_id = (select public.app_tenant())"
    for table in ("memberships", "audit_log"):
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own}) with check ({own})")
    op.execute("grant select on memberships to webhost_app")
    op.execute("grant select, insert on audit_log to webhost_app")
