"""A document with all that a document can have, and what is left of it."""

from __future__ import annotations

from datetime import UTC, datetime

from store.contract import Document
from store.history import PostgresHistory
from store.history_contract import NewVersion, VersionKind
from store.renewal import KEPT_OF_A_DOCUMENT
from tests.store.logs import TENANT, OpenLog, execute

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def rows_left(url: str, document: Document) -> dict[str, int]:
    """How many rows of the document each table has that holds any."""
    counts = {}
    for table in (*KEPT_OF_A_DOCUMENT, "documents"):
        column = "id" if table == "documents" else "document_id"
        [[counts[table]]] = await execute(
            url, f"select count(*) from {table} where {column} = $1", document.id
        )
    return {table: count for table, count in counts.items() if count}


async def full_document(opened: OpenLog) -> Document:
    """A document with rows, snapshots and a version."""
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    await opened.snapshot(document, 2)
    version = NewVersion(2, VersionKind.NAMED, "mine", "ada", NOON, b"state", True, document.epoch)
    await PostgresHistory(opened.database).add_version(TENANT, document.id, version)
    return document
