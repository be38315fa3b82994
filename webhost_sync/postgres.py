"""Finds the Postgres of a process: the one that DATABASE_URL names, or the embedded one of `data_dir`.

In: the settings. Out: the URLs to connect to, for as long as the block lasts. Knows no table. The only
place that decides it, so that every command of one folder talks to the same database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from store.embedded import embedded, running
from webhost_sync.config import Settings

FOLDER = "postgres"
"""The embedded Postgres' folder within `data_dir`."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database to work with. `owner_url` is the login that owns the schema, often the same."""

    url: str
    owner_url: str
    embedded: bool


class MissingSettings(Exception):
    """Production lacks settings that have no default there; names all of them at once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.names = names

    def __str__(self) -> str:
        advice = {
            "DATABASE_URL": "the Postgres to use, e.g. postgresql://server:password@host/webhost",
            "TOKEN_SIGNING_SECRET": "made by `openssl rand -hex 32`",
            "SECRET_KEY_BASE": "another one, made the same way",
        }
        missing = "; ".join(f"{name} ({advice[name]})" for name in self.names)
        return (
            f"ENVIRONMENT=production has no defaults for these settings, and they are not set: {missing}. "
            "Set them, or use ENVIRONMENT=development on your own machine"
        )


def embedded_is_running(settings: Settings) -> bool:
    """Whether the embedded Postgres of `data_dir` serves now; it may have been killed."""
    return running(settings.data_dir / FOLDER) is not None


def demand_production_settings(settings: Settings, *, signs: bool = True) -> None:
    """Refuse to start in production without what has no safe default; `signs` where tokens and cookies are.

    Raises: MissingSettings.
    """
    if settings.environment != "production":
        return
    given = {"DATABASE_URL": settings.database_url}
    if signs:
        given["TOKEN_SIGNING_SECRET"] = settings.token_signing_secret
        given["SECRET_KEY_BASE"] = settings.secret_key_base
    if missing := tuple(name for name, value in given.items() if not value or not value.get_secret_value()):
        raise MissingSettings(missing)


@contextmanager
def find_postgres(settings: Settings) -> Iterator[Postgres]:
    """Give the Postgres of these settings; an embedded one that nobody runs is started for this block.

    Enter it in the main thread and before any event loop: starting a server waits, and on Linux the
    server lives no longer than the thread that started it.

    Raises: MissingSettings, store.postgres_errors.EmbeddedPostgresError.
    """
    demand_production_settings(settings, signs=False)
    if settings.database_url is not None and (url := settings.database_url.get_secret_value()):
        owner = settings.migration_database_url
        yield Postgres(url, owner.get_secret_value() if owner else url, embedded=False)
        return
    with embedded(settings.data_dir / FOLDER, bin_dir=settings.postgres_bin_dir) as server:
        yield Postgres(server.url, server.url, embedded=True)
