"""Who is here: between devices and between tabs, through a lost connection, and gone with the tab."""

from __future__ import annotations

from tests.browser.conftest import NewCable, NewDevice
from tests.browser.sdk_page import SdkPage
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}
JOIN = """
  globalThis.room = client.presence('dispatch')
  room.set({ name: argument })
"""
NAMES = "room.others.map(({ state }) => state.name).sort().join()"


async def joined(page: SdkPage, url: str, key: str, name: str) -> SdkPage:
    await page.connect(url, key, SCHEMA)
    await page.run(JOIN, name)
    return page


async def sees(page: SdkPage, *names: str, within: float = 10) -> None:
    await page.until(f"{NAMES} === argument", argument=",".join(sorted(names)), within=within)


async def test_tabs_and_devices_see_each_other_and_who_leaves_is_gone(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("presence", "read", "write", "presence")
    phone, laptop, wire = await device("phone"), await device("laptop"), await cable(sync_server)
    ann, bob = [await joined(SdkPage(await phone.open()), wire.url, key, name) for name in ("Ann", "Bob")]
    eve = await joined(SdkPage(await laptop.open()), sync_server.url, key, "Eve")
    await sees(ann, "Bob", "Eve")
    await sees(bob, "Ann", "Eve")
    await sees(eve, "Ann", "Bob")

    await bob.run("room.set({ name: 'Bob, typing' })")
    for page in (ann, eve):
        await page.until("room.others.some(({ state }) => state.name === 'Bob, typing')")

    # A connection that is lost and found shows the same people again, at once.
    await wire.cut()
    for page in (ann, bob, eve):
        await sees(page)
    await wire.mend()
    await ann.run("client.syncManager.retryNow()")
    await ann.until("client.status.phase === 'live'")
    await sees(ann, "Bob, typing", "Eve")
    await sees(bob, "Ann", "Eve")
    await sees(eve, "Ann", "Bob, typing")

    await bob.run("room.leave()")
    await sees(eve, "Ann")
    await ann.page.close()
    await sees(eve)
