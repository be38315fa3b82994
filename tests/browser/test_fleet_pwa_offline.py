"""The example app without a network, with a bad server, and without rights: it goes on working, and its badge
says the truth about where the work is."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import OpenFleet
from tests.browser.fleet_app import FleetPage
from tests.eventually import eventually
from tests.postgres import select
from tests.server_process import SyncServer

SCOPES = ("read", "write", "presence")


async def test_without_network_it_starts_with_its_data_and_sends_edits_later(
    open_fleet: OpenFleet, own_server: SyncServer, app_hosts: ExitStack
) -> None:
    key = await own_server.key_for("pwa", *SCOPES)
    phone = await open_fleet(own_server, key)
    await phone.drive()
    await phone.park()
    await phone.until_kept()
    await phone.until_badge("Saved on the server")
    await eventually(lambda: latest_positions_are_kept(phone))

    await phone.device.go_offline()
    own_server.kill()
    app_hosts.close()
    await phone.page.reload()
    await expect(phone.rows).to_have_count(16)
    await expect(phone.rows.filter(has_text="no position yet")).to_have_count(0)
    await phone.until_badge("Offline")
    await phone.show_map()
    await phone.page.get_by_role("button", name="Vehicles").click()
    await phone.add("Van 7", Driver="Amara Okafor")
    await phone.edit("Bus 2052", Driver="Jonas Lind")
    await phone.until_badge("Saved on this device", "2 changes")

    await phone.page.close()
    phone = FleetPage(phone.device, await phone.device.open())
    await expect(phone.row("Van 7")).to_be_visible()
    await expect(phone.row("Bus 2052")).to_contain_text("Jonas Lind")
    await phone.until_badge("Saved on this device", "2 changes")

    await own_server.start()
    await phone.device.go_online()
    await phone.until_badge("Saved on the server")
    office = await open_fleet(own_server, key, "office")
    await expect(office.row("Van 7")).to_contain_text("Amara Okafor")
    await expect(office.row("Bus 2052")).to_contain_text("Jonas Lind")


async def test_the_badge_never_claims_more_than_is_true(
    open_fleet: OpenFleet, own_server: SyncServer, tmp_path: Path
) -> None:
    fleet = await open_fleet(own_server, await own_server.key_for("pwa", *SCOPES))
    await fleet.add("Van 7")
    await fleet.until_badge("Saved on the server")
    assert await drivers_in_the_log(own_server)

    os.kill(own_server.pid, signal.SIGSTOP)
    await fleet.edit("Van 7", Driver="Amara Okafor")
    await fleet.until_badge("Sending", "1 change")
    os.kill(own_server.pid, signal.SIGCONT)
    await fleet.until_badge("Saved on the server")

    own_server.kill()
    await fleet.until_badge("Offline")
    await fleet.edit("Van 7", Driver="Jonas Lind")
    await fleet.until_badge("Saved on this device", "1 change")
    await fleet.badge.click()
    async with fleet.page.expect_download() as download:
        await fleet.page.get_by_role("button", name="Keep a copy").click()
    copy = tmp_path / "copy.json"
    await (await download.value).save_as(copy)
    assert "Jonas Lind" in copy.read_text()
    await own_server.start()
    await fleet.page.get_by_role("button", name="Try now").click()
    await fleet.until_badge("Saved on the server")


async def test_a_revoked_key_is_said_and_loses_nothing(open_fleet: OpenFleet, own_server: SyncServer) -> None:
    key = await own_server.key_for("pwa", *SCOPES)
    fleet = await open_fleet(own_server, key)
    await fleet.add("Van 7")
    await fleet.until_badge("Saved on the server")
    await own_server.revoke(key)
    own_server.kill()
    await own_server.start()
    await fleet.until_badge("Not signed in")
    await fleet.add("Van 8")
    await fleet.until_badge("Not signed in", "1 change")
    await fleet.badge.click()
    await expect(fleet.page.get_by_text("1 change is safe on this device")).to_be_visible()
    # What the server says to developers is in the console, and not before people's eyes.
    await expect(fleet.page.get_by_text("API key")).to_have_count(0)
    assert any("auth: " in line and "API key" in line for line in fleet.device.console)


async def test_data_that_was_cleared_under_the_app_is_said_and_a_reload_begins_anew(
    open_fleet: OpenFleet, sync_server: SyncServer
) -> None:
    fleet = await open_fleet(sync_server, await sync_server.key_for("pwa-cleared", *SCOPES))
    await fleet.add("Van 7")
    await fleet.until_badge("Saved on the server")
    debugger = await fleet.device.context.new_cdp_session(fleet.page)
    stored = {"origin": fleet.device.origin, "storageTypes": "indexeddb,local_storage"}
    await debugger.send("Storage.clearDataForOrigin", stored)
    await fleet.until_badge("Data was lost")
    await fleet.badge.click()
    await fleet.page.get_by_role("button", name="Reload").click()
    await fleet.until_badge("Saved on the server")
    await expect(fleet.row("Van 7")).to_be_visible()


async def test_a_new_device_without_a_connection_does_not_claim_an_empty_fleet(
    open_fleet: OpenFleet, own_server: SyncServer
) -> None:
    key = await own_server.key_for("pwa", *SCOPES)
    own_server.kill()
    fleet = await open_fleet(own_server, key)
    await expect(fleet.page.get_by_text("Nothing is on this device yet")).to_be_visible()
    await own_server.start()
    await expect(fleet.page.get_by_role("heading", name="No vehicles yet")).to_be_visible()


async def test_a_network_that_says_nothing_does_not_keep_the_app_from_starting(
    open_fleet: OpenFleet, own_server: SyncServer
) -> None:
    fleet = await open_fleet(own_server, await own_server.key_for("pwa", *SCOPES))
    await fleet.add("Van 7")
    await fleet.until_badge("Saved on the server")
    await fleet.until_kept()
    os.kill(own_server.pid, signal.SIGSTOP)
    await fleet.page.reload()
    await expect(fleet.row("Van 7")).to_be_visible()
    await fleet.until_badge("Connecting")
    os.kill(own_server.pid, signal.SIGCONT)
    await fleet.until_badge("Saved on the server")


async def test_a_new_version_waits_until_somebody_wants_it(
    open_fleet: OpenFleet, sync_server: SyncServer, tmp_path: Path
) -> None:
    fleet = await open_fleet(sync_server, await sync_server.key_for("pwa-update", *SCOPES))
    await fleet.until_kept()
    worker = tmp_path / "app phone" / "service-worker.js"
    worker.write_text(worker.read_text().replace("`fleet-$", "`fleet-next-$"))
    page = tmp_path / "app phone" / "index.html"
    page.write_text(page.read_text().replace("<title>Fleet", "<title>Fleet 2"))
    await fleet.page.evaluate("async () => { await (await navigator.serviceWorker.ready).update() }")
    await expect(fleet.page.get_by_text("A new version is ready")).to_be_visible()
    await expect(fleet.page).to_have_title("Fleet")
    await fleet.page.reload()
    await expect(fleet.page).to_have_title("Fleet")
    await fleet.page.get_by_role("button", name="Reload").click()
    await expect(fleet.page).to_have_title("Fleet 2")


LATEST = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.databases().then(([{ name }]) => {
    const request = indexedDB.open(name)
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const db = request.result
      const found = db.transaction('$state').objectStore('$state').get('latest')
      found.onsuccess = () => { db.close(); resolve(found.result?.v.length ?? 0) }
    }
  })
  opening.catch(reject)
})"""


async def latest_positions_are_kept(fleet: FleetPage) -> None:
    """Nothing on the screen tells it, and only what is kept can be shown without a network."""
    assert await fleet.page.evaluate(LATEST) == 16


async def drivers_in_the_log(server: SyncServer) -> int:
    return len(await select(server.database_url, "select 1 from document_updates"))
