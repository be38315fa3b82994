"""Maintenance mode for tests: on in the database of an application, which has followed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from store.maintenance import MaintenanceSwitch
from tests.app import App
from tests.eventually import eventually

REASON = "moving the database"
RETRY_AFTER = 7


@asynccontextmanager
async def maintenance(app: App) -> AsyncIterator[None]:
    """On until the block ends; the server has followed at both ends."""
    watch, switch = app.services.maintenance, MaintenanceSwitch(app.services.database)
    await switch.begin(reason=REASON, retry_after=RETRY_AFTER, by="test")
    await eventually(lambda: watch.is_on)
    yield
    await switch.end()
    await eventually(lambda: not watch.is_on)
