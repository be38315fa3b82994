"""Each way in which Postgres keeps somebody out has its own cause, and a remedy that names what to type."""

from __future__ import annotations

import socket
import ssl

import asyncpg
import pytest

from store.refusals import REMEDIES, Cause, refusal_of


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 5432)"), Cause.REFUSED),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432, 0, 0)"), Cause.REFUSED),
        (FileNotFoundError(2, "No such file or directory"), Cause.REFUSED),
        (socket.gaierror(-2, "Name or service not known"), Cause.UNKNOWN_HOST),
        (TimeoutError(), Cause.SILENT),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), Cause.TLS),
        (ConnectionError('PostgreSQL server at "x:5432" rejected SSL upgrade'), Cause.TLS),
        (ConnectionResetError(104, "Connection reset by peer"), Cause.STARTING),
        (asyncpg.InvalidPasswordError("password authentication failed"), Cause.WRONG_PASSWORD),
        (asyncpg.InvalidAuthorizationSpecificationError('role "x" does not exist'), Cause.UNKNOWN_LOGIN),
        (asyncpg.InvalidAuthorizationSpecificationError("no pg_hba.conf entry"), Cause.NOT_LET_IN),
        (asyncpg.InvalidCatalogNameError('database "x" does not exist'), Cause.UNKNOWN_DATABASE),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), Cause.NO_CONNECTIONS),
        (asyncpg.CannotConnectNowError("the database system is starting up"), Cause.STARTING),
        (ValueError("the database URL must begin with postgresql://"), Cause.BAD_URL),
        (LookupError("?"), Cause.OTHER),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else type(value).__name__,
)
def test_the_cause_is_told_apart(error: Exception, cause: Cause) -> None:
    refusal = refusal_of(error)
    assert refusal.cause is cause
    assert refusal.remedy


def test_every_cause_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Cause)
