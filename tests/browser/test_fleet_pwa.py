"""The example app in Chromium, against a real server: what people do with it, alone and beside others."""

from __future__ import annotations

import json
import struct
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewDevice, OpenFleet
from tests.browser.fleet_app import ADD, APP, FleetPage
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.postgres import select
from tests.server_process import SyncServer

SCOPES = ("read", "write", "presence")
DESKTOP = {"width": 1280, "height": 800}


async def test_vehicles_are_added_edited_and_archived_for_all_and_in_sql(
    open_fleet: OpenFleet, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("pwa-work", *SCOPES)
    office = await open_fleet(sync_server, key, "office", viewport=DESKTOP)
    yard = await open_fleet(sync_server, key, "yard")
    await expect(office.page.get_by_role("heading", name="No vehicles yet")).to_be_visible()
    await office.show_map()

    await office.add("Van 7", Plate="ATX 7", Driver="Amara Okafor")
    await expect(yard.row("Van 7")).to_contain_text("ATX 7 · Amara Okafor")
    await yard.edit("Van 7", Driver="Jonas Lind", Status="In the workshop")
    await expect(office.row("Van 7")).to_contain_text("ATX 7 · Jonas Lind")
    await office.add("Bus 12")
    await office.archive("Bus 12")
    await expect(yard.rows).to_have_count(1)
    for fleet in (office, yard):
        await fleet.until_badge("Saved on the server")
        assert_quiet_and_at_home(fleet)

    async def are_in_sql() -> None:
        query = "select name, plate, driver, status, archived from vehicles order by name"
        rows = await select(sync_server.database_url, query)
        assert [tuple(row) for row in rows if row["name"] in ("Van 7", "Bus 12")] == [
            ("Bus 12", None, None, None, True),
            ("Van 7", "ATX 7", "Jonas Lind", "In the workshop", None),
        ]

    await eventually(are_in_sql)


async def test_what_drives_on_one_device_moves_on_another(
    open_fleet: OpenFleet, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("pwa-drive", *SCOPES)
    driver = await open_fleet(sync_server, key, "driver")
    moving_on: dict[str, Any] = {"viewport": DESKTOP, "reduced_motion": "no-preference"}  # it glides there
    office = await open_fleet(sync_server, key, "office", **moving_on)
    await driver.drive()
    moving = office.rows.filter(has_text="km/h")
    await expect(moving).not_to_have_count(0)
    await office.show_map()
    await moving.first.get_by_role("button").first.click()
    card = office.page.get_by_role("article")
    await expect(card).to_contain_text("In service")
    await expect(card).to_contain_text("km/h")
    assert_quiet_and_at_home(office)


async def test_people_see_who_edits_what(open_fleet: OpenFleet, sync_server: SyncServer) -> None:
    key = await sync_server.key_for("pwa-people", *SCOPES)
    office = await open_fleet(sync_server, key, "office", viewport=DESKTOP)
    yard = await open_fleet(sync_server, key, "yard")
    await office.add("Van 7")
    for fleet, name in ((office, "Ada Lind"), (yard, "Bo")):
        await fleet.page.get_by_role("button", name="You are").click()
        await fleet.page.get_by_label("Your name").fill(name)
        await fleet.page.keyboard.press("Escape")
    await expect(office.page.get_by_role("banner").get_by_role("img", name="Bo")).to_have_text("B")

    await yard.open("Van 7")
    await expect(office.row("Van 7").get_by_role("img", name="Bo")).to_be_visible()
    await office.open("Van 7")
    await expect(office.sheet).to_contain_text("Bo is editing this vehicle too")
    await expect(yard.sheet).to_contain_text("Ada Lind is editing this vehicle too")
    await yard.device.close()
    await expect(office.sheet).not_to_contain_text("editing this vehicle too")
    await expect(office.page.get_by_role("banner").get_by_role("img", name="Bo")).to_have_count(0)


async def test_who_may_only_read_is_offered_nothing_else(
    open_fleet: OpenFleet, sync_server: SyncServer
) -> None:
    writer = await open_fleet(sync_server, await sync_server.key_for("pwa-read", *SCOPES), "writer")
    reader = await open_fleet(sync_server, await sync_server.key_for("pwa-read", "read"), "reader")
    await writer.add("Van 7", Driver="Amara Okafor")
    await reader.open("Van 7")
    await expect(reader.sheet.get_by_role("textbox", name="Driver")).to_have_value("Amara Okafor")
    await expect(reader.sheet.get_by_role("textbox", name="Driver")).to_be_disabled()
    await expect(reader.sheet.get_by_role("button", name="Save")).to_have_count(0)
    await reader.close()
    await expect(reader.page.get_by_role("button", name=ADD)).to_have_count(0)
    await reader.badge.click()
    await expect(reader.page.get_by_text("You may only read")).to_be_visible()


async def test_an_edit_of_a_deleted_vehicle_waits_on_the_shelf_until_somebody_decides(
    open_fleet: OpenFleet, device: NewDevice, sync_server: SyncServer
) -> None:
    key = await sync_server.key_for("pwa-shelf", *SCOPES)
    fleet = await open_fleet(sync_server, key)
    await fleet.add("Van 7")
    await fleet.until_badge("Saved on the server")
    await fleet.device.go_offline()
    await fleet.until_badge("Offline")
    await fleet.edit("Van 7", Driver="Jonas Lind")
    await fleet.until_badge("Saved on this device")

    other = SdkPage(await (await device("other")).open())
    await other.connect(sync_server.url, key, {"vehicles": "++id, name"})
    await other.until("db.vehicles.count()")
    await other.run("await db.vehicles.clear(); await client.whenDurable({ timeout: 60000 })")
    await fleet.device.go_online()
    await fleet.until_badge("Not all was accepted")
    await fleet.badge.click()
    await expect(fleet.page.get_by_role("region", name="Not accepted")).to_contain_text("deleted by somebody")
    await fleet.page.get_by_role("button", name="Discard").click()
    await fleet.until_badge("Saved on the server")
    await expect(fleet.rows).to_have_count(0)


async def test_browsers_may_install_it(open_fleet: OpenFleet, sync_server: SyncServer) -> None:
    fleet = await open_fleet(sync_server, await sync_server.key_for("pwa-install", *SCOPES))
    await fleet.until_kept()
    debugger = await fleet.device.context.new_cdp_session(fleet.page)
    answer = await debugger.send("Page.getAppManifest")
    assert answer["errors"] == []
    manifest = json.loads(answer["data"])
    assert {"name", "short_name", "start_url", "display", "icons"} <= manifest.keys()
    assert manifest["display"] == "standalone"
    assert any(icon.get("purpose") == "maskable" for icon in manifest["icons"])
    for icon in manifest["icons"]:
        body = await (await fleet.page.request.get(fleet.device.origin + icon["src"])).body()
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", body[16:24])
            assert icon["sizes"] == f"{width}x{height}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_it(open_fleet: OpenFleet, sync_server: SyncServer, scheme: str) -> None:
    key = await sync_server.key_for(f"pwa-axe-{scheme}", *SCOPES)
    fleet = await open_fleet(sync_server, key, viewport=DESKTOP, color_scheme=scheme)
    await expect(fleet.page.get_by_role("heading", name="No vehicles yet")).to_be_visible()
    await assert_accessible(fleet, "empty")
    await fleet.drive()
    await fleet.show_map()
    await fleet.rows.first.get_by_role("button").first.click()
    await expect(fleet.page.get_by_role("article")).to_be_visible()
    await fleet.badge.click()
    await assert_accessible(fleet, "list, map and status")
    await fleet.page.keyboard.press("Escape")
    await fleet.page.get_by_role("button", name="You are").click()
    await assert_accessible(fleet, "menu")
    await fleet.page.keyboard.press("Escape")
    await fleet.page.get_by_role("button", name="Edit", exact=True).click()
    await expect(fleet.sheet).to_be_visible()
    await assert_accessible(fleet, "form")


async def assert_accessible(fleet: FleetPage, where: str) -> None:
    """Let axe look for violations of WCAG 2.2, A and AA."""
    axe = APP / "node_modules" / "axe-core" / "axe.min.js"
    await fleet.page.evaluate(axe.read_text() + ";undefined")
    await fleet.page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = await fleet.page.evaluate("(values) => axe.run({ runOnly: { type: 'tag', values } })", tags)
    violations = [
        f"{each['id']} ({each['impact']}): {node['html'][:120]}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
    assert found["passes"]
    assert not violations, "\n".join([where, *violations])


def assert_quiet_and_at_home(fleet: FleetPage) -> None:
    """Nothing in the console, and nobody asked but this machine."""
    assert [line for line in fleet.device.console if line.startswith("error")] == []
    asked = {
        urlsplit(url).hostname for url in fleet.device.requested if not url.startswith(("data:", "blob:"))
    }
    assert asked <= {"localhost", "127.0.0.1"}
