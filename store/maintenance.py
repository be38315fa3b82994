"""Whether the whole installation is in maintenance: one row that every process reads.

Commands write it as the owner of the schema; serving processes only look. Knows no socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from store.database import Database
from store.schema_operations import maintenance


@dataclass(frozen=True, slots=True)
class Maintenance:
    """No writes are taken since then. `retry_after` (seconds) is when clients are asked to try again."""

    reason: str
    retry_after: int
    since: datetime
    begun_by: str


class MaintenanceSwitch:
    """Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self) -> Maintenance | None:
        """What is on, as the server's role sees it; None where writes are taken."""
        async with self._database.no_tenant() as connection:
            row = (await connection.execute(select(maintenance))).one_or_none()
        return None if row is None else _of(row)

    async def begin(self, *, reason: str, retry_after: int, by: str) -> Maintenance:
        """Take no writes from now on. Where it is on already, reason and time are replaced and it is on
        since the same moment. Raises: MissingPrivilege (this login isn't the owner of the schema)."""
        values = {"reason": reason, "retry_after": retry_after, "begun_by": by}
        statement = insert(maintenance).values(values)
        replaced = statement.on_conflict_do_update(index_elements=["is_on"], set_=values)
        async with self._database.owner() as connection:
            return _of((await connection.execute(replaced.returning(*maintenance.c))).one())

    async def end(self) -> Maintenance | None:
        """Take writes again; returns what was on, if anything was. Raises: MissingPrivilege."""
        statement = delete(maintenance).returning(*maintenance.c)
        async with self._database.owner() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _of(row)


def _of(row: Row[Any]) -> Maintenance:
    return Maintenance(row.reason, row.retry_after, row.since, row.begun_by)
