"""Which schema a database has, which one this program was written for, and whether they go together.

Comes in: a connection. Goes out: revisions, the names that the modules of `store.migrations` begin with.
Changes nothing and needs no Alembic, which takes longer to load than a server takes for all it asks here;
`store.migrate` says how programs and schemas of several ages go together.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

from store.contract import SchemaOutdated
from store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_OLDEST = re.compile("oldest program: (\\w+)")


@cache
def known() -> frozenset[str]:
    """The revisions that this program can bring a database to."""
    return frozenset(module.name.partition("_")[0] for module in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def head() -> str:
    """The revision that this program was written for."""
    return max(known())


async def check(database: Database) -> None:
    """Hold the database against this program, as the role of the server. A newer schema will do, where it
    says that this program can work with it.

    Raises: SchemaOutdated (also when the roles are missing), Unavailable.
    """
    async with database.no_tenant() as connection:
        found = await connection.run_sync(revision_of)
        works = found == head() or await connection.run_sync(is_newer_and_works, found)
    if not works:
        raise SchemaOutdated(
            f"the database {database.address} has schema {found or 'none'}, this program needs {head()}; "
            + ("run `webhost-sync migrate`" if found in (None, *known()) else "update the program")
        )


def revision_of(connection: Connection) -> str | None:
    """The revision of a database; None where nothing was ever migrated."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


def is_newer_and_works(connection: Connection, found: str | None) -> bool:
    """Whether the database has a schema that this program doesn't know, and which can do with it."""
    if found is None or found in known():
        return False
    comment = "select obj_description(to_regclass('alembic_version'), 'pg_class')"
    said = _OLDEST.fullmatch(connection.scalar(text(comment)) or "")
    return said is not None and said[1] in known()
