"""Maintenance mode: one row while the installation takes no writes.

Why: whoever repairs, restores or moves a database needs its writers to wait, in every process, without
anything being lost and without a restart. All processes look at this row, so that it holds for all of them,
and for one that starts meanwhile.

The row belongs to the installation and to no tenant: the server's role may read it in any transaction, and
the owner of the schema alone may write it.

Locks: none that anybody waits for; the table is new.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    create table maintenance (
      is_on boolean primary key default true constraint maintenance_is_on_check check (is_on),
      reason text not null,
      retry_after integer not null,
      since timestamptz not null default now(),
      begun_by text not null
    )
    """,
    "alter table maintenance enable row level security",
    "create policy everybody_reads on maintenance for select to webhost_app using (true)",
    "grant select on maintenance to webhost_app",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
