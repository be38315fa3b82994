"""Cuts one page out of what the store found, and says where the next one begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Call
from webhost_sync.routes.queries import PagedQuery

Record = TypeVar("Record")
Key = TypeVar("Key")
AnyPaged = TypeVar("AnyPaged", bound=PagedQuery)


async def page(
    call: Call[AnyPaged, None],
    cursors: CursorFormat[Key],
    fetch: Callable[[Key | None, int], Awaitable[list[Record]]],
    key_of: Callable[[Record], Key],
) -> tuple[list[Record], str | None]:
    """The records of one page, and the cursor of the next.

    `fetch` gets the key to begin after, and how many records to find: one more than the page holds, by
    which the last page is known. Raises: InvalidRequest for a bad cursor.
    """
    return await page_of(call.query, call.request.url.path, cursors, fetch, key_of)


async def page_of(
    query: PagedQuery,
    path: str,
    cursors: CursorFormat[Key],
    fetch: Callable[[Key | None, int], Awaitable[list[Record]]],
    key_of: Callable[[Record], Key],
) -> tuple[list[Record], str | None]:
    """As `page`, for whatever has a query and a path that its cursors are bound to."""
    identity = query.identity(path)
    after = None if query.cursor is None else cursors.decode(query.cursor, identity)
    found = await fetch(after, query.limit + 1)
    records = found[: query.limit]
    if len(found) == len(records):
        return records, None
    return records, cursors.encode(key_of(records[-1]), identity)
