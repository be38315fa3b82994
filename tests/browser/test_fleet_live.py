"""An open page of the fleet while a vehicle drives on: map and list follow by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.browser.dashboard_site import Site
from tests.browser.desk import Desk, desk
from tests.browser.vehicle_site import BUS, QUIET, running_vehicles
from tests.eventually import eventually
from tests.fleet import Writer, track_name
from tests.postgres import clone_database, drop_database
from webhost_sync.fleet.chunk import Fix
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.sync.protocol import SyncUpdate, encode

PLACE = (30.4321, -97.6543)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_vehicles(url) as running:
        yield running
    await drop_database(url)


async def drive_on(site: Site, vehicle: str, place: tuple[float, float]) -> None:
    """The vehicle's second device sends where it is now, at 36 km/h."""
    now = datetime.now(UTC)
    latitude, longitude = place
    point = Fix(1, milliseconds_from_time(now), latitude=latitude, longitude=longitude, speed_mps=10.0)
    connection = await site.connect(site.key.text, track_name(vehicle, "new-box", now))
    await connection.send(encode(SyncUpdate(Writer(1).chunk(point))))


async def marker(person: Desk, vehicle: str) -> tuple[list[float], str] | None:
    """Where it stands on the map, chosen so that it is in no cluster; and its state."""
    found: list[dict[str, Any]] = await person.page.evaluate(
        "async () => (await document.getElementById('map').map.gl.getSource('chosen').getData()).features"
    )
    for feature in found:
        if feature["properties"]["id"] == vehicle:
            return feature["geometry"]["coordinates"], feature["properties"]["state"]
    return None


async def test_a_new_position_moves_the_marker_and_changes_the_list(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        await person.open("/fleet")
        await expect(person.page.locator("[data-live-state=live]")).to_be_visible()
        for vehicle in (BUS, QUIET):  # one that drove some minutes ago, one that was silent for weeks
            row = person.page.locator(f"tr[data-id={vehicle}]")
            await row.locator(".state").click()
            await person.maps_drawn()
            before = await marker(person, vehicle)
            assert before is not None
            assert before[0] != [PLACE[1], PLACE[0]]

            await drive_on(site, vehicle, PLACE)

            await expect(row.locator("[data-word]")).to_have_text("36 km/h", timeout=60_000)
            await expect(row).to_have_attribute("data-state", "moving")
            await eventually(partial(stands_at, person, vehicle))
            await eventually(lambda: counts_are_right(person))


async def stands_at(person: Desk, vehicle: str) -> None:
    found = await marker(person, vehicle)
    assert found is not None
    (longitude, latitude), state = found
    assert (round(longitude, 6), round(latitude, 6), state) == (PLACE[1], PLACE[0], "moving")


async def counts_are_right(person: Desk) -> None:
    counted = await person.page.locator("[data-count=moving]").text_content()
    assert int(counted or 0) == await person.page.locator("tr[data-state=moving]").count() > 0
