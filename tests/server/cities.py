"""A fleet in one town, its traffic, and the API that streams where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from store.fleet import Announcer
from tests.app import Credential
from tests.fleet import Fleet, open_fleet
from tests.server.api import Api, running_api
from tests.server.streams import Traffic


@dataclass
class City:
    api: Api
    fleet: Fleet
    key: Credential
    traffic: Traffic

    async def listed(self) -> dict[str, int]:
        [page] = await self.api.pages("/api/positions/latest?limit=1000", self.key.text)
        return {item["vehicle_id"]: item["sequence"] for item in page}


@asynccontextmanager
async def running_city(
    database_url: str, announcer: Announcer | None = None, **changed: object
) -> AsyncIterator[City]:
    async with (
        running_api(database_url, **changed) as api,
        open_fleet(database_url, announcer=announcer) as fleet,
    ):
        key = await api.app.key(await api.app.tenant())
        yield City(api, fleet, key, Traffic(fleet, key.tenant))
