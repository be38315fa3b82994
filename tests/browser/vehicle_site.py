"""A dashboard with vehicles to look at one by one: the day of 183 buses, whose table is a document that
devices and people edit while a projector follows. Knows no browser.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pycrdt import Doc, Map

from examples.fleet_demo.recording import Report, read_recording
from store.audit import SYSTEM
from store.contract import NewUpdate, Tenant
from store.users import MemberRole, Users
from tests.app import running_app
from tests.browser.dashboard_site import Site
from tests.eventually import eventually
from tests.fleet import open_fleet

TABLE = "tables/vehicles"
BUS = "bus-5017"
QUIET = "bus-9999"
COLUMNS = ["tenant_id", "vehicle_id", "device_id", "sequence", "time", "received_at", "latitude", "longitude",
           "speed_mps", "flags", "document_id", "seq"]  # fmt: skip


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
        reports = _by_vehicle()
        await _add_positions(database_url, tenant, reports)
        await _add_vehicles(site, sorted(reports))
        projecting = asyncio.create_task(fleet.projector.run())
        await eventually(lambda: _is_projected(site))
        try:
            yield site
        finally:
            projecting.cancel()
            with suppress(asyncio.CancelledError):
                await projecting


def _by_vehicle() -> dict[str, list[Report]]:
    found: dict[str, list[Report]] = defaultdict(list)
    for report in read_recording().reports:
        found[report.vehicle_id].append(report)
    return found


async def _add_positions(url: str, tenant: Tenant, reports: dict[str, list[Report]]) -> None:
    """The recorded day, moved so that its last fix was three minutes ago; and a vehicle that was last heard
    of some weeks before."""
    last_ms = max(report.time_ms for of_one in reports.values() for report in of_one)
    moved = datetime.now(UTC) - timedelta(minutes=3) - _time(last_ms)
    rows = [row for of_one in reports.values() for row in _rows(tenant, of_one, moved)]
    quiet = _rows(tenant, reports[BUS][:20], moved - timedelta(days=40))
    rows += [(row[0], QUIET, *row[2:]) for row in quiet]
    latest = {row[1]: row for row in rows}
    connection = await asyncpg.connect(url)
    try:
        for month in {row[4].replace(day=1) for row in rows}:
            await connection.execute("select ensure_positions_month($1)", month)
        await connection.copy_records_to_table("gps_positions", records=rows, columns=COLUMNS)
        records = [row[:10] for row in latest.values()]
        await connection.copy_records_to_table("latest_positions", records=records, columns=COLUMNS[:10])
    finally:
        await connection.close()


def _rows(tenant: Tenant, reports: Sequence[Report], moved: timedelta) -> list[tuple[Any, ...]]:
    return [
        (tenant.id, report.vehicle_id, "box", number, time, time + timedelta(seconds=2), report.latitude,
         report.longitude, report.speed_mps, 0, 1_000_000, 1)
        for number, report in enumerate(reports)
        for time in [_time(report.time_ms) + moved]
    ]  # fmt: skip


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


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
