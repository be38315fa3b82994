"""What is known of backups: when one was made, where it lies, and whether it was proved.

Why: nobody looks at a folder of backups until one is needed. Metrics and `doctor` say how old the last good
one is, so each run leaves a row. They are about the whole database and belong to no tenant; the server may
read them, and only the owner of the schema, who makes backups, writes them.
Locks: only the new table.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = """
create table backup_runs (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('full', 'incremental', 'tenant')),
  outcome text not null check (outcome in ('done', 'failed')),
  archive text not null default '',
  target text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null default now(),
  size_bytes bigint not null default 0,
  documents bigint not null default 0,
  updates bigint not null default 0,
  sha256 text not null default '',
  error text not null default '',
  verified_at timestamptz,
  verify_error text not null default ''
)
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("create index backup_runs_finished on backup_runs (finished_at)")
    op.execute("alter table backup_runs enable row level security")
    op.execute("create policy everybody on backup_runs for select to webhost_app using (true)")
    op.execute("grant select on backup_runs to webhost_app")
