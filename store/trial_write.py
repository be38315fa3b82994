"""Tries whether Postgres takes writes at this moment, and leaves nothing behind. For the doctor.

It is tried and not looked up: a full disk shows in no setting, and its size may not be seen from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from store.database import Database

# About a megabyte: more than a few pages that would still fit into the last room of a disk.
_TRIAL = """
set local temp_tablespaces = '';
create temporary table trial_write on commit drop as
select md5(number::text) as filling from generate_series(1, 16000) number
"""


@dataclass(frozen=True, slots=True)
class WriteRefusal:
    """What Postgres said; `is_read_only` where it takes no writes on purpose."""

    is_read_only: bool
    reason: str


async def refused_write(database: Database) -> WriteRefusal | None:
    """Why a write is refused, None where it is taken; in a transaction that is rolled back.

    Raises: Unavailable, MissingPrivilege (the login isn't the owner, and may not try).
    """
    async with database.owner_connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(_TRIAL)
        except asyncpg.InsufficientPrivilegeError:
            raise
        except asyncpg.PostgresError as error:
            return WriteRefusal(isinstance(error, asyncpg.ReadOnlySQLTransactionError), str(error))
        finally:
            await transaction.rollback()
    return None
