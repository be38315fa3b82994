"""Brings a database to the schema of this program, and says when it is not there.

Comes in: the URL of a login that owns the schema. Goes out: a migrated database, with its roles.
The only code that changes the schema; the server itself only checks.

Older programs go on with a newer schema: while servers are replaced one by one, and after a rollback.
So migrations add, and take nothing away that an older program needs. One that must says so in a name of
its module, `breaks_older = "why"`. The database keeps the oldest program that can work with it (a comment
on Alembic's table), since that program can't read migrations that it doesn't have. See docs/upgrades.md.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store.contract import SchemaOutdated
from store.database import Database
from store.extensions import PostGIS, put_away, turn_on
from store.roles import MissingPrivilege, ensure_roles
from store.schema_version import MIGRATIONS, head, is_newer_and_works, known, revision_of

# Any number will do that no other program in the same database takes for its advisory locks.
MIGRATION_LOCK = 0x7765_6268_6F73_74

FIRST_OLDEST = "0009"
"""The oldest program that can work with a schema from here on: the one of this revision. What came before
knew nothing of the rule."""

# Alembic hands the running migration to its files through names that belong to the whole process.
_ONE_ALEMBIC_AT_A_TIME = threading.Lock()


def upgrade(
    url: str, *, server_login: str | None = None, to: str = "head", extensions: bool = True
) -> PostGIS:
    """Run every missing migration (up to the revision `to`) in one transaction: all of them happen, or none.
    At the head, `extensions` that the server has are turned on.

    Two callers at once wait for each other (advisory lock), and the second finds nothing to do; nor does
    an older program, on a schema that it can work with. `server_login` is the login of the server where it
    isn't the one of `url`: it may then work as the roles of `store.roles`, and as nothing else. Must not be
    called in a running event loop.
    Raises: Unavailable (also when a table stays locked for 10 s), MissingPrivilege, SchemaOutdated
    (the database is too new for this program).
    """
    return asyncio.run(_upgrade(url, server_login, to, extensions))


def turn_extensions_on(url: str) -> PostGIS:
    """As `upgrade` does at its end, for a database that has the schema of this program; the login need own
    nothing where there is nothing to do. Raises: Unavailable."""
    return asyncio.run(_turn_extensions_on(url))


def current(url: str) -> str | None:
    """The revision of a database as its owner sees it; None where nothing was ever migrated."""
    return asyncio.run(_current(url))


def oldest_program(revisions: Iterable[tuple[str, Mapping[str, object]]]) -> str:
    """The newest revision of programs that can't do without what `revisions` (with the names of their
    modules, the oldest first) took away: of the last one that `breaks_older`."""
    oldest = FIRST_OLDEST
    for revision, names in revisions:
        if names.get("breaks_older"):
            oldest = revision
    return oldest


async def _upgrade(url: str, server_login: str | None, to: str, extensions: bool) -> PostGIS:
    async with Database(url, statement_timeout=0) as database, database.owner() as connection:
        is_ours = await connection.run_sync(_upgrade_on, server_login, to)
        if not (is_ours and extensions and to == "head"):
            return PostGIS()
        return await connection.run_sync(turn_on)


async def _turn_extensions_on(url: str) -> PostGIS:
    async with Database(url, statement_timeout=0) as database, database.owner() as connection:
        await connection.run_sync(_alone)
        return await connection.run_sync(turn_on)


async def _current(url: str) -> str | None:
    async with Database(url) as database, database.owner() as connection:
        return await connection.run_sync(revision_of)


def _alone(connection: Connection) -> None:
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    # Whoever waits for a table's lock makes everybody else wait behind it: rather fail, and be run again.
    connection.execute(text("set local lock_timeout = '10s'"))


def _upgrade_on(connection: Connection, server_login: str | None, to: str) -> bool:
    """Whether the database has a schema of this program now, and not of a newer one that is left alone."""
    _alone(connection)
    found = revision_of(connection)
    if found is not None and found not in known():
        if is_newer_and_works(connection, found):
            return False
        raise SchemaOutdated(f"the database has schema {found}, which this program doesn't know; update it")
    _demand_schema(connection)
    ensure_roles(connection, login=server_login)
    if found != head():
        put_away(connection)
    config = _config()
    config.attributes["connection"] = connection
    with _ONE_ALEMBIC_AT_A_TIME:
        command.upgrade(config, to)
    connection.execute(text(f"comment on table alembic_version is 'oldest program: {_oldest(connection)}'"))
    return True


def _oldest(connection: Connection) -> str:
    """The oldest program that can work with the schema that the database has."""
    scripts = ScriptDirectory.from_config(_config())
    done = [*scripts.iterate_revisions(revision_of(connection) or "base", "base")]
    return oldest_program((script.revision, vars(script.module)) for script in reversed(done))


def _demand_schema(connection: Connection) -> None:
    query = "select current_user::text, has_schema_privilege(current_user, 'public', 'create')"
    owner, may_create = connection.execute(text(query)).one()
    if not may_create:
        raise MissingPrivilege(
            f"login {owner!r} may not make tables; let the owner of the database run: "
            f'GRANT CREATE ON SCHEMA public TO "{owner}"; then run `webhost-sync migrate` again'
        )


def _config() -> Config:
    config = Config()
    # A percent sign in the path would be taken for interpolation.
    folder = str(MIGRATIONS).replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config
