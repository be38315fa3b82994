"""Puts the server of a process together for `serve` and `dev`: checks first, then listens."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

from store import schema_version
from store.database import Database
from webhost_sync.app import create_app, drain
from webhost_sync.auth.cookies import CookieSigner
from webhost_sync.auth.signing_secrets import cookie_secrets, signing_secrets
from webhost_sync.auth.tokens import Tokens
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.config import Settings
from webhost_sync.server import serve


def tokens_of(settings: Settings) -> Tokens:
    """Raises: UnusableSecret."""
    return Tokens(signing_secrets(settings), max_lifetime=timedelta(seconds=settings.token_max_lifetime))


def cookies_of(settings: Settings) -> CookieSigner:
    """Raises: UnusableSecret."""
    return CookieSigner(cookie_secrets(settings))


def check_schema(database_url: str) -> None:
    """Look at the database before anything listens. Raises: SchemaOutdated, Unavailable."""

    async def look() -> None:
        async with Database(database_url) as database:
            await schema_version.check(database)

    asyncio.run(look())


def serve_until_stopped(
    settings: Settings, database_url: str, listening: socket.socket, *, projects: bool
) -> None:
    """Serve on the socket until SIGTERM or SIGINT, then drain. Raises: CommandFailed (it didn't start)."""
    app = create_app(settings, database_url, tokens_of(settings), cookies_of(settings), projects=projects)
    try:
        serve(app, settings, lambda: drain(app.state.services), [listening])
    except SystemExit as error:
        raise CommandFailed("the server could not start; the lines above say why") from error


def url_of(listening: socket.socket) -> str:
    """The HTTP address of a listening socket, without a slash at the end."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
