"""Notes how much the log of a document has grown since its last snapshot.

The runner tells it of each batch that was committed; when there is enough, the document goes into the
queue of the compactor. Knows neither the log nor what is in the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from store.contract import Document
from webhost_sync.config import Settings
from webhost_sync.sync.effects import Contribution


class Growth:
    """One document's way into the queue. When the queue is full it waits for its next commit."""

    def __init__(self, record: Document, settings: Settings, due: asyncio.Queue[Document]) -> None:
        self._record = record
        self._settings = settings
        self._due = due
        self._rows = record.head_seq - record.snapshot_seq
        self._bytes = 0

    def note(self, rows: Sequence[Contribution]) -> None:
        """These rows were appended."""
        self._rows += len(rows)
        self._bytes += sum(len(row.payload) for row in rows)
        grown = (
            self._rows >= self._settings.compact_after_updates
            or self._bytes >= self._settings.compact_after_bytes
        )
        if grown and not self._due.full():
            self._due.put_nowait(self._record)
            self._rows = self._bytes = 0
