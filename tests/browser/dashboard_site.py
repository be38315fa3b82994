"""A dashboard to look at: the running application over a tenant with the day of 183 buses, with people,
keys, connections and things to be seen in every corner. Knows no browser.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect

from examples.fleet_demo.recording import read_recording
from store.audit import SYSTEM
from store.contract import Tenant
from store.sessions import Sessions
from store.users import MemberRole, Users
from tests.app import App, Credential, running_app
from webhost_sync.auth.links import sign_in_link
from webhost_sync.sync.protocol import SyncUpdate, encode

NAME = "Capital Metro"
STATUSES = ("active", "active", "active", "depot", "workshop")


@dataclass
class Site:
    """The running application, the seeded tenant, and who may look at it."""

    app: App
    tenant: Tenant
    key: Credential
    stack: AsyncExitStack

    @property
    def space(self) -> str:
        """The address of the tenant's live space."""
        return f"{self.app.url}/dashboard/{self.tenant.slug}/live"

    async def link(self, role: str = "owner") -> str:
        """A one-time link that signs the member of this role in."""
        sessions = Sessions(self.app.services.database)
        return await sign_in_link(sessions, f"{role}@capmetro.example", url=self.app.url, deed=SYSTEM)

    async def connect(self, credential: str, document: str) -> ClientConnection:
        """A client that stays connected until the site ends."""
        headers = {"Authorization": f"Bearer {credential}"}
        opened = connect(f"{self.app.sync_url}/{document}", additional_headers=headers)
        return await self.stack.enter_async_context(opened)

    async def edit(self, connection: ClientConnection, number: int) -> None:
        """Send one small update."""
        doc: Doc[Any] = Doc(client_id=number + 1)
        doc.get("notes", type=Map)[str(number)] = number
        await connection.send(encode(SyncUpdate(doc.get_update())))


@asynccontextmanager
async def running_site(database_url: str) -> AsyncIterator[Site]:
    async with running_app(database_url) as app, AsyncExitStack() as stack:
        tenant = await app.tenant("capmetro")
        await _seed(database_url, tenant)
        users = Users(app.services.database)
        for role, name in (("owner", "Ada Lovelace"), ("admin", "Grace Hopper"), ("viewer", "Alan Turing")):
            email = f"{role}@capmetro.example"
            await users.create(email, name, None, slug=tenant.slug, role=MemberRole(role), deed=SYSTEM)
        key = await app.key(tenant, "read", "write")
        revoked = await app.key(tenant, "read", documents=("tables/*",))
        await app.key(tenant, "read", "write", documents=("track/bus-5017/*", "tables/vehicles"))
        await app.services.admin.keys.revoke(tenant.id, revoked.record.id, deed=SYSTEM)
        await _name_keys(database_url)
        site = Site(app, tenant, key, stack)
        for document in ("tables/vehicles", "notes/depot", "track/bus-5017/2016-11-26/box"):
            connection = await site.connect(app.token(key, "read", "write", lifetime=3600), document)
            for number in range(20):
                await site.edit(connection, number)
        yield site


async def _seed(database_url: str, tenant: Tenant) -> None:
    """The rows that a projection of the recorded day makes, moved to yesterday."""
    recording = read_recording()
    moved = datetime.now(UTC) - timedelta(minutes=3) - _time(recording.reports[-1].time_ms)
    positions: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for report in recording.reports:
        time, fixes = _time(report.time_ms) + moved, positions[report.vehicle_id]
        fixes.append(
            (tenant.id, report.vehicle_id, "box", len(fixes), time, time, report.latitude,
             report.longitude, report.speed_mps, 0, 1, 1)
        )  # fmt: skip
    connection = await asyncpg.connect(database_url)
    try:
        months = {fix[4].replace(day=1) for fixes in positions.values() for fix in fixes}
        for month in months:
            await connection.execute("select ensure_positions_month($1)", month)
        columns = ["tenant_id", "vehicle_id", "device_id", "sequence", "time", "received_at", "latitude",
                   "longitude", "speed_mps", "flags", "document_id", "seq"]  # fmt: skip
        rows = [fix for fixes in positions.values() for fix in fixes]
        await connection.copy_records_to_table("gps_positions", records=rows, columns=columns)
        latest = [fixes[-1][:10] for fixes in positions.values()]
        await connection.copy_records_to_table("latest_positions", records=latest, columns=columns[:10])
        vehicles = [
            (tenant.id, name, f"Bus {name[4:]}", f"TX {name[4:]}", "north" if number % 2 else "south",
             STATUSES[number % len(STATUSES)], 1)
            for number, name in enumerate(sorted(positions))
        ]  # fmt: skip
        fields = ["tenant_id", "id", "name", "plate", "group", "status", "document_id"]
        await connection.copy_records_to_table("vehicles", records=vehicles, columns=fields)
        await connection.executemany(
            "insert into documents (tenant_id, name, head_seq, log_rows, log_bytes, state)"
            " values ($1, $2, $3, $3, $4, $5)",
            [
                (tenant.id, f"track/{name}/2016-11-25/box", len(fixes), 11 * len(fixes),
                 "quarantined" if number == 7 else "active")
                for number, (name, fixes) in enumerate(sorted(positions.items()))
            ],
        )  # fmt: skip
        await connection.execute(
            "insert into projection_checkpoints (tenant_id, document_id, seq, epoch)"
            " select tenant_id, id, head_seq, epoch from documents"
        )
    finally:
        await connection.close()


async def _name_keys(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        for number, name in enumerate(("dispatch server", "old tablet", "bus 5017, front box")):
            await connection.execute(
                "update api_keys set name = $1 where id = (select id from api_keys"
                " order by created_at offset $2 limit 1)",
                name,
                number,
            )
    finally:
        await connection.close()


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
