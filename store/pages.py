"""Where a page of a document's log ends, so that what is read at once is bounded in rows and in bytes.

A document, a row to go on after and both bounds come in, the seq of the page's last row goes out; nothing
of the rows' content is read for that.
"""

from __future__ import annotations

from typing import TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PAGE_ROWS = 5000
PAGE_BYTES = 16 * 1024 * 1024
"""Of payloads. What one row has beyond it comes on top: a page has one row at least."""

_END = """
select max(seq) from (
    select seq, sum(size) over (order by seq) - size as before from (
        select seq, octet_length(payload) as size from document_updates
        where tenant_id = $1 and document_id = $2 and seq > $3 order by seq limit $4
    ) as rows
) as page where before < $5
"""


async def page_end(
    connection: Connection,
    tenant_id: int,
    document_id: int,
    *,
    after_seq: int,
    rows: int = PAGE_ROWS,
    size: int = PAGE_BYTES,
) -> int:
    """The last row of the page that begins after `after_seq`: at most `rows` rows, of which all but the
    last have less than `size` bytes together. `after_seq` itself where no row follows."""
    end = await connection.fetchval(_END, tenant_id, document_id, after_seq, rows, size)
    return after_seq if end is None else int(end)
