"""The way of a fix on the device: stored at once, folded into its track when the network wants it.

Fixes come in from the app; chunks go into track documents when `sync` asks. Knows no network.

Fixes are folded late, not when they are recorded. What waits offline can then be sent newest first, in
batches as large as the radio bears, and a chunk is full when it is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pycrdt import Array, Map

from webhost_sync.device.database import Database
from webhost_sync.device.documents import Documents
from webhost_sync.device.fix_log import FixLog
from webhost_sync.device.positions import cut, track_of
from webhost_sync.device.update_log import UpdateLog
from webhost_sync.fleet.chunk import Fix
from webhost_sync.fleet.layout import LAYOUT_VERSION

TRACK_PREFIX = "track/"
TRACKS_FORGOTTEN = "tracks_forgotten"
OPEN_TRACKS = 4


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much a device keeps.

    Fixes that the server has not got are dropped beyond `undelivered_fixes`, the oldest first, and after
    `undelivered_days` if that is given, and counted. There is no default age because many boxes start in
    1970 until they hear the time, and would then find all that they hold to be decades old. Tracks that
    the server has are forgotten `delivered_days` after their last acknowledgement; until then they can
    repair a server that was restored from a backup.
    """

    undelivered_fixes: int = 2_000_000
    undelivered_days: float | None = None
    delivered_days: float = 3.0


class Tracks:
    """The fixes of one device on their way into documents.

    Invariants:
    1. A fix is on disk when `record` returns.
    2. A fix is in exactly one place that counts: waiting, or in one update. Folding is one transaction.
    3. A track has at most one batch that the server has not confirmed: a failed request doesn't grow.
    """

    def __init__(
        self, database: Database, fixes: FixLog, updates: UpdateLog, documents: Documents, vehicle_id: str
    ) -> None:
        self._database = database
        self._fixes = fixes
        self._updates = updates
        self._documents = documents
        self._vehicle_id = vehicle_id
        self._device_id = database.device_id
        self._recent: list[str] = []

    def record(self, fix: Fix) -> int:
        """Store a fix; its sequence is given here and returned."""
        return self._fixes.record(lambda numbered: track_of(self._vehicle_id, self._device_id, numbered), fix)

    def fold_newest(self, chunk_fixes: int, chunks: int) -> str | None:
        """Fold the newest waiting fixes of one track into it, and return its name; None if none may be."""
        name = self._fixes.newest_document()
        if name is None:
            return None
        fixes = self._fixes.newest(name, chunk_fixes * chunks)
        self._updates.add(name, wanted=False)
        try:
            with self._database.transaction():
                with self._documents.editing(name) as (doc, stored):
                    meta = doc.get("meta", type=Map)
                    if "layout" not in meta:
                        meta["layout"] = LAYOUT_VERSION
                    doc.get("chunks", type=Array).extend(cut(fixes, chunk_fixes))
                for update_id in stored:
                    self._fixes.fold(fixes, update_id)
        except BaseException:
            # The copy in memory may hold chunks that the log does not.
            self._documents.retire(name)
            raise
        return name

    def used(self, name: str) -> None:
        """Note that a document was used; the memory of tracks not used for longest is freed.

        A backlog of months must not be in memory at once. Some stay open, because each loading writes
        under a new client id, and today's track takes turns with an older one while a backlog is sent.
        """
        if not name.startswith(TRACK_PREFIX):
            return
        self._recent = [*(recent for recent in self._recent if recent != name), name]
        while len(self._recent) > OPEN_TRACKS:
            longest_unused = self._recent.pop(0)
            if not self._updates.is_wanted(longest_unused):
                self._documents.close(longest_unused)

    def tidy(self, retention: Retention) -> None:
        """Drop and forget what the retention no longer wants."""
        now, days = self._database.now(), retention.undelivered_days
        self._fixes.drop(
            stored_before=-math.inf if days is None else now - days * 86400,
            beyond=retention.undelivered_fixes,
        )
        for record in self._updates.records():
            if not record.name.startswith(TRACK_PREFIX) or record.wanted or record.last_durable_at is None:
                continue
            if record.last_durable_at < now - retention.delivered_days * 86400:
                self._forget(record.name)

    def _forget(self, name: str) -> None:
        with self._database.transaction():
            if self._updates.forget(name):
                self._documents.close(name)
                self._database.count(TRACKS_FORGOTTEN)
