"""For how long a tenant keeps what, where that is not what the server's settings say.

Why: how far back a history reaches was one setting for all tenants, and customers differ in what they want
kept, and in what they must not keep. A null, or a key that isn't there, means the setting.
Locks: `access exclusive` on `tenants` for a moment (a column with a constant default is no rewrite).
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table tenants add column retention jsonb not null default '{}'")
    op.execute("grant update (retention) on tenants to webhost_app")
