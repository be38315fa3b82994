"""The device's documents and the log of their updates, with what the server is known to hold.

In come V1 updates, the app's own and the server's; out go the updates to rebuild a document from, and
those that the server has not confirmed. Looks into an update only to compare it with a state vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webhost_sync.device.database import Database
from webhost_sync.sync.protocol import decode_state_vector
from webhost_sync.sync.update import covers, read_update

ROLLBACKS = "server_rollbacks"
_ROLLBACKS_FOLLOWED = "server_rollbacks_followed"


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What the device knows about a document besides its content. Times in seconds since 1970."""

    name: str
    epoch: str | None
    server_state_vector: bytes | None
    wanted: bool
    last_durable_at: float | None
    rejected_code: str | None
    rejected_message: str | None
    rejected_at: float | None
    pending: int
    oldest_pending_at: float | None


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """One row of the log."""

    id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ShelvedCopy:
    """A local copy that could not be merged any more, kept aside whole. `state` is a V1 update."""

    id: int
    document: str
    epoch: str | None
    state: bytes
    pending: int
    reason: str
    shelved_at: float


_RECORDS = (
    "SELECT name, epoch, server_state_vector, wanted, last_durable_at, rejected_code, rejected_message,"
    " rejected_at, count(updates.id) AS pending, min(stored_at), max(updates.id) AS newest FROM documents"
    " LEFT JOIN updates ON updates.document = name AND updates.durable = 0"
)


def _record(row: Sequence[Any]) -> DocumentRecord:
    values = list(row[:-1])
    values[3] = bool(values[3])
    return DocumentRecord(*values)


class UpdateLog:
    """The tables of documents, updates and shelved copies.

    Invariants:
    1. An update is on disk when `append` returns.
    2. An update counts as durable only while the state vector that the server answered last covers it.
    3. Only a document that is durable as a whole is compacted or forgotten.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, *, wanted: bool) -> None:
        """Know a document from now on; a wanted one is asked for in every pass."""
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO documents (name, wanted, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET wanted = max(wanted, excluded.wanted)",
                (name, wanted, self._database.now()),
            )

    def record(self, name: str) -> DocumentRecord:
        """Everything known about one document. Raises KeyError for one that was never added."""
        row = self._database.execute(f"{_RECORDS} WHERE name = ? GROUP BY name", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return _record(row)

    def is_wanted(self, name: str) -> bool:
        """Whether the app asked for the document, and may hold its copy in memory."""
        row = self._database.execute("SELECT wanted FROM documents WHERE name = ?", (name,)).fetchone()
        return bool(row and row[0])

    def records(self) -> list[DocumentRecord]:
        """Every document, the one with the newest pending update first."""
        rows = self._database.execute(f"{_RECORDS} GROUP BY name ORDER BY newest DESC NULLS LAST, name")
        return [_record(row) for row in rows.fetchall()]

    def append(self, name: str, payload: bytes, *, durable: bool) -> int:
        """Store an update and return its id."""
        with self._database.transaction():
            cursor = self._database.execute(
                "INSERT INTO updates (document, payload, durable, stored_at) VALUES (?, ?, ?, ?)",
                (name, payload, durable, self._database.now()),
            )
        return int(cursor.lastrowid or 0)

    def load(self, name: str) -> list[StoredUpdate]:
        """Every update of a document in the order of storing."""
        rows = self._database.execute(
            "SELECT id, payload FROM updates WHERE document = ? ORDER BY id", (name,)
        )
        return [StoredUpdate(*row) for row in rows.fetchall()]

    def pending(self, name: str, *, after: int = 0) -> list[StoredUpdate]:
        """The updates that the server has not confirmed, those with higher ids than `after`."""
        rows = self._database.execute(
            "SELECT id, payload FROM updates WHERE document = ? AND durable = 0 AND id > ? ORDER BY id",
            (name, after),
        )
        return [StoredUpdate(*row) for row in rows.fetchall()]

    def acknowledge(self, name: str, *, through: int, epoch: str | None, server_state_vector: bytes) -> None:
        """Take in what the server answered.

        `through` is the newest update that the request held: a later one has not been sent, and a
        deletion among it does not show in a state vector. A server that has less than it once confirmed
        was restored from a backup: what it lost is pending again.
        """
        server = decode_state_vector(server_state_vector)
        before = self.record(name).server_state_vector
        rolled_back = before is not None and any(
            clock > server.get(client, 0) for client, clock in decode_state_vector(before).items()
        )
        with self._database.transaction():
            if rolled_back:
                self._reopen(name, server)
            confirmed = [
                update.id
                for update in self.pending(name)
                if update.id <= through and covers(server, read_update(update.payload))
            ]
            self.set_durable(name, confirmed)
            self._database.execute(
                "UPDATE documents SET epoch = coalesce(?, epoch), server_state_vector = ? WHERE name = ?",
                (epoch, server_state_vector, name),
            )

    def set_durable(self, name: str, update_ids: Sequence[int]) -> None:
        """Mark updates that the server has shown to be committed; the fixes in them leave the device."""
        if not update_ids:
            return
        with self._database.transaction():
            ids: list[tuple[object, ...]] = [(update_id,) for update_id in update_ids]
            self._database.executemany("UPDATE updates SET durable = 1 WHERE id = ?", ids)
            self._database.executemany("DELETE FROM fixes WHERE update_id = ?", ids)
            self._database.execute(
                "UPDATE documents SET last_durable_at = ? WHERE name = ?", (self._database.now(), name)
            )

    def _reopen(self, name: str, server: dict[int, int]) -> None:
        lost: list[tuple[object, ...]] = [
            (row.id,) for row in self.load(name) if not covers(server, read_update(row.payload))
        ]
        if lost:
            self._database.executemany("UPDATE updates SET durable = 0 WHERE id = ?", lost)
            self._database.count(ROLLBACKS)

    @property
    def rollbacks(self) -> int:
        """How often a document on the server had less than it once confirmed."""
        return self._database.counter(ROLLBACKS)

    @property
    def is_server_in_doubt(self) -> bool:
        """Whether the server lost something since it was last asked about every document."""
        return self.rollbacks > self._database.counter(_ROLLBACKS_FOLLOWED)

    def trust_server(self) -> None:
        """Note that the server was asked about every document."""
        with self._database.transaction():
            self._database.count(
                _ROLLBACKS_FOLLOWED, self.rollbacks - self._database.counter(_ROLLBACKS_FOLLOWED)
            )

    def size(self, name: str) -> int:
        """How many rows the log of a document has."""
        (rows,) = self._database.execute(
            "SELECT count(*) FROM updates WHERE document = ?", (name,)
        ).fetchone()
        return int(rows)

    def last_id(self, name: str) -> int:
        """The id of the newest update of a document, 0 for an empty log."""
        (last,) = self._database.execute(
            "SELECT coalesce(max(id), 0) FROM updates WHERE document = ?", (name,)
        ).fetchone()
        return int(last)

    def compact(self, name: str, state: bytes) -> None:
        """Put one update in place of all. Raises ValueError while one of them is not durable."""
        if self.pending(name):
            raise ValueError(f"document {name!r} has updates that the server has not confirmed")
        with self._database.transaction():
            self._database.execute("DELETE FROM updates WHERE document = ?", (name,))
            self.append(name, state, durable=True)

    def reject(self, name: str, code: str, message: str) -> None:
        """Leave a document out of the next passes and keep the server's reason."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE documents SET rejected_code = ?, rejected_message = ?, rejected_at = ?"
                " WHERE name = ?",
                (code, message, self._database.now(), name),
            )

    def accept(self, name: str | None = None) -> None:
        """Try a rejected document again, or all of them."""
        with self._database.transaction():
            self._database.execute(
                "UPDATE documents SET rejected_code = NULL, rejected_message = NULL, rejected_at = NULL"
                " WHERE ? IS NULL OR name = ?",
                (name, name),
            )

    def shelve(self, name: str, state: bytes, reason: str) -> None:
        """Put the whole local copy aside and start with an empty one of an unknown epoch.

        Fixes that the server never had wait again: they are facts about the vehicle, not about the
        document, and their numbers keep them from being counted twice.
        """
        record = self.record(name)
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO shelf (document, epoch, state, pending, reason, shelved_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, record.epoch, state, record.pending, reason, self._database.now()),
            )
            self._database.execute("UPDATE fixes SET update_id = NULL WHERE document = ?", (name,))
            self._database.execute("DELETE FROM updates WHERE document = ?", (name,))
            self._database.execute(
                "UPDATE documents SET epoch = NULL, server_state_vector = NULL WHERE name = ?", (name,)
            )

    def shelved(self) -> list[ShelvedCopy]:
        """The copies put aside, oldest first."""
        rows = self._database.execute(
            "SELECT id, document, epoch, state, pending, reason, shelved_at FROM shelf ORDER BY id"
        )
        return [ShelvedCopy(*row) for row in rows.fetchall()]

    def discard_shelved(self, shelf_id: int) -> None:
        """Delete one copy from the shelf for good."""
        with self._database.transaction():
            self._database.execute("DELETE FROM shelf WHERE id = ?", (shelf_id,))

    def forget(self, name: str) -> bool:
        """Delete a document from the device, unless something of it is not durable. Tell whether."""
        with self._database.transaction():
            if self.record(name).pending:
                return False
            self._database.execute("DELETE FROM updates WHERE document = ?", (name,))
            self._database.execute("DELETE FROM documents WHERE name = ?", (name,))
        return True
