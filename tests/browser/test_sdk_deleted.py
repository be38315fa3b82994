"""Somebody clears the site's data while its tabs are open."""

from __future__ import annotations

from tests.browser import committed
from tests.browser.conftest import NewCable, NewDevice
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}
RECORD = "await client.positions.record({ vehicleId: 'bus-1', latitude: argument, longitude: 11.5 })"
TRY = """
  const told = (error) => error.inner?.code ?? error.code
  const fix = { vehicleId: 'bus-1', latitude: 1, longitude: 1 }
  return [
    await db.vehicles.add({ name: 'late' }).catch(told),
    await client.positions.record(fix).catch(told),
  ]
"""


async def test_every_tab_says_that_the_store_is_gone_and_the_next_page_is_another_device(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("cleared", "read", "write")
    phone, wire = await device("phone"), await cable(sync_server)
    tabs = [SdkPage(await phone.open()) for _ in range(2)]
    for tab in tabs:
        await tab.connect(wire.url, key, SCHEMA)
    first, second = tabs
    await first.run(RECORD, 48)
    await first.when_durable()
    await phone.go_offline()
    await wire.cut()
    await second.run("await db.vehicles.add({ name: 'never sent' })")
    await first.until("client.status.pending === 1")

    debugger = await phone.context.new_cdp_session(first.page)
    await debugger.send("Storage.clearDataForOrigin", {"origin": phone.origin, "storageTypes": "all"})
    for tab in tabs:
        await tab.until("client.status.blocked?.code === 'device-lost'")
        status = await tab.status()
        assert (status["phase"], status["pending"], status["leader"]) == ("blocked", 0, False), status
        assert [lost["pending"] for lost in await tab.run("return heard.lost")] == [1]
        assert await tab.run(TRY) == ["store_deleted", "store_deleted"]

    await wire.mend()
    await phone.go_online()
    await first.page.reload()
    await first.connect(wire.url, key, SCHEMA)
    await first.run(RECORD, 49)
    await first.when_durable()

    async def two_devices_each_with_one() -> None:
        rows = await committed.positions(sync_server.database_url, "cleared")
        assert sorted((row["latitude"], row["sequence"]) for row in rows) == [(48, 1), (49, 1)]
        assert len({row["device_id"] for row in rows}) == 2
        assert await committed.position_conflicts(sync_server.database_url, "cleared") == 0

    await eventually(two_devices_each_with_one)
    # The other tab stays as it is: it writes nothing to the new store under its old name.
    assert await second.run(TRY) == ["store_deleted", "store_deleted"]
