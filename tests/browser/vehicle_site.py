"""A dashboard with vehicles to look at one by one: the day of 183 buses, whose table is a document that
devices and people edit while a projector follows. Knows no browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from pycrdt import Doc, Map

from store.audit import SYSTEM
from store.contract import NewUpdate
from store.users import MemberRole, Users
from tests.app import running_app
from tests.browser.dashboard_site import Site
from tests.eventually import eventually
from tests.fleet import open_fleet
from tests.recorded_day import add_positions, by_vehicle

TABLE = "tables/vehicles"
BUS = "bus-5017"
QUIET = "bus-9999"


@asynccontextmanager
async def running_vehicles(database_url: str) -> AsyncIterator[Site]:
    async with (
        running_app(database_url) as app,
        AsyncExitStack() as stack,
        open_fleet(database_url) as fleet,
    ):
        tenant = await app.tenant("capmetro")
        users = Users(app.services.database)
        for role, name in (("owner", "Ada Lovelace"), ("admin", "Grace Hopper"), ("viewer", "Alan Turing")):
            email = f"{role}@capmetro.example"
            await users.create(email, name, None, slug=tenant.slug, role=MemberRole(role), deed=SYSTEM)
        site = Site(app, tenant, await app.key(tenant, "read", "write"), stack)
        reports = by_vehicle()
        await add_positions(database_url, tenant, reports, last_heard=QUIET)
        await _add_vehicles(site, sorted(reports))
        projecting = asyncio.create_task(fleet.projector.run())
        await eventually(lambda: _is_projected(site))
        try:
            yield site
        finally:
            projecting.cancel()
            with suppress(asyncio.CancelledError):
                await projecting


async def _add_vehicles(site: Site, names: Sequence[str]) -> None:
    doc: Doc[Any] = Doc(client_id=7)
    rows = doc.get("rows", type=Map)
    with doc.transaction():
        for number, name in enumerate([*names, QUIET]):
            rows[name] = Map(
                {
                    "name": f"Bus {name[4:]}",
                    "plate": f"TX {name[4:]}",
                    "group": "north" if number % 2 else "south",
                    "status": "active",
                    "color": "#2b7de0",
                    "odometer_m": 184_203_500.0 + number,
                    "seats": 44.0,
                }
            )
    log = site.app.services.log
    record = await log.open(site.tenant.id, TABLE, create=True)
    update = NewUpdate(doc.get_update(), "key:import", "", (7,))
    await log.append(site.tenant.id, record.id, [update], epoch=record.epoch)


async def _is_projected(site: Site) -> None:
    assert await site.app.services.readings.projected_seq(site.tenant.id, TABLE) >= 1
