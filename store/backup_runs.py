"""The record of backups: what was made when, where it lies, and whether it was proved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, select, update

from store.database import Database
from store.schema_backup import backup_runs

Kind = Literal["full", "incremental", "tenant"]


@dataclass(frozen=True, slots=True)
class BackupRun:
    """One run. `archive` is a file's name, `target` its folder or bucket, without credentials; `error` and
    `verify_error` are empty where all was well."""

    kind: str
    outcome: str
    target: str
    started_at: datetime
    finished_at: datetime
    archive: str = ""
    size_bytes: int = 0
    documents: int = 0
    updates: int = 0
    sha256: str = ""
    error: str = ""
    verified_at: datetime | None = None
    verify_error: str = ""
    id: UUID | None = None


_COLUMNS = [backup_runs.c[name] for name in BackupRun.__dataclass_fields__]


class BackupRuns:
    """The runs of a database. Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, run: BackupRun) -> None:
        """As the owner."""
        values = {name: getattr(run, name) for name in BackupRun.__dataclass_fields__ if name != "id"}
        async with self._database.owner() as connection:
            await connection.execute(insert(backup_runs).values(values))

    async def note_verified(self, archive: str, at: datetime, error: str) -> None:
        """As the owner: say of an archive that it was proved, or what was wrong with it."""
        statement = update(backup_runs).where(backup_runs.c.archive == archive)
        async with self._database.owner() as connection:
            await connection.execute(statement.values(verified_at=at, verify_error=error))

    async def last_good(self) -> BackupRun | None:
        """The newest finished backup of the whole database, as the server sees it."""
        runs = await self._runs(
            backup_runs.c.outcome == "done", backup_runs.c.kind.in_(("full", "incremental")), limit=1
        )
        return runs[0] if runs else None

    async def latest(self, limit: int = 20) -> tuple[BackupRun, ...]:
        """The newest runs first, failed ones too."""
        return await self._runs(limit=limit)

    async def _runs(self, *wanted: object, limit: int) -> tuple[BackupRun, ...]:
        query = select(*_COLUMNS).where(*wanted).order_by(backup_runs.c.finished_at.desc()).limit(limit)  # type: ignore[arg-type]
        async with self._database.no_tenant() as connection:
            return tuple(BackupRun(*row) for row in await connection.execute(query))
