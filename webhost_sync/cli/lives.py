"""Runs one piece of work on the life of documents of one tenant, for the commands of `document`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from store.audit import Deed
from webhost_sync import opening
from webhost_sync.cli.database import operator, postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.key import find_tenant
from webhost_sync.cli.output import working
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentNotFound

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class TenantLives:
    """A tenant, what works on its documents, and as whom."""

    tenant_id: int
    store: opening.Store
    lives: opening.Lives
    by: Deed


def with_lives(
    tenant: str, work: Callable[[TenantLives], Awaitable[Result]], *, test: bool, what: str = "Working"
) -> Result:
    """Do the work, and return what it returns. Raises: CommandFailed, SyncError, StoreError."""
    settings = load_settings(quiet=True)
    with postgres_started(settings) as postgres, working(what):
        return asyncio.run(_with_lives(settings, postgres.owner_url, tenant, work, test))


async def _with_lives(
    settings: Settings,
    url: str,
    tenant: str,
    work: Callable[[TenantLives], Awaitable[Result]],
    test: bool,
) -> Result:
    # A purge or an erasure of a large document takes as long as it takes.
    patient = settings.model_copy(update={"statement_timeout": 0.0})
    async with opening.open_store(patient, url) as store:
        owner = await find_tenant(store.database, tenant, test=test)
        try:
            return await work(TenantLives(owner.id, store, opening.lives_of(store, settings), operator()))
        except DocumentNotFound as error:
            space = "test" if test else "live"
            raise CommandFailed(
                f"the {space} space of {tenant!r} has no such document: {error.detail}; "
                f"`webhost-sync document list --tenant {tenant}{' --test' if test else ''}` shows all, with "
                "--deleted those that can be brought back"
            ) from error
