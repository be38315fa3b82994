"""The device's SQLite file: opened, locked and brought to its layout; one transaction at a time.

In come statements from `fix_log` and `update_log`, out go rows. Knows no document and no network.

All of it runs on the event loop's own thread, on purpose: a change of a pycrdt document must be on disk
before the call that made it returns, and that call is synchronous. A commit costs one flush of the
disk, which a box with one application can wait for; in exchange no lock and no second thread can come
between the document in memory and its log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from webhost_sync.device.errors import DatabaseBusy, DatabaseDamaged, NotStored

SCHEMA_VERSION = 1

# AUTOINCREMENT: an id that was compacted away must never name a later update, because `fixes.update_id`
# and a round trip on its way refer to updates by id.
_SCHEMA = """
CREATE TABLE device (id TEXT NOT NULL, next_sequence INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE documents (
    name TEXT PRIMARY KEY,
    epoch TEXT,
    server_state_vector BLOB,
    wanted INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    last_durable_at REAL,
    rejected_code TEXT,
    rejected_message TEXT,
    rejected_at REAL
) WITHOUT ROWID;
CREATE TABLE updates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL REFERENCES documents (name),
    payload BLOB NOT NULL,
    durable INTEGER NOT NULL,
    stored_at REAL NOT NULL
);
CREATE INDEX updates_by_document ON updates (document);
CREATE INDEX updates_pending ON updates (document) WHERE durable = 0;
CREATE TABLE fixes (
    sequence INTEGER PRIMARY KEY,
    document TEXT NOT NULL,
    chunk BLOB NOT NULL,
    stored_at REAL NOT NULL,
    update_id INTEGER REFERENCES updates (id)
);
CREATE INDEX fixes_waiting ON fixes (document, sequence) WHERE update_id IS NULL;
CREATE INDEX fixes_in_flight ON fixes (update_id) WHERE update_id IS NOT NULL;
CREATE TABLE shelf (
    id INTEGER PRIMARY KEY,
    document TEXT NOT NULL,
    epoch TEXT,
    state BLOB NOT NULL,
    pending INTEGER NOT NULL,
    reason TEXT NOT NULL,
    shelved_at REAL NOT NULL
);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Database:
    """The open SQLite file of one device.

    Invariants:
    1. A transaction that has ended is on disk (write-ahead log, flushed at every commit).
    2. No other process has the file open meanwhile; the operating system frees it when this one dies.
    3. The device id is made with the file and never changes.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        busy_seconds: float = 5.0,
        *,
        device_id: str | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._new_device_id = device_id or str(uuid4())
        self._busy_seconds = busy_seconds

    def __enter__(self) -> Self:
        self._connection = sqlite3.connect(self._path, timeout=self._busy_seconds, isolation_level=None)
        try:
            self._lock()
            with self.transaction():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _lock(self) -> None:
        execute = self._connection.execute
        try:
            execute("PRAGMA locking_mode = EXCLUSIVE")
            execute("PRAGMA journal_mode = WAL")
            execute("PRAGMA synchronous = FULL")
            execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise DatabaseBusy(f"{self._path}: {DatabaseBusy.__doc__}") from error
            raise DatabaseDamaged(f"{self._path}: {DatabaseDamaged.__doc__} ({error})") from error

    def _prepare(self) -> None:
        (version,) = self.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._create()
        elif version != SCHEMA_VERSION:
            raise DatabaseDamaged(
                f"{self._path}: its layout is {version}, this program knows {SCHEMA_VERSION}; update it"
            )

    def _create(self) -> None:
        # Not executescript: that would commit, and a power cut could leave half of the tables.
        for statement in _SCHEMA.split(";"):
            if statement.strip():
                self._connection.execute(statement)
        self._connection.execute(
            "INSERT INTO device (id, next_sequence, created_at) VALUES (?, 1, ?)",
            (self._new_device_id, self._clock()),
        )
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is written inside one step, on disk at the end; an inner one joins the outer.

        Raises NotStored when the disk refuses, and then nothing of it was written; DatabaseDamaged when
        the file is no longer what was written to it.
        """
        try:
            if self._connection.in_transaction:
                yield
            else:
                with self._outermost():
                    yield
        except sqlite3.OperationalError as error:
            raise NotStored(f"{NotStored.__doc__} ({error})") from error
        except sqlite3.DatabaseError as error:
            raise DatabaseDamaged(f"{self._path}: {DatabaseDamaged.__doc__} ({error})") from error

    @contextmanager
    def _outermost(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def execute(self, statement: str, arguments: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run one statement; writing ones belong inside `transaction`."""
        return self._connection.execute(statement, arguments)

    def executemany(self, statement: str, arguments: list[tuple[object, ...]]) -> None:
        """Run one writing statement for each tuple of arguments."""
        self._connection.executemany(statement, arguments)

    def now(self) -> float:
        """The device's own clock, in seconds since 1970; only ever shown or compared with itself."""
        return self._clock()

    @property
    def device_id(self) -> str:
        """The uuid under which this file's fixes are numbered."""
        (device_id,) = self.execute("SELECT id FROM device").fetchone()
        return str(device_id)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter that survives restarts."""
        self.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, by),
        )

    def counter(self, name: str) -> int:
        """What a counter has reached."""
        row = self.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0
