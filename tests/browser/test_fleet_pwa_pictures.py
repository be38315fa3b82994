"""The example app in pictures, on a desktop and a phone, light and dark: what lies in the results folder then
is for people to look at; what a machine can see (nothing runs out of the window) is checked here."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import PHONE, OpenFleet
from tests.browser.device import screenshot
from tests.browser.fleet_app import FleetPage
from tests.server_process import SyncServer

SCOPES = ("read", "write", "presence")
WINDOWS = {"desktop": {"width": 1280, "height": 800}, "phone": PHONE}
LOOKS = [("desktop", "light"), ("phone", "dark")]
if os.environ.get("PICTURES") == "all":
    LOOKS += [("desktop", "dark"), ("phone", "light")]

# Elements that are wider than what they are in, but for those made to be scrolled or cut with an ellipsis.
CUT_OFF = """() => [...document.querySelectorAll('button, h1, h2, p, dt, dd, label, strong, span')]
  .filter((one) => one.checkVisibility() && !one.closest('.filters, .row, .hidden'))
  .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1)
  .filter((one) => getComputedStyle(one).textOverflow !== 'ellipsis')
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("window", "scheme"), LOOKS)
async def test_it_looks_right(
    open_fleet: OpenFleet, own_server: SyncServer, window: str, scheme: str
) -> None:
    key = await own_server.key_for("pwa", *SCOPES)
    options: dict[str, Any] = {"viewport": WINDOWS[window], "color_scheme": scheme}
    fleet = await open_fleet(own_server, key, window, **options)

    async def picture(what: str) -> None:
        await fleet.page.evaluate("() => document.activeElement.blur()")
        await screenshot(fleet.page, f"fleet-pwa {window} {scheme} {what}")
        width = await fleet.page.evaluate("document.documentElement.scrollWidth")
        assert width == WINDOWS[window]["width"], what
        assert await fleet.page.evaluate(CUT_OFF) == [], what

    await expect(fleet.page.get_by_role("heading", name="No vehicles yet")).to_be_visible()
    await fleet.until_badge("Saved on the server")
    await picture("1 empty")
    colleague = await open_fleet(own_server, key, "colleague")
    await colleague.drive()
    await colleague.open("Bus 2216")
    await expect(fleet.row("Bus 2216").locator(".editors")).to_be_visible()
    await expect(fleet.rows.filter(has_text="km/h").nth(9)).to_be_visible()
    await fleet.until_badge("Saved on the server")
    await picture("2 fleet")
    await fleet.show_map()
    await picture("3 map")
    await back_to_the_list(fleet)
    if window == "desktop":
        await fleet.row("Bus 2216").get_by_role("button").first.click()
        await expect(fleet.page.get_by_role("article")).to_be_visible()
    await fleet.open("Bus 2216")
    await expect(fleet.sheet).to_contain_text("is editing this vehicle too")
    await picture("4 form")
    await fleet.close()
    await fleet.page.get_by_role("button", name="You are").click()
    await picture("5 menu")
    await fleet.page.keyboard.press("Escape")

    own_server.kill()
    await fleet.until_badge("Offline")
    await fleet.edit("Bus 2052", Driver="Jonas Lind")
    await fleet.add("Van 7", Plate="ATX 7")
    await fleet.badge.click()
    await fleet.until_badge("Saved on this device")
    await picture("6 offline")
    await own_server.revoke(key)
    await own_server.start()
    await fleet.until_badge("Not signed in")
    await picture("7 blocked")


async def back_to_the_list(fleet: FleetPage) -> None:
    tab = fleet.page.get_by_role("button", name="Vehicles")
    if await tab.is_visible():
        await tab.click()
