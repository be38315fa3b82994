"""The map of the fleet in a browser: drawn without asking anybody else, live, and chosen with the list."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.dashboard_site import Site, running_site
from tests.browser.desk import Desk, desk
from tests.browser.device import screenshot
from tests.postgres import clone_database, drop_database

README_PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "fleet.jpg"
"""What README.md shows; made anew with `PICTURES=readme`."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_site(url) as running:
        yield running
    await drop_database(url)


async def on_map(person: Desk) -> dict[str, Any]:
    """How many vehicles stand on the map, and which one is chosen."""
    await person.maps_drawn()
    found: dict[str, Any] = await person.page.evaluate(
        """async () => {
          const { gl } = document.getElementById('map').map
          const of = async (name) => (await gl.getSource(name).getData()).features
            .map((one) => one.properties)
          return { vehicles: await of('vehicles'), chosen: await of('chosen') }
        }"""
    )
    return found


async def test_every_vehicle_stands_on_the_map_and_is_chosen_in_both(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        await person.open("/fleet")
        await expect(person.page.locator("[data-live-state=live]")).to_be_visible()
        rows = person.page.locator("tr[data-row]")
        assert len((await on_map(person))["vehicles"]) == await rows.count() > 100
        if os.environ.get("PICTURES") == "readme":
            await person.page.screenshot(path=README_PICTURE, type="jpeg", quality=70, animations="disabled")
        await rows.nth(3).locator(".state").click()
        chosen = (await on_map(person))["chosen"]
        assert [one["id"] for one in chosen] == [await rows.nth(3).get_attribute("data-id")]
        await person.maps_drawn()
        await screenshot(person.page, "dashboard fleet chosen 1280 light")
        await person.page.keyboard.press("Escape")
        await expect(person.page.locator("tr.is-selected")).to_have_count(0)
        await person.page.keyboard.press("j")
        await person.page.keyboard.press("j")
        await expect(rows.nth(1)).to_have_class("is-selected")
        await expect(rows.nth(1).get_by_role("link")).to_be_focused()


async def test_states_are_counted_and_filtered(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        await person.open("/fleet")
        stopped = int(await person.page.locator("[data-count=stopped]").text_content() or 0)
        await person.page.locator(".chip-stopped").click()
        await expect(person.page.locator("tr[data-row]")).to_have_count(stopped)
        await person.page.get_by_label("Group").select_option("north")
        await person.page.wait_for_url("**group=north**")
        assert "state=stopped" in person.page.url
        await expect(person.page.locator("tr[data-row]").get_by_text("south")).to_have_count(0)


async def test_without_webgl_the_page_says_so_and_the_list_is_there(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        await person.open("/fleet")
        await expect(person.page.get_by_text("this browser has no WebGL")).to_be_visible()
        await expect(person.page.locator("[data-live-state=live]")).to_be_visible()
        assert await person.page.locator("tr[data-row]").count() > 100
