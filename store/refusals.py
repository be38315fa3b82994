"""Why Postgres lets nobody in: what the driver or the network said in, the cause and what to do about it out.

Pure. For those who start, and who look for what is wrong; knows no connection and no password.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum

import asyncpg


class Cause(StrEnum):
    REFUSED = "refused"
    UNKNOWN_HOST = "unknown_host"
    SILENT = "silent"
    WRONG_PASSWORD = "wrong_password"
    UNKNOWN_LOGIN = "unknown_login"
    NOT_LET_IN = "not_let_in"
    UNKNOWN_DATABASE = "unknown_database"
    NO_CONNECTIONS = "no_connections"
    STARTING = "starting"
    TLS = "tls"
    BAD_URL = "bad_url"
    OTHER = "other"


PASSING = frozenset({Cause.REFUSED, Cause.SILENT, Cause.STARTING, Cause.NO_CONNECTIONS})
"""Those that may be over in a moment, when everything starts at once; the others need a person."""

REMEDIES = {
    Cause.REFUSED: "nothing listens there: start Postgres (`pg_isready` tells), or correct host and port in "
    "DATABASE_URL",
    Cause.UNKNOWN_HOST: "correct the host in DATABASE_URL, or the DNS of this machine",
    Cause.SILENT: "check the network and the firewall between this machine and Postgres, and the host and "
    "port in DATABASE_URL",
    Cause.WRONG_PASSWORD: "correct user and password in DATABASE_URL; special characters in a password are "
    "percent-encoded there",
    Cause.UNKNOWN_LOGIN: "correct the user in DATABASE_URL, or make the role: `createuser --pwprompt NAME`",
    Cause.NOT_LET_IN: "let this login in from this address (pg_hba.conf of the Postgres server), or use one "
    "that may",
    Cause.UNKNOWN_DATABASE: "correct the database in DATABASE_URL, or make it: `createdb NAME`, then "
    "`webhost-sync migrate`",
    Cause.NO_CONNECTIONS: "lower POOL_SIZE of the servers, or raise max_connections of Postgres",
    Cause.STARTING: "wait: Postgres is starting, stopping or recovering",
    Cause.TLS: "correct sslmode and sslrootcert in DATABASE_URL to what the server offers",
    Cause.BAD_URL: "write DATABASE_URL as postgresql://user:password@host:5432/database",
    Cause.OTHER: "check it and DATABASE_URL",
}

_BY_STATE = {
    "28P01": Cause.WRONG_PASSWORD,
    "28000": Cause.NOT_LET_IN,
    "3D000": Cause.UNKNOWN_DATABASE,
    "53300": Cause.NO_CONNECTIONS,
    "57P03": Cause.STARTING,
    "55000": Cause.NOT_LET_IN,  # the database takes no connections
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is what was said, and `remedy` what a person does about it."""

    cause: Cause
    reason: str

    @property
    def remedy(self) -> str:
        return REMEDIES[self.cause]

    @property
    def may_pass(self) -> bool:
        return self.cause in PASSING


def refusal_of(error: BaseException) -> Refusal:
    """What an attempt to connect ended with."""
    reason = str(error) or type(error).__name__
    return Refusal(_cause(error, reason), reason)


def _cause(error: BaseException, reason: str) -> Cause:
    match error:
        case asyncpg.PostgresError():
            return _of_postgres(error, reason)
        case ssl.SSLError():
            return Cause.TLS
        case socket.gaierror():
            return Cause.UNKNOWN_HOST
        case TimeoutError():
            return Cause.SILENT
        case ConnectionError() if "SSL upgrade" in reason or "rejected SSL" in reason:
            return Cause.TLS
        case ConnectionRefusedError() | FileNotFoundError():
            return Cause.REFUSED
        case OSError() if "Connect call failed" in reason:  # every address of the host refused
            return Cause.REFUSED
        case ConnectionError():
            return Cause.STARTING  # something listens and hangs up, as a server that starts or stops does
        case ValueError() | asyncpg.InterfaceError() | asyncpg.ClientConfigurationError():
            return Cause.BAD_URL
        case _:
            return Cause.OTHER


def _of_postgres(error: asyncpg.PostgresError, reason: str) -> Cause:
    state = error.sqlstate or ""
    if state == "28000" and "does not exist" in reason:
        return Cause.UNKNOWN_LOGIN
    if state == "28000" and "no encryption" in reason:
        return Cause.TLS
    return _BY_STATE.get(state, Cause.OTHER)
