"""The update log as a store of pycrdt-store, for servers that know only that interface.

A plain pycrdt-websocket or Jupyter server hands each update of its rooms to `write`, and fills a new
room by `apply_updates`. What it writes and what webhost-sync itself writes is the same log. This is
the only module of the store that knows pycrdt.

    async with Database(url) as database, PostgresChanges(...) as changes, Committer(...) as committer:
        log = PostgresUpdateLog(database, committer)
        room = YRoom(ready=False, ystore=PostgresYStore("notes", update_log=log, tenant_id=1))
        await room.ystore.apply_updates(room.ydoc)
        room.ready = True
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from logging import Logger, getLogger
from urllib.parse import quote_from_bytes, unquote_to_bytes

from pycrdt.store import BaseYStore, YDocNotFound

from store.contract import Document, NewUpdate, UnknownDocument, UpdateLog


class PostgresYStore(BaseYStore):
    """One document of one tenant.

    Invariants:
    1. An update is on disk when `write` returns.
    2. Everything is read, or nothing: a damaged document raises instead of coming out shorter.
    """

    def __init__(
        self,
        path: str,
        metadata_callback: Callable[[], Awaitable[bytes] | bytes] | None = None,
        log: Logger | None = None,
        *,
        update_log: UpdateLog,
        tenant_id: int,
        actor: str = "ystore",
    ) -> None:
        """`path` is the document's name. `actor` is who the history says has written."""
        self.path = path
        self.metadata_callback = metadata_callback
        self.log = log or getLogger(__name__)
        self._update_log = update_log
        self._tenant_id = tenant_id
        self._actor = actor
        self._opened: Document | None = None

    async def write(self, data: bytes) -> None:
        """Append an update; the document is made with the first one.

        Raises: as `store.contract.UpdateLog.append`. After Unavailable it may be written again: an
        update that is in the log twice is the same document.
        """
        document = await self._document()
        # The log's rows have no field for pycrdt-store's metadata. Percent-encoding keeps any bytes
        # and leaves plain text legible.
        metadata = quote_from_bytes(await self.get_metadata())
        update = NewUpdate(data, self._actor, device=metadata)
        await self._update_log.append(self._tenant_id, document.id, [update], epoch=document.epoch)

    async def read(self) -> AsyncIterator[tuple[bytes, bytes, float]]:
        """Yield update, metadata and time in seconds since 1970, oldest first.

        The first is the newest snapshot, without metadata, where there is one.
        Raises: YDocNotFound, CorruptDocument, Unavailable.
        """
        try:
            found = await self._update_log.open(self._tenant_id, self.path, create=False)
        except UnknownDocument as error:
            raise YDocNotFound(self.path) from error
        stored = await self._update_log.load(self._tenant_id, found.id)
        self._opened = stored.document
        if stored.document.head_seq == 0:
            raise YDocNotFound(self.path)
        if stored.snapshot is not None:
            yield stored.snapshot.state, b"", stored.snapshot.created_at.timestamp()
        for update in stored.updates:
            yield update.payload, unquote_to_bytes(update.device), update.received_at.timestamp()

    async def _document(self) -> Document:
        # Opened once: should the document be made anew, the replica that was read must not write to it.
        if self._opened is None:
            self._opened = await self._update_log.open(self._tenant_id, self.path, create=True)
        return self._opened
