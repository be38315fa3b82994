"""The log of updates, with a note of every append that was committed: how many updates, and how long.

Rooms use it in place of the plain one; nothing about appending is different.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from store.committer import Committer
from store.contract import Committed, NewUpdate
from store.database import Database
from store.updates import PostgresUpdateLog
from webhost_sync.metrics import Recorder


class MeasuredLog(PostgresUpdateLog):
    """`store.contract.UpdateLog`; what is noted is the time from the call to the commit's answer."""

    def __init__(self, database: Database, committer: Committer, recorder: Recorder) -> None:
        super().__init__(database, committer)
        self._recorder = recorder

    async def append(
        self, tenant_id: int, document_id: int, updates: Sequence[NewUpdate], *, epoch: UUID
    ) -> Committed:
        started = time.monotonic()
        committed = await super().append(tenant_id, document_id, updates, epoch=epoch)
        now = time.monotonic()
        self._recorder.note_commit(tenant_id, len(updates), now - started, now=now)
        return committed
