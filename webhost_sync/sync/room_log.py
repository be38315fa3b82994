"""One room's end of the log: appends and reads that ask again while Postgres is away.

The runner gives it batches of rows and gets what was committed. When an append ends without an
answer nobody knows whether it happened, so the tail of the log is compared before it is sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from store.contract import (
    Committed,
    Document,
    EpochMismatch,
    LoggedUpdate,
    NewUpdate,
    Quarantined,
    StoreError,
    Unavailable,
    UnknownDocument,
    UpdateLog,
)
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    RoomClosing,
    StoreUnavailable,
    SyncError,
    WrongEpoch,
)
from webhost_sync.sync.effects import Contribution

logger = structlog.get_logger(__name__)
FIRST_RETRY = 0.05
LONGEST_RETRY = 2.0
PAGE = 1000
Result = TypeVar("Result")


class RoomLog:
    """The log of one document. `patience` is how long, in seconds, an unanswered call is repeated."""

    def __init__(self, log: UpdateLog, record: Document, patience: float) -> None:
        self._log = log
        self._record = record
        self._patience = patience
        self._failing_since: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether a call is being repeated because Postgres does not answer."""
        return self._failing_since is not None

    async def append(self, rows: Sequence[Contribution], after_seq: int) -> Committed:
        """Append and return when it is committed; `after_seq` is the last sequence known before.

        Raises: DocumentQuarantined, WrongEpoch, DocumentNotFound; RoomClosing where the room must be
        loaded anew; StoreUnavailable when Postgres stayed away longer than `patience`.
        """
        updates = [NewUpdate(row.payload, row.owner, row.device, row.client_ids) for row in rows]
        record = self._record

        async def attempt() -> Committed:
            if self.is_failing and (found := await self._find(updates, after_seq)):
                return found
            return await self._log.append(record.tenant_id, record.id, updates, epoch=record.epoch)

        return await self._repeat(attempt)

    async def read(self, after_seq: int) -> tuple[LoggedUpdate, ...]:
        """The next rows after `after_seq`. Raises: as `append`."""
        record = self._record
        return await self._repeat(
            lambda: self._log.read(record.tenant_id, record.id, after_seq=after_seq, limit=PAGE)
        )

    async def _repeat(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        delay = FIRST_RETRY
        while True:
            try:
                result = await attempt()
            except Unavailable as error:
                self._note_failure(error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_RETRY)
            except StoreError as error:
                raise _lost(error) from error
            else:
                self._failing_since = None
                return result

    def _note_failure(self, error: Unavailable) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            logger.warning("log unavailable, trying again", document=self._record.name, why=str(error))
        if now - self._failing_since > self._patience:
            raise StoreUnavailable() from error

    async def _find(self, updates: Sequence[NewUpdate], after_seq: int) -> Committed | None:
        """The batch in the tail of the log, if an append without an answer has happened after all.

        Equal bytes are equal content, whoever appended them, so comparing payloads is enough.
        """
        wanted = [update.payload for update in updates]
        record = self._record
        tail: list[LoggedUpdate] = []
        while page := await self._log.read(record.tenant_id, record.id, after_seq=after_seq, limit=PAGE):
            tail += page
            after_seq = page[-1].seq
        for start in range(len(tail) - len(wanted) + 1):
            found = tail[start : start + len(wanted)]
            if [row.payload for row in found] == wanted:
                return Committed(found[0].seq, found[-1].seq, found[-1].received_at)
        return None


def _lost(error: StoreError) -> SyncError:
    """What a refusal of the store means to the members of the room."""
    match error:
        case Quarantined():
            return DocumentQuarantined()
        case EpochMismatch():
            return WrongEpoch()
        case UnknownDocument():
            return DocumentNotFound()
        case _:
            return RoomClosing()
