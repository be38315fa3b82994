"""Versions: states of documents that are kept beyond their log, under a name or by age.

Why: compaction deletes rows of the log, and with them what a document was at the time. A version keeps
the whole state, so it doesn't depend on any row. There is at most one automatic version for a seq, so
that two processes that thin the same log leave what one would.
Locks: only the new table.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

VERSIONS = (
    """
    create table document_versions (
      tenant_id bigint not null,
      document_id bigint not null,
      id uuid not null default gen_random_uuid(),
      seq bigint not null,
      kind text not null check (kind in ('named', 'safety', 'automatic')),
      name text not null default '',
      actor text not null default '',
      at timestamptz not null,
      state bytea not null,
      checksum integer not null,
      is_exact boolean not null default true,
      created_at timestamptz not null default now(),
      primary key (tenant_id, document_id, id)
    )
    """,
    "create index document_versions_seq on document_versions (tenant_id, document_id, seq)",
    """
    create unique index document_versions_automatic on document_versions (tenant_id, document_id, seq)
    where kind = 'automatic'
    """,
)


def upgrade() -> None:
    for statement in VERSIONS:
        op.execute(statement)
    own = "tenant_id = (select public.app_tenant())"
    op.execute("alter table document_versions enable row level security")
    op.execute(
        f"create policy one_tenant on document_versions to webhost_app using ({own}) with check ({own})"
    )
    op.execute("grant select, insert, delete on document_versions to webhost_app")
