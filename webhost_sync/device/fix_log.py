"""The fixes that the server has not confirmed yet, each stored at once under its own number.

In come fixes from `tracks`, out go the same fixes for a chunk. A fix leaves when the update that
carries it is durable on the server, or by retention, which counts. Knows no document and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from webhost_sync.device.database import Database
from webhost_sync.fleet.chunk import Fix, decode_chunk, encode_chunk

DROPPED_BY_AGE = "fixes_dropped_by_age"
DROPPED_BY_COUNT = "fixes_dropped_by_count"


@dataclass(frozen=True, slots=True)
class FixCounts:
    """How many fixes the device was ever given, and how many the server hasn't confirmed.

    `oldest_at` is when the oldest of those was stored, in seconds since 1970.
    """

    recorded: int
    pending: int
    oldest_at: float | None


class FixLog:
    """The table of fixes and the counter that numbers them.

    Invariants:
    1. A number is given once, to one fix, even if the power fails: counter and fix are one transaction.
    2. A fix folded into an update remembers which, and `UpdateLog` removes it in the same transaction
       that marks that update as durable. Until then it can be folded again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, document: Callable[[Fix], str], fix: Fix) -> int:
        """Store a fix under the next number and return that number. On disk when this returns.

        Raises LayoutError for a fix that no chunk can hold, NotStored when the disk refuses.
        """
        database = self._database
        with database.transaction():
            (sequence,) = database.execute("SELECT next_sequence FROM device").fetchone()
            numbered = replace(fix, sequence=sequence)
            database.execute(
                "INSERT INTO fixes (sequence, document, chunk, stored_at) VALUES (?, ?, ?, ?)",
                (sequence, document(numbered), encode_chunk([numbered]), database.now()),
            )
            database.execute("UPDATE device SET next_sequence = ?", (sequence + 1,))
        return int(sequence)

    def newest_document(self) -> str | None:
        """The track of the newest waiting fix that may be folded now.

        A track with an update in flight is passed over: folding more into it would make the next request
        larger with every failed one. So is a rejected one.
        """
        row = self._database.execute(
            "SELECT document FROM fixes WHERE update_id IS NULL"
            " AND document NOT IN (SELECT document FROM updates WHERE durable = 0)"
            " AND document NOT IN (SELECT name FROM documents WHERE rejected_code IS NOT NULL)"
            " ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return str(row[0]) if row else None

    def newest(self, document: str, limit: int) -> list[Fix]:
        """The newest waiting fixes of a track, oldest of them first."""
        rows = self._database.execute(
            "SELECT chunk FROM fixes WHERE update_id IS NULL AND document = ? ORDER BY sequence DESC LIMIT ?",
            (document, limit),
        ).fetchall()
        return [fix for (chunk,) in reversed(rows) for fix in decode_chunk(chunk)]

    def fold(self, fixes: Sequence[Fix], update_id: int) -> None:
        """Note that these fixes travel in this update; in one transaction with its being appended."""
        self._database.executemany(
            "UPDATE fixes SET update_id = ? WHERE sequence = ?",
            [(update_id, fix.sequence) for fix in fixes],
        )

    def drop(self, *, stored_before: float, beyond: int) -> None:
        """Drop the waiting fixes stored before a time, then the oldest ones beyond a number; count both."""
        database = self._database
        with database.transaction():
            aged = database.execute(
                "DELETE FROM fixes WHERE update_id IS NULL AND stored_at < ?", (stored_before,)
            ).rowcount
            excess = database.execute(
                "DELETE FROM fixes WHERE sequence IN (SELECT sequence FROM fixes"
                " WHERE update_id IS NULL ORDER BY sequence DESC LIMIT -1 OFFSET ?)",
                (beyond,),
            ).rowcount
            for name, number in ((DROPPED_BY_AGE, aged), (DROPPED_BY_COUNT, excess)):
                if number:
                    database.count(name, number)

    def counts(self) -> FixCounts:
        """What the device was given and still holds."""
        recorded, pending, oldest_at = self._database.execute(
            "SELECT (SELECT next_sequence - 1 FROM device), count(*), min(stored_at) FROM fixes"
        ).fetchone()
        return FixCounts(recorded, pending, oldest_at)
