"""Turns PostGIS on where the server has it, and keeps the views of `store.geography` there.

Comes in: a connection of the schema's owner, in a migration's transaction. Goes out: the views, or what keeps
them away; a migration never fails for want of an extension. Tables aren't touched, so PostGIS may come later,
and go again, without loss.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.failures import LOCK_NOT_AVAILABLE
from store.geography import MARK, VIEWS, View
from store.roles import INSUFFICIENT_PRIVILEGE

DEPENDENT_OBJECTS = "2BP01"

_POSTGIS = """
select e.extversion as version, e.extnamespace::regnamespace::text as schema,
       current_database()::text as database
from pg_available_extensions a left join pg_extension e on e.extname = a.name where a.name = 'postgis'
"""
_COMMENT = "select obj_description(to_regclass('public.' || :name), 'pg_class')"
_COLUMNS = """
select attname::text from pg_attribute
where attrelid = to_regclass('public.' || :name) and attnum > 0 and not attisdropped order by attnum
"""
_READERS = """
select distinct case r.grantee when 0 then 'public' else r.grantee::regrole::text end
from pg_class c, aclexplode(c.relacl) r
where c.oid = to_regclass('public.' || :table) and r.privilege_type = 'SELECT' and r.grantee <> c.relowner
"""


@dataclass(frozen=True, slots=True)
class PostGIS:
    """What came of it. `version` is None where it isn't in use; `made` are the views of this run; `hindrance`
    says why something is missing and what to type, and is empty where nothing hinders."""

    version: str | None = None
    made: tuple[str, ...] = ()
    hindrance: str = ""


def put_away(connection: Connection) -> None:
    """Drop the views, which would hinder a change of a table's columns. One stays that somebody's own view is
    made of, or that somebody reads for longer than the lock is waited for."""
    for view in VIEWS:
        if _is_ours(connection, view):
            refused = _attempt(connection, f"drop view public.{view.name}")
            if refused is not None and _state(refused) not in (DEPENDENT_OBJECTS, LOCK_NOT_AVAILABLE):
                raise refused


def turn_on(connection: Connection) -> PostGIS:
    """Make the extension and the views that are missing or were made by another version; else change nothing.

    Raises: Unavailable.
    """
    row = connection.execute(text(_POSTGIS)).one_or_none()
    if row is None:
        return PostGIS()
    if row.version is None:
        refused = _attempt(connection, "create extension if not exists postgis")
        if refused is not None:
            return PostGIS(hindrance=_advice(row.database, refused))
        row = connection.execute(text(_POSTGIS)).one()
    made: list[str] = []
    for view in _missing(connection, row.schema):
        refused = _make(connection, view, row.schema)
        if refused is not None:
            return PostGIS(row.version, tuple(made), f"the view {view.name} can't be made: {refused.orig}")
        made.append(view.name)
    return PostGIS(row.version, tuple(made))


def missing_views(connection: Connection) -> tuple[str, ...]:
    """Those that `turn_on` would make where PostGIS is installed; all of them where it isn't."""
    row = connection.execute(text(_POSTGIS)).one_or_none()
    return tuple(view.name for view in _missing(connection, "" if row is None else row.schema))


def _missing(connection: Connection, schema: str) -> list[View]:
    return [view for view in VIEWS if not _is_up_to_date(connection, view, schema)]


def _is_up_to_date(connection: Connection, view: View, schema: str) -> bool:
    if _comment(connection, view) != view.comment(schema):
        return False
    table, shown = (
        connection.scalars(text(_COLUMNS), {"name": name}).all() for name in (view.table, view.name)
    )
    return [*table, "geog"] == shown


def _make(connection: Connection, view: View, schema: str) -> DBAPIError | None:
    """Make the view, readable for whoever may read its table. Returns what Postgres refuses."""
    readers = connection.scalars(text(_READERS), {"table": view.table}).all()
    # What somebody else has made under this name is not ours to drop.
    away = [f"drop view public.{view.name}"] if _is_ours(connection, view) else []
    return _attempt(
        connection,
        *away,
        view.definition(schema),
        f"comment on view public.{view.name} is '{view.comment(schema)}'",
        *(f"grant select on public.{view.name} to {reader}" for reader in readers),
    )


def _comment(connection: Connection, view: View) -> str | None:
    comment: str | None = connection.scalar(text(_COMMENT), {"name": view.name})
    return comment


def _is_ours(connection: Connection, view: View) -> bool:
    return MARK in (_comment(connection, view) or "")


def _attempt(connection: Connection, *statements: str) -> DBAPIError | None:
    """Run all statements or none; returns what Postgres refuses, and raises what breaks the connection."""
    try:
        with connection.begin_nested():
            for statement in statements:
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if error.connection_invalidated or _state(error) is None:
            raise
        return error
    return None


def _state(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _advice(database: str, refused: DBAPIError) -> str:
    if _state(refused) == INSUFFICIENT_PRIVILEGE:
        who = "this login may not turn it on"
    else:
        who = str(refused.orig).rstrip(".")
    return f"{who}; let a superuser type: {turned_on_by(database)}; then run `webhost-sync migrate` again"


def turned_on_by(database: str) -> str:
    """What a superuser types to turn PostGIS on."""
    return f"psql --dbname {shlex.quote(database)} --command 'CREATE EXTENSION postgis'"
