"""The log of updates, with a note of every append that was committed: how many updates, and how long.

Rooms use it in place of the plain one, and the committer announces its batches through `CountedBatches`;
nothing about appending is different.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from store.changes_contract import Change
from store.committer import Announcer, Committer
from store.contract import Committed, NewUpdate
from store.database import Database
from store.updates import PostgresUpdateLog
from webhost_sync.metrics import Recorder
from webhost_sync.telemetry.tracing import Tracing


class CountedBatches:
    """Passes on what a batch has changed, and notes how many updates it had.

    A `store.committer.Announcer`.
    """

    def __init__(self, announcer: Announcer, recorder: Recorder) -> None:
        self._announcer = announcer
        self._recorder = recorder

    def announce(self, changes: Sequence[Change]) -> None:
        self._recorder.note_batch(sum(change.last_seq - change.first_seq + 1 for change in changes))
        self._announcer.announce(changes)


class MeasuredLog(PostgresUpdateLog):
    """`store.contract.UpdateLog`; what is noted is the time from the call to the commit's answer."""

    def __init__(
        self, database: Database, committer: Committer, recorder: Recorder, tracing: Tracing
    ) -> None:
        super().__init__(database, committer)
        self._recorder = recorder
        self._tracing = tracing

    async def append(
        self, tenant_id: int, document_id: int, updates: Sequence[NewUpdate], *, epoch: UUID
    ) -> Committed:
        started = time.monotonic()
        with self._tracing.span("commit", {"updates": len(updates)}):
            committed = await super().append(tenant_id, document_id, updates, epoch=epoch)
        now = time.monotonic()
        self._recorder.note_commit(tenant_id, len(updates), now - started, now=now)
        return committed
