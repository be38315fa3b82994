"""What an app is told when the server does not take its work, or lets nobody in; and that it goes on by
itself once that is over, without a storm of attempts meanwhile."""

from __future__ import annotations

import secrets

from store.database import Database
from store.maintenance import MaintenanceSwitch
from tests.browser import committed
from tests.browser.conftest import NewCable, NewDevice
from tests.browser.sdk_page import SdkPage
from tests.postgres import unreachable
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}
WRONG_KEY = "whs_test_" + secrets.token_hex(32)
WAKE_UPS = """
  for (let i = 0; i < 20; i++) {
    await db.vehicles.add({ name: 'written all the same' })
    window.dispatchEvent(new Event('online'))
    document.dispatchEvent(new Event('visibilitychange'))
  }
"""


async def test_what_a_reader_writes_is_taken_back_and_kept_on_the_shelf(
    device: NewDevice, sync_server: SyncServer
) -> None:
    writer, reader = [SdkPage(await (await device(name)).open()) for name in ("writer", "reader")]
    await writer.connect(sync_server.url, await sync_server.key_for("reader", "read", "write"), SCHEMA)
    await writer.run("await db.vehicles.put({ id: 'v1', name: 'Van' })")
    await reader.connect(sync_server.url, await sync_server.key_for("reader", "read"), SCHEMA)
    await reader.until("db.vehicles.get('v1')")
    assert (await reader.status())["readOnly"] == ["vehicles"]
    await reader.run("await db.vehicles.update('v1', { name: 'Mine' })")
    await reader.run("await db.vehicles.add({ name: 'Also mine' })")
    await reader.until("client.status.rejected === 2 && client.status.pending === 0")
    assert await reader.rows("vehicles") == [{"id": "v1", "name": "Van"}]
    assert await reader.run("return heard.rejected.map(({ reason }) => reason.code)") == ["not_allowed"] * 2
    shelf = await reader.run("return client.syncManager.rejectedEdits()")
    assert [(edit["kind"], edit["fields"]) for edit in shelf] == [
        ("change", {"name": "Mine"}),
        ("add", {"name": "Also mine"}),
    ]
    await reader.run("await client.syncManager.discard(argument)", [edit["id"] for edit in shelf])
    await reader.until("client.status.rejected === 0")
    document = await committed.document_rows(sync_server.database_url, "reader")
    assert document == {"v1": {"name": "Van"}}


async def test_a_table_without_rights_holds_up_no_other(device: NewDevice, sync_server: SyncServer) -> None:
    key = await sync_server.key_for("half", "read", "write", documents=("tables/vehicles",))
    page = SdkPage(await (await device()).open())
    status = await page.connect(sync_server.url, key, {**SCHEMA, "secrets": "++id"})
    assert (status["phase"], status["readOnly"]) == ("live", ["secrets"])
    await page.run("await db.secrets.add({ name: 'nobody may know' })")
    await page.run("await db.vehicles.add({ name: 'Van' })")
    await page.until("client.status.lastDurableAt !== null")
    # It is not saved, and nobody says that it is, or that it will be.
    await page.until("client.status.pending === 0 && client.status.rejected === 1")
    assert await page.rows("secrets") == []
    assert await page.run("return heard.rejected.map(({ reason }) => reason.code)") == ["document_not_found"]


async def test_a_wrong_key_blocks_with_a_hint_lets_local_work_go_on_and_causes_no_storm(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    page, wire = SdkPage(await (await device()).open()), await cable(sync_server)
    status = await page.connect(wire.url, WRONG_KEY, SCHEMA)
    assert (status["phase"], status["connected"]) == ("blocked", False)
    assert status["blocked"]["code"] == "auth"
    assert "check the API key" in status["blocked"]["hint"]
    assert WRONG_KEY not in str(status)
    await page.run(WAKE_UPS)
    assert len(await page.rows("vehicles")) == 20
    await page.until("client.status.pending === 20")
    assert (await page.status())["phase"] == "blocked"
    assert wire.dialled == 0
    assert wire.tokens_asked <= 2


async def test_a_key_revoked_while_connected_blocks_and_loses_nothing(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    page, wire = SdkPage(await (await device()).open()), await cable(sync_server)
    key = await sync_server.key_for("revoked", "read", "write")
    await page.connect(wire.url, key, SCHEMA)
    await page.run("await db.vehicles.add({ name: 'before' })")
    await page.when_durable()
    await sync_server.revoke(key)
    await page.until("client.status.blocked?.code === 'auth'", within=90)
    assert not (await page.status())["connected"]
    asked = wire.tokens_asked
    await page.run(WAKE_UPS)
    await page.until("client.status.pending === 20")
    assert len(await page.rows("vehicles")) == 21
    assert wire.tokens_asked <= asked + 1


async def test_tokens_that_expire_are_renewed_and_nobody_notices(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    phone, wire = await device(), await cable(sync_server)
    given: list[str] = []

    async def fetch_token() -> str:
        given.append(await sync_server.token_for("renewed", "read", "write", lifetime=3))
        return given[-1]

    await phone.context.expose_function("fetchToken", fetch_token)
    page = SdkPage(await phone.open())
    await page.connect(wire.url, None, SCHEMA, databaseName="renewed")
    await page.run("heard.phases = []; globalThis.writing = setInterval(() => db.vehicles.add({}), 50)")
    await page.until("db.vehicles.count().then((count) => count > 100)", within=90)
    assert len(given) >= 2
    await page.run("clearInterval(writing)")
    await page.when_durable()
    assert len(await committed.document_rows(sync_server.database_url, "renewed")) > 100
    assert await page.run("return heard.phases") in ([], ["live"])
    assert wire.dialled == 1
    assert (await page.status())["rejected"] == 0


async def test_too_many_connections_are_shown_and_pass_by_themselves(
    device: NewDevice, own_server: SyncServer
) -> None:
    own_server.kill()
    own_server.settings["CONNECTIONS_PER_CREDENTIAL"] = "1"
    await own_server.start()
    token = await own_server.token_for("busy", "read", "write")
    devices = [await device(name) for name in ("phone", "laptop")]
    for made in devices:
        await made.context.expose_function("fetchToken", lambda: token)
    phone, laptop = [SdkPage(await made.open()) for made in devices]
    await phone.connect(own_server.url, None, SCHEMA, databaseName="busy")
    status = await laptop.connect(own_server.url, None, SCHEMA, databaseName="busy")
    assert status["blocked"]["code"] == "rate-limited", status
    await phone.page.close()
    await laptop.until("client.status.phase === 'live'", within=90)


async def test_a_held_server_is_read_on_and_gets_what_was_written_meanwhile(
    device: NewDevice, own_server: SyncServer
) -> None:
    key = await own_server.key_for("held", "read", "write")
    phone, laptop = [SdkPage(await (await device(name)).open()) for name in ("phone", "laptop")]
    await phone.connect(own_server.url, key, SCHEMA)
    await phone.run("await db.vehicles.add({ name: 'before' })")
    await phone.when_durable()
    async with Database(own_server.database_url) as database:
        switch = MaintenanceSwitch(database)
        await switch.begin(reason="moving", retry_after=60, by="test")
        await phone.until("client.status.blocked?.code === 'maintenance'", within=90)
        await phone.run("await db.vehicles.add({ name: 'meanwhile' })")
        await laptop.connect(own_server.url, key, SCHEMA)
        await laptop.until("client.status.blocked?.code === 'maintenance'", within=90)
        await laptop.until("db.vehicles.count().then((count) => count === 1)", within=90)
        assert (await phone.status())["pending"] == 1
        await switch.end()
    for page in (phone, laptop):
        await page.until("client.status.phase === 'live' && client.status.pending === 0", within=90)
        await page.until("db.vehicles.count().then((count) => count === 2)", within=90)


async def test_maintenance_is_shown_and_passes_by_itself(device: NewDevice, own_server: SyncServer) -> None:
    key = await own_server.key_for("maintenance", "read", "write")
    phone, laptop = [SdkPage(await (await device(name)).open()) for name in ("phone", "laptop")]
    await phone.connect(own_server.url, key, SCHEMA)
    async with unreachable(own_server.database_url):
        await phone.run("await db.vehicles.add({ name: 'while the database is away' })")
        status = await laptop.connect(own_server.url, key, SCHEMA)
        assert status["blocked"]["code"] == "maintenance", status
        # Nothing is called saved that is not.
        assert (await phone.status())["pending"] == 1
    for page in (phone, laptop):
        await page.until("client.status.phase === 'live' && client.status.pending === 0", within=90)
    assert await laptop.rows("vehicles") == await phone.rows("vehicles")
