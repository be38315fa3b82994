"""What the projector needs: the positions of one document by an index, and a record of failures.

Why: a projection deletes the positions that a document no longer has, and a device's key leads through
everything that it ever sent. A document that can't be projected is tried again later, by whichever
process, and shown to admins with the reason.
Locks: `share` on `gps_positions` and its partitions while the index is built, which stops the
projector (it waits) and no reader.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FAILURES = """
create table projection_failures (
  tenant_id bigint not null,
  document_id bigint not null,
  attempts integer not null default 1,
  reason text not null,
  failed_at timestamptz not null default now(),
  retry_at timestamptz not null,
  primary key (tenant_id, document_id)
)
"""


def upgrade() -> None:
    op.execute("create index gps_positions_document on gps_positions (tenant_id, document_id)")
    op.execute(FAILURES)
    own = "tenant_id = (select public.app_tenant())"
    op.execute("alter table projection_failures enable row level security")
    op.execute(f"create policy one_tenant on projection_failures to webhost_app using ({own})")
    op.execute("grant select on projection_failures to webhost_app")
    op.execute(
        "create policy webhost_projector on projection_failures to webhost_projector "
        "using (true) with check (true)"
    )
    op.execute("grant select, insert, update, delete on projection_failures to webhost_projector")
