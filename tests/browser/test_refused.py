"""The pages of what was refused, in a browser: from the fleet to the kind, to the thing, to its place in the
document; at a desk and on a phone, in light and in dark."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio
from playwright.async_api import Browser, expect

from store.audit import SYSTEM
from store.contract import NewUpdate
from store.users import MemberRole, Users
from tests.app import running_app
from tests.browser.dashboard_site import Site
from tests.browser.desk import desk
from tests.browser.looks import Look, opened
from tests.fleet import Writer, fix, open_fleet, track_name
from tests.postgres import clone_database, drop_database

VEHICLES = "tables/vehicles"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_app(url) as app, open_fleet(url) as fleet, AsyncExitStack() as stack:
        tenant = await app.tenant("capmetro")
        await Users(app.services.database).create(
            "viewer@capmetro.example",
            "Alan Turing",
            None,
            slug=tenant.slug,
            role=MemberRole("viewer"),
            deed=SYSTEM,
        )
        table, device = Writer(1), Writer(2)
        rows = [table.row(f"bus-{number}", {"odometer_m": f"{number} km"}) for number in range(60)]
        rows.append(table.row("depot/north gate", {"name": 5.0, "note": "a\0b", "installed_at": "yesterday"}))
        rows.append(table.row("k" * 300, {"name": "a key that is too long"}))
        chunks = [device.chunk(fix(1), fix(2, latitude=95.5)), device.raw_chunk(b"\x09\x01\x02" * 20)]
        for name, updates in ((VEHICLES, rows), (track_name(), chunks)):
            record = await app.services.log.open(tenant.id, name, create=True)
            new = [NewUpdate(update, "key:import", "", (1,)) for update in updates]
            await app.services.log.append(tenant.id, record.id, new, epoch=record.epoch)
        await fleet.projector.catch_up()
        yield Site(app, tenant, await app.key(tenant, "read"), stack)
    await drop_database(url)


@opened
async def test_from_the_fleet_to_the_place_in_the_document(
    site: Site, chromium: Browser, first: Look
) -> None:
    async with desk(site, chromium, first) as person:
        page = person.page
        await person.sign_in("viewer")
        await person.open("/fleet")
        await page.get_by_role("link", name="66 refused").click()
        await expect(page.get_by_role("heading", name="Refused", exact=True)).to_be_visible()
        await person.see("dashboard refused")

        await page.get_by_role("link", name="60 refused: odometer_m of tables/vehicles").click()
        await expect(page.get_by_role("heading", name="Refused: odometer_m")).to_be_visible()
        await expect(page.get_by_text("Write the field as a number").first).to_be_visible()
        await person.see("dashboard refused all")

        await page.get_by_role("link", name="rows / bus-7 / odometer_m").click()
        await expect(page.get_by_text("7 km", exact=False).first).to_be_visible()
        await expect(page.get_by_text("things here have no place in the tables")).to_be_visible()
        await person.see("dashboard refused document")


async def test_the_list_is_searched_narrowed_and_walked_by_keyboard(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        page = person.page
        await person.sign_in("viewer")
        await person.open("/fleet/-/refused")
        await page.keyboard.press("/")
        await page.keyboard.type("beyond 90")
        await expect(page.locator("tr[data-row]")).to_have_count(1)
        await expect(page.get_by_text("This fix stays in its chunk")).to_be_visible()
        await person.open("/fleet/-/refused")
        await page.get_by_label("What was refused").select_option("whole chunk of positions")
        await expect(page.locator("tr[data-row]")).to_have_count(1)
        await page.wait_for_url("**place=chunks*")
        await person.open("/fleet/-/refused")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await expect(page.locator("tr[data-row]").nth(1)).to_have_class("is-selected")


async def test_what_has_no_address_leads_to_its_document(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        page = person.page
        await person.sign_in("viewer")
        for place in ("sequences/*", "rows/*"):
            await person.open(f"/fleet/-/refused/all?place={place}")
            link = page.locator("tr[data-row] td[data-label=Where] a")
            await link.first.click()
            await expect(page.get_by_role("heading", name="Now")).to_be_visible()
            assert "path=" not in page.url
        await person.open("/fleet/-/refused/all?place=rows/*/name")
        await page.get_by_role("link", name="rows / depot/north gate / name").click()
        await expect(page.get_by_label("Where this lies")).to_contain_text("depot/north gate")
