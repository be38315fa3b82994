"""A feed of all positions, in the order in which they were committed to the table.

Why: whoever mirrors positions wants those that came since, and neither times nor the seq of a log row
tell: a late batch has old times, and a chunk that waited for its cause an old seq. So a position carries
the version that its tenant's `position_feeds` had when it was written, taken under the same lock as
changes of latest positions: who sees version 7 sees all before it.

Positions of before have none, and are not in the feed; reading them is what the history is for.
Locks: `access exclusive` on `gps_positions` for a moment (a column without default is no rewrite), then
`share` while the index is built, which stops the projector (it waits) and no reader.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table gps_positions add column version bigint")
    op.execute("create index gps_positions_version on gps_positions (tenant_id, version)")
