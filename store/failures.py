"""What goes wrong with one Postgres, in the store's words.

Errors of the driver and of the network come in; out go the store's own, which say which database it is and
what to do, and never the password. Opens no connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.address import address_of, login_of
from store.contract import SchemaOutdated, StoreError, Unavailable
from store.refusals import Cause, Refusal, refusal_of
from store.roles import INSUFFICIENT_PRIVILEGE, MissingPrivilege

# Classes of SQLSTATE after which the same call may succeed: connection, transaction rollback
# (deadlock), resources, operator intervention (shutdown, statement timeout), system error.
TRANSIENT_CLASSES = frozenset({"08", "40", "53", "57", "58"})
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"  # a standby after a failover


class Failures:
    """The failures of one database. `address` is how it is called in messages."""

    def __init__(self, url: str, connect_timeout: float) -> None:
        self.address = address_of(url)
        self._login = login_of(url)
        self._connect_timeout = connect_timeout

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Turn what the driver or the network raises inside into `Unavailable` where it is transient."""
        try:
            yield
        except PoolTimeout as error:
            raise self._unavailable("every pooled connection is busy; raise POOL_SIZE") from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_transient(error.orig):
                raise self._unavailable(str(error.orig)) from error
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if _is_transient(error):
                raise self._unavailable(str(error)) from error
            raise
        except ConnectionError as error:
            raise self._unavailable(str(error)) from error

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Turn whatever an attempt to connect raises into `Unavailable`, which says why, or, where a role is
        missing, into `SchemaOutdated`."""
        try:
            yield
        except asyncpg.PostgresError as error:
            raise self._refused(error) from error
        except TimeoutError as error:
            silent = Refusal(Cause.SILENT, f"no answer in {self._connect_timeout:g} s")
            raise self._not_connected(silent) from error
        except (OSError, asyncpg.InterfaceError, ValueError) as error:
            raise self._not_connected(refusal_of(error)) from error

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """Turn what a login that isn't the owner of the schema is refused into `MissingPrivilege`."""
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
                raise
            raise self._not_the_owner(error.orig) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise self._not_the_owner(error) from error

    def _refused(self, error: asyncpg.PostgresError) -> StoreError:
        match error.sqlstate:
            case "22023" if "role" in str(error):
                return SchemaOutdated(
                    f"{self.address} has no roles for the server; run `webhost-sync migrate`"
                )
            case "42501" if "role" in str(error):
                return SchemaOutdated(
                    f"{self.address}: {error}; run `webhost-sync migrate` as the schema's owner"
                )
            case _:
                return self._not_connected(refusal_of(error))

    def _not_connected(self, refusal: Refusal) -> Unavailable:
        who = f" as {self._login!r}" if self._login else ""
        return Unavailable(
            f"Postgres at {self.address} can't be used{who}: {refusal.reason}; {refusal.remedy}", refusal
        )

    def _not_the_owner(self, error: BaseException | None) -> MissingPrivilege:
        return MissingPrivilege(
            f"{self.address}: {error}; this is for the owner of the schema, whose login "
            "MIGRATION_DATABASE_URL names"
        )

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(f"Postgres at {self.address} can't be used: {reason}; check it and DATABASE_URL")


def _is_transient(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None)
    if state is None:  # the driver's own: the connection is closed
        return True
    return state[:2] in TRANSIENT_CLASSES or state in (LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION)
