"""Positions recorded without a network arrive once each, and others see them live."""

from __future__ import annotations

from typing import Any

from tests.browser import committed
from tests.browser.conftest import NewCable, NewDevice
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name"}
FIXES = 500
RECORD = """
  const { first, count } = argument
  for (let i = first; i < first + count; i++) {
    await client.positions.record({
      vehicleId: 'bus-1', at: Date.now() - 3600e3 + i * 1000, latitude: 48 + i / 1e4, longitude: 11.5,
      speedMps: i / 10, headingDeg: i % 360,
    })
  }
"""
FOLLOW = "client.positions.followLatest((positions) => { globalThis.latest = positions.get('bus-1') })"
RANGE = """
  const found = await client.positions.range('bus-1', new Date(Date.now() - 7200e3), new Date())
  return found.map(({ latitude }) => Math.round((latitude - 48) * 1e4))
"""


async def assert_recorded(server: SyncServer, tenant: str, numbers: range) -> None:
    """SQL has each of these fixes once, nothing else, and no conflict."""
    rows = await committed.positions(server.database_url, tenant)
    assert [round((row["latitude"] - 48) * 1e4) for row in rows] == list(numbers)
    assert [row["sequence"] for row in rows] == list(range(1, len(numbers) + 1))
    assert await committed.position_conflicts(server.database_url, tenant) == 0


async def test_five_hundred_fixes_recorded_offline_are_five_hundred_rows(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("fixes", "read", "write")
    truck, office, wire = await device("truck"), await device("office"), await cable(sync_server)
    recorder, viewer = SdkPage(await truck.open()), SdkPage(await office.open())
    await recorder.connect(wire.url, key, SCHEMA)
    await viewer.connect(sync_server.url, key, SCHEMA)
    await viewer.run(FOLLOW)
    await truck.go_offline()
    await wire.cut()
    await recorder.run(RECORD, {"first": 0, "count": FIXES})
    await recorder.until("client.status.pending === argument", argument=FIXES)
    assert await recorder.run(RANGE) == list(range(FIXES))

    await wire.mend()
    await truck.go_online()
    await recorder.when_durable()
    await eventually(lambda: assert_recorded(sync_server, "fixes", range(FIXES)), within=90)
    # The other device has seen them come, and sees the next one live.
    newest = "globalThis.latest && Math.round((latest.latitude - 48) * 1e4) === argument"
    await viewer.until(newest, argument=FIXES - 1)
    await recorder.run(RECORD, {"first": FIXES, "count": 1})
    await viewer.until(newest, argument=FIXES)
    assert await viewer.run(RANGE) == list(range(FIXES + 1))
    assert await recorder.run(RANGE) == list(range(FIXES + 1))
    shown: dict[str, Any] = await viewer.run("return latest")
    assert (shown["speedMps"], shown["headingDeg"]) == (FIXES / 10, FIXES % 360)


async def test_a_tab_killed_while_its_fixes_are_sent_loses_and_doubles_none(
    device: NewDevice, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("killed-fixes", "read", "write")
    truck, part = await device("truck"), FIXES // 5
    for first in range(0, FIXES, part):
        page = SdkPage(await truck.open())
        await page.connect(sync_server.url, key, SCHEMA)
        await page.run(RECORD, {"first": first, "count": part})
        await truck.crash(page.page)
        await page.page.close()
    last = SdkPage(await truck.open())
    await last.connect(sync_server.url, key, SCHEMA)
    await last.when_durable()
    await eventually(lambda: assert_recorded(sync_server, "killed-fixes", range(FIXES)), within=90)
