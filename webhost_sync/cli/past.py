"""Runs one piece of work on the past of one document, for the commands that look at it or bring it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from store.contract import Document
from webhost_sync import opening
from webhost_sync.cli.database import postgres_started
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.key import find_tenant
from webhost_sync.cli.output import working
from webhost_sync.cli.settings import load_settings
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentNotFound
from webhost_sync.fleet.names import validate_name

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DocumentPast:
    """A document as it is now, and what can be done with its past."""

    record: Document
    past: opening.Past


def with_past(
    name: str, tenant: str, work: Callable[[DocumentPast], Awaitable[Result]], *, test: bool
) -> Result:
    """Do the work, and return what it returns. Raises: CommandFailed, SyncError, StoreError."""
    settings = load_settings(quiet=True)
    with postgres_started(settings) as postgres, working("Reading the history"):
        return asyncio.run(_with_past(settings, postgres.owner_url, name, tenant, work, test))


async def _with_past(
    settings: Settings,
    url: str,
    name: str,
    tenant: str,
    work: Callable[[DocumentPast], Awaitable[Result]],
    test: bool,
) -> Result:
    async with opening.open_past(settings, url) as (store, past):
        owner = await find_tenant(store.database, tenant, test=test)
        try:
            record = await past.archive.document(owner.id, validate_name(name))
        except DocumentNotFound as error:
            space = "test" if test else "live"
            raise CommandFailed(
                f"there is no document {name!r} in the {space} space of {tenant!r}"
            ) from error
        return await work(DocumentPast(record, past))
