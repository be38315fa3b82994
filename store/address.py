"""Reads a Postgres URL as operators write it: which server it means, and how the driver wants it.

Pure. Goes out: the address for messages, never with user or password, and the URL for asyncpg.
"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PORT = 5432
SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")


def driver_url(url: str) -> str:
    """The same URL with the scheme that asyncpg takes.

    Raises: ValueError for another scheme, without repeating the URL, which may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise ValueError("the database URL must begin with postgresql:// or postgres://")
    return f"postgresql://{rest}"


def address_of(url: str) -> str:
    """`host:port/database`; several hosts are separated by commas, a socket is its folder."""
    parts = urlsplit(driver_url(url))
    query = parse_qs(parts.query)
    hosts = parts.netloc.rpartition("@")[2] or ",".join(query.get("host", ["localhost"]))
    port = query.get("port", [str(DEFAULT_PORT)])[0]
    named = ",".join(host if _has_port(host) else f"{host}:{port}" for host in hosts.split(","))
    return f"{unquote(named)}/{unquote(parts.path.removeprefix('/'))}"


def login_of(url: str) -> str:
    """The user that the URL names; empty where the driver chooses one."""
    parts = urlsplit(driver_url(url))
    return unquote(parts.username or "") or parse_qs(parts.query).get("user", [""])[0]


def _has_port(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return bool(colon) and port.isdigit() and ":" not in name.rpartition("]")[2]
