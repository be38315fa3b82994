"""A dashboard with geofences to look at, through which the day of 183 buses has been followed, and what
people do on its pages: open one, click on its map, come back to it after saving.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Any

from playwright.async_api import Page, expect

from store.audit import SYSTEM
from tests.browser.dashboard_site import Site
from tests.browser.desk import Desk
from tests.browser.vehicle_site import running_vehicles
from tests.eventually import eventually
from webhost_sync.fleet.row_editor import Editor

TOWN = {"latitude": 30.2672, "longitude": -97.7431}
DOWNTOWN = {"kind": "circle", "name": "Downtown", "center": TOWN, "radius_m": 900.0, "color": "#2a6"}
CAMPUS = {
    "kind": "polygon",
    "name": "Campus",
    "note": "quiet after ten",
    "points": [
        {"latitude": latitude, "longitude": longitude}
        for latitude, longitude in (
            (30.278, -97.742),
            (30.278, -97.727),
            (30.292, -97.727),
            (30.292, -97.742),
        )
    ],
}


@asynccontextmanager
async def running_geofences(database_url: str) -> AsyncIterator[Site]:
    async with running_vehicles(database_url) as running:
        for fence_id, fields in (("downtown", DOWNTOWN), ("campus", CAMPUS)):
            await add(running, fence_id, fields)
        await eventually(lambda: nobody_is_to_be_followed(running), within=120)
        yield running


async def add(site: Site, fence_id: str, fields: dict[str, Any]) -> None:
    services, somebody = site.app.services.admin, Editor("key:import")
    added = await services.geofences.add(site.tenant.id, fence_id, fields, somebody, deed=SYSTEM)
    await services.following.until(site.tenant.id, "tables/geofences", added.seq)


async def nobody_is_to_be_followed(site: Site) -> None:
    """The events of all vehicles are made."""
    async with site.app.services.database.owner() as connection:
        left = await connection.exec_driver_sql("select count(*) from geofence_moves")
        assert left.scalar_one() == 0


async def look(person: Desk, path: str) -> Page:
    """Open a page, and wait until its map shows all of it."""
    await person.open(path)
    await expect(person.page.locator("[data-drawn]")).to_be_attached(timeout=60_000)
    await person.maps_drawn()
    return person.page


async def served(person: Desk, path: str) -> str:
    """What the server says this page is now. Costs no drawing, unlike opening it."""
    answer = await person.page.request.get(person.site.space + path)
    return await answer.text()


async def is_there(person: Desk, name: str) -> None:
    """Come to the fence's own page after saving; the rows that pages show may be a moment behind."""
    page = person.page
    await page.wait_for_url(lambda address: "?" not in address)

    async def listed() -> None:
        assert f">{escape(name)}</a>" in await served(person, "/geofences")

    await eventually(listed, within=120)
    heading = page.get_by_role("heading", level=1, name=name, exact=True)
    if not await heading.is_visible():
        await person.open("/geofences")
        await page.get_by_role("link", name=name, exact=True).click()
    await expect(heading).to_be_visible()


async def names_on_map(person: Desk) -> list[str]:
    return sorted(feature["properties"]["name"] for feature in await person.on_map("shapes"))


async def click_on_map(person: Desk, across: float, down: float) -> None:
    """Click at these parts of the map's width and height."""
    box = await person.page.locator("#map").bounding_box()
    assert box is not None
    await person.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
