"""Tenants apart: row-level security on every tenant's table, and what each role may do.

Why: a forgotten filter in a query must not show one customer's rows to another. The policies read
`app_tenant()`, which fails when the transaction set no tenant, so that a forgotten `set_config` is an
error and not an empty answer. `(select app_tenant())` is evaluated once per statement, and only when
there is a row (or an index to search) to hold against it; the bare call, once per row.

Row-level security isn't forced on the owner: the owner is the admin (backup by `pg_dump`, later
migrations, `webhost-sync` commands), could lift it anyway, and the server never works as the owner.
The functions that look a key up run with the owner's rights, since a key says whose it is.

Locks: `access exclusive` on each table for a moment; they are new and empty.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP_TENANT = (
    """
    create function public.app_tenant() returns bigint
    language plpgsql stable parallel safe
    set search_path = pg_catalog, pg_temp
    as $$
    declare
      tenant text := nullif(current_setting('app.tenant_id', true), '');
    begin
      if tenant is null then
        raise exception 'no tenant is set: set app.tenant_id in the transaction that uses tenant data'
          using errcode = 'object_not_in_prerequisite_state';
      end if;
      return tenant::bigint;
    end $$
    """,
    "revoke execute on function public.app_tenant() from public",
    "grant execute on function public.app_tenant() to webhost_app",
)

# What the server may do for one tenant. The log is written by the committer alone, the rows that
# follow from documents by the projector alone.
APP = {
    "tenants": "select",
    "api_keys": "select, insert, update",
    "documents": "select, insert, update, delete",
    "document_updates": "select, delete",
    "document_snapshots": "select, insert, delete",
    "quarantined_updates": "select, insert, delete",
    "vehicles": "select",
    "gps_positions": "select",
    "latest_positions": "select",
    "position_conflicts": "select",
    "projection_checkpoints": "select",
    "projection_rejects": "select",
}

COMMITTER = {
    "documents": "select, update (head_seq, log_rows, log_bytes, updated_at)",
    "document_updates": "select, insert",
}

PROJECTOR = {
    "documents": "select",
    "document_updates": "select",
    "document_snapshots": "select",
    "vehicles": "select, insert, update, delete",
    "gps_positions": "select, insert, update, delete",
    "latest_positions": "select, insert, update, delete",
    "position_conflicts": "select, insert, update, delete",
    "projection_checkpoints": "select, insert, update, delete",
    "projection_rejects": "select, insert, update, delete",
}


def upgrade() -> None:
    op.execute("grant usage on schema public to webhost_app, webhost_committer, webhost_projector")
    op.execute("grant select on alembic_version to webhost_app")
    for statement in APP_TENANT:
        op.execute(statement)
    for table, rights in APP.items():
        column = "id" if table == "tenants" else "tenant_id"
        own = f"{column} = (select public.app_tenant())"
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy one_tenant on {table} to webhost_app using ({own}) with check ({own})")
        op.execute(f"grant {rights} on {table} to webhost_app")
    for role, grants in (("webhost_committer", COMMITTER), ("webhost_projector", PROJECTOR)):
        for table, rights in grants.items():
            op.execute(f"create policy {role} on {table} to {role} using (true) with check (true)")
            op.execute(f"grant {rights} on {table} to {role}")
    # Nobody has a right to a partition by itself; this is the second lock on that door.
    op.execute("alter table gps_positions_default enable row level security")
