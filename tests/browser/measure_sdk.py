"""What the SDK costs with 10,000 vehicles in Chromium: `python -m pytest -s tests/browser/measure_sdk.py`.

Prints the rows of the table in the SDK's README. Not part of the suite: the figures mean something only on a
machine that does nothing else.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.conftest import NewDevice
from tests.browser.sdk_page import SdkPage
from tests.server_process import SyncServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]
VEHICLES = 10_000
EDITS = 5_000
SCHEMA = {"vehicles": "id, name, status"}

ADD = """
const rows = Array.from({ length: argument }, (_, number) => ({
  id: `bus-${number}`, name: `Bus ${number}`, plate: `CM ${number}`, group: 'north',
  driver: `Driver ${number % 300}`,
  status: 'active', icon: 'bus', color: '#1f7a5c', odometer_m: number * 1000, note: `Garage ${number % 7}`,
}))
const start = performance.now()
await db.vehicles.bulkAdd(rows)
return performance.now() - start
"""
FIRST_LOAD = """async ({ apiUrl, apiKey, schema, vehicles }) => {
  const start = performance.now()
  globalThis.client = new sdk.WebHostClient({ apiUrl, apiKey, databaseName: 'measured' })
  const connected = client.connect(schema)
  while (['closed', 'opening'].includes(client.status.phase)) await new Promise((done) => setTimeout(done, 1))
  const shown = await new Promise((done) => {
    const query = liveQuery(() => client.db.vehicles.count())
    const subscription = query.subscribe((count) => {
      if (count < vehicles) return
      done(performance.now() - start)
      subscription.unsubscribe()
    })
  })
  await connected
  return shown
}"""
RELOAD = """async ({ apiUrl, apiKey, schema }) => {
  const start = performance.now()
  globalThis.client = new sdk.WebHostClient({ apiUrl, apiKey, databaseName: 'measured' })
  const connected = client.connect(schema)
  while (['closed', 'opening'].includes(client.status.phase)) await new Promise((done) => setTimeout(done, 1))
  const shown = await new Promise((done) => {
    liveQuery(() => client.db.vehicles.orderBy('name').limit(50).toArray()).subscribe((rows) => {
      if (rows.length === 50) done(performance.now() - start)
    })
  })
  await connected
  return [shown, performance.now() - start]
}"""
EDIT = """
await db.transaction('rw', db.vehicles, async () => {
  for (let number = 0; number < argument; number++) {
    await db.vehicles.update(`bus-${number}`, { status: 'parked', driver: `Relief ${number}` })
  }
})
globalThis.steps = []
client.syncManager.subscribe(({ pending }) => steps.push([Math.round(performance.now()), pending]))
return client.status.pending
"""


def say(what: str, figure: str) -> None:
    sys.stdout.write(f"| {what} | {figure} |\n")


async def heap(page: Page) -> float:
    """MB of JavaScript heap after a collection."""
    debugger = await page.context.new_cdp_session(page)
    await debugger.send("HeapProfiler.collectGarbage")
    usage: dict[str, Any] = await debugger.send("Runtime.getHeapUsage")
    return float(usage["usedSize"]) / 1e6


async def test_ten_thousand_vehicles(device: NewDevice, own_server: SyncServer) -> None:
    key = await own_server.key_for("measured", "read", "write")
    arguments = {"apiUrl": own_server.url, "apiKey": key, "schema": SCHEMA, "vehicles": VEHICLES}
    writer = SdkPage(await (await device("writer")).open())
    await writer.connect(own_server.url, key, SCHEMA)
    say("`bulkAdd` of 10,000 rows of 9 fields", f"{await writer.run(ADD, VEHICLES) / 1000:.1f} s")
    await writer.when_durable(120)

    phone = await device("phone")
    page = await phone.open()
    say(
        "first load into an empty device, all rows there",
        f"{await page.evaluate(FIRST_LOAD, arguments) / 1000:.1f} s",
    )
    say("JavaScript heap of that tab after it", f"{await heap(page):.0f} MB")
    await page.reload()
    shown, live = await page.evaluate(RELOAD, arguments)
    say("reload: first 50 rows by `liveQuery` / live", f"{shown:.0f} ms / {live:.0f} ms")
    say("heap after a reload (leading tab)", f"{await heap(page):.0f} MB")
    follower = await phone.open()
    await follower.evaluate(RELOAD, arguments)
    say("heap of a following tab", f"{await heap(follower):.0f} MB")

    own_server.kill()
    await writer.until("!client.status.connected")
    await writer.run(EDIT, EDITS)
    await own_server.start()
    await writer.run("client.syncManager.retryNow()")
    await writer.when_durable(120)
    steps: list[list[int]] = await writer.run("return steps")
    falling = [pending for _, pending in steps]
    first = next(at for at, pending in steps if pending < max(falling))
    say(
        "5,000 edits made offline, from the first that is durable to the last",
        f"{(steps[-1][0] - first) / 1000:.1f} s",
    )
    say("`pending` on its way", " → ".join(map(str, dict.fromkeys(falling))))
