"""The database roles that the server works as, and the SQL that makes them.

Comes in: a connection of a login that may create roles (or for which an admin has made them).
Roles belong to the whole cluster, not to one database, so everything here may run again, and in
several databases of a cluster at once. What each role may do is granted by the migrations.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.contract import StoreError

INSUFFICIENT_PRIVILEGE = "42501"


class Role(StrEnum):
    """Who a connection acts as. None of them can log in, own a table or bypass row-level security."""

    APP = "webhost_app"
    """Everything that is done for one tenant; sees the rows of `app.tenant_id` and no others."""
    COMMITTER = "webhost_committer"
    """Appends to the log of any tenant and moves the heads of documents; nothing else."""
    PROJECTOR = "webhost_projector"
    """Reads the documents of any tenant and writes the tables that follow from them; nothing else."""
    ACCOUNTS = "webhost_accounts"
    """Reads and writes who may sign in and for which tenant, and adds to the audit log; nothing else."""


class MissingPrivilege(StoreError):
    """The login may not do something that a migration needs; the message has the SQL for an admin."""


_CREATE = """
do $$
declare
  name text;
begin
  foreach name in array array[
    'webhost_app', 'webhost_committer', 'webhost_projector', 'webhost_accounts'
  ] loop
    if not exists (select from pg_roles where rolname = name) then
      begin
        execute format('create role %I nologin', name);
      exception when duplicate_object or unique_violation then
        null;  -- a migration of another database of this cluster was quicker
      end;
    end if;
  end loop;
end $$
"""

# INHERIT FALSE (Postgres 16 and newer): a login that forgot to take on a role has no rights at all,
# instead of those of all of them at once. A superuser may take on any role without a grant.
_GRANT = """
do $$
declare
  login text := nullif(current_setting('webhost.login', true), '');
  modern boolean := current_setting('server_version_num')::int >= 160000;
  name text;
begin
  foreach name in array array[
    'webhost_app', 'webhost_committer', 'webhost_projector', 'webhost_accounts'
  ] loop
    if not pg_has_role(login, name, case when modern then 'SET' else 'MEMBER' end) then
      begin
        execute format('grant %I to %I', name, login)
          || case when modern then ' with inherit false, set true' else '' end;
      exception when unique_violation then
        null;  -- as above
      end;
    end if;
  end loop;
end $$
"""


def ensure_roles(connection: Connection, *, login: str | None = None) -> None:
    """Make the roles that are missing, and let this login and `login` take them on.

    Raises: MissingPrivilege, with the SQL that an admin can run instead.
    """
    owner = connection.execute(text("select current_user::text")).scalar_one()
    try:
        with connection.begin_nested():
            connection.execute(text(_CREATE))
            for name in {owner, login or owner}:
                connection.execute(text("select set_config('webhost.login', :login, true)"), {"login": name})
                connection.execute(text(_GRANT))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        raise MissingPrivilege(_advice(owner, login or owner, str(error.orig))) from error


def _advice(owner: str, login: str, reason: str) -> str:
    names = ", ".join(Role)
    create = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in Role)
    logins = ", ".join(f'"{name}"' for name in dict.fromkeys([owner, login]))
    return (
        f"login {owner!r} may not make the roles {names} or take them on ({reason}); "
        f"let an admin of the cluster run: {create} (those that are missing) GRANT {names} TO {logins}; "
        "then run `webhost-sync migrate` again"
    )
