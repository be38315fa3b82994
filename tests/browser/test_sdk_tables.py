"""An app with the SDK in real browsers, against a real server on a real Postgres."""

from __future__ import annotations

from tests.browser.conftest import NewDevice
from tests.browser.sdk_page import SdkPage
from tests.postgres import select
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}


async def test_what_one_device_adds_is_on_the_other_and_in_sql(
    device: NewDevice, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("sdk-add", "read", "write")
    phone, laptop = [SdkPage(await (await device(name)).open()) for name in ("phone", "laptop")]
    status = await phone.connect(sync_server.url, key, SCHEMA)
    assert status["connected"], status
    await laptop.connect(sync_server.url, key, SCHEMA)
    vehicle = await phone.run("return db.vehicles.add({ name: 'Test Vehicle' })")
    await laptop.until("db.vehicles.where('name').equals('Test Vehicle').count()")
    await phone.when_durable()
    assert await laptop.rows("vehicles") == [{"id": vehicle, "name": "Test Vehicle"}]
    rows = await select(sync_server.database_url, "select 1 from document_updates")
    assert rows
