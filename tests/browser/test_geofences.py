"""The pages of geofences as people use them: drawing by pointer and by keyboard, editing, removing, and who
was there of a real day of buses; at a desk and on a phone, in light and dark, without an error in the
console, a request elsewhere, or a barrier (axe).

Pictures go to the results folder, named `geofences {what} {width} {scheme}.png`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from store.audit import SYSTEM
from tests.browser.dashboard_site import Site
from tests.browser.desk import desk
from tests.browser.geofences_site import (
    DOWNTOWN,
    add,
    click_on_map,
    is_there,
    look,
    names_on_map,
    running_geofences,
    served,
)
from tests.browser.looks import Look, opened
from tests.eventually import eventually
from tests.postgres import clone_database, drop_database
from webhost_sync.fleet.row_editor import Editor

MAP_FILES = ("maplibre", "base-map", "map-layers", "/map.")
SERVER_TIME = (
    "(({responseStart, requestStart}) => responseStart - requestStart)"
    "(performance.getEntriesByType('navigation')[0])"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_geofences(url) as running:
        yield running
    await drop_database(url)


@opened
async def test_every_part_looks_right_and_has_no_barrier(site: Site, chromium: Browser, first: Look) -> None:
    async with desk(site, chromium, first) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences")
        await person.see("geofences list")
        await look(person, "/geofences?draw=circle")
        await click_on_map(person, 0.5, 0.5)
        await page.mouse.move(200, 300)
        await person.see("geofences circle")
        await page.get_by_role("radio", name="Polygon").check()
        for across, down in ((0.3, 0.3), (0.6, 0.35), (0.55, 0.7)):
            await click_on_map(person, across, down)
        await person.see("geofences polygon")
        await look(person, "/geofences/downtown")
        await person.see("geofences fence")
        await page.get_by_role("button", name="Remove").click()
        await person.see("geofences remove")
        await look(person, "/geofences/campus?edit=yes")
        await person.see("geofences edit")
        await look(person, "/fleet")
        await expect(page.locator("[data-live-state=live]")).to_be_visible()
        await person.see("geofences fleet")


async def test_the_pages_are_small_and_say_how_long_they_took(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("admin")
        sent: list[int] = []
        person.page.on(
            "response",
            lambda answer: sent.append(
                0
                if any(name in answer.url for name in MAP_FILES)
                else int(answer.headers.get("content-length", 0))
            ),
        )
        for path in ("/geofences", "/geofences?draw=circle", "/geofences/downtown", "/fleet"):
            sent.clear()
            await look(person, path)
            took = await person.page.evaluate(SERVER_TIME)
            sys.stdout.write(f"{path}: {took:.0f} ms, {sum(sent)} bytes\n")
            assert sum(sent) < 300_000


async def test_a_circle_is_two_clicks_and_finds_who_was_there(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences")
        await page.keyboard.press("n")
        await expect(page.get_by_text("Click its centre on the map.")).to_be_visible()
        await person.maps_drawn()
        await click_on_map(person, 0.4, 0.4)
        await expect(page.get_by_text("Click where its edge shall be.")).to_be_visible()
        await click_on_map(person, 0.5, 0.4)
        await expect(page.get_by_text("A radius of")).to_be_visible()
        await expect(page.get_by_role("button", name="Draw it anew")).to_be_visible()
        latitude = float(await page.get_by_label("Latitude").input_value())
        assert 30.2 < latitude < 30.4
        radius = float(await page.get_by_label("Radius").input_value())
        assert radius > 100
        [draft] = [one for one in await person.on_map("shapes") if one["properties"]["selected"]]
        assert len(draft["geometry"]["coordinates"][0]) == 65
        await page.get_by_label("Name").fill("Wide <area> & all")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast")).to_contain_text("The geofence is")
        await is_there(person, "Wide <area> & all")

        async def has_events() -> None:
            assert (await served(person, path)).count("data-event=") > 1

        path = page.url.removeprefix(site.space)
        await eventually(has_events, within=90)
        await page.reload()
        await expect(page.get_by_role("term").filter(has_text="Radius")).to_be_visible()
        first = page.locator("tr[data-event]").first
        await first.get_by_role("link").click()
        await expect(page.locator(".crumbs")).to_have_text("Fleet")
        await expect(page.get_by_role("region", name="Geofences")).to_contain_text("Wide <area> & all")
        await person.sign_in("owner")
        await person.open("/audit?action=geofence")
        await expect(page.get_by_role("row").nth(1)).to_contain_text("geofence.create")
        await expect(page.get_by_role("row").nth(1)).to_contain_text("user:admin@capmetro.example")


async def test_a_polygon_is_clicked_corner_by_corner_and_closed_by_the_first(
    site: Site, chromium: Browser
) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences?draw=polygon")
        undo, finish = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Finish")
        await expect(undo).to_be_disabled()
        for across, down in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6), (0.9, 0.9)):
            await click_on_map(person, across, down)
        corners = page.get_by_label("Corners")
        assert len((await corners.input_value()).splitlines()) == 4
        await undo.click()
        assert len((await corners.input_value()).splitlines()) == 3
        await expect(finish).to_be_enabled()
        [draft] = [one for one in await person.on_map("shapes") if one["properties"]["selected"]]
        assert draft["geometry"]["type"] == "LineString"
        await click_on_map(person, 0.3, 0.3)
        await expect(finish).to_be_disabled()
        [draft] = [one for one in await person.on_map("shapes") if one["properties"]["selected"]]
        assert draft["geometry"]["type"] == "Polygon"
        await page.get_by_label("Name").fill("Triangle")
        await page.get_by_role("button", name="Save").click()
        await is_there(person, "Triangle")
        await expect(page.get_by_role("definition").nth(1)).to_have_text("3")


async def test_a_fence_is_typed_without_a_pointer(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences?draw=circle")
        await expect(page.get_by_label("Name")).to_be_focused()
        await page.keyboard.type("Typed")
        await page.get_by_label("Latitude").focus()
        for text in ("30.3", "-97.7"):
            await page.keyboard.type(text)
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # the radius is missing
        await expect(page.get_by_role("alert")).to_contain_text("needs its centre and its radius")
        await page.get_by_label("Radius").focus()
        await page.keyboard.type("250")
        assert "Typed" in await names_on_map(person)
        await page.keyboard.press("Enter")
        await is_there(person, "Typed")
        person.complaints = [line for line in person.complaints if "status of 400" not in line]


async def test_corners_are_typed_and_a_wrong_line_is_named(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences?draw=polygon")
        await page.get_by_label("Corners").focus()
        await page.keyboard.type("30.1, -97.1\nnorth of it")
        await page.get_by_role("button", name="Save").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("line 2")
        await page.get_by_label("Name").fill("Typed corners")
        await page.get_by_label("Corners").fill("30.1, -97.1\n30.1 -97.2\n30.2;-97.1")
        await page.get_by_role("button", name="Save").focus()
        await page.keyboard.press("Enter")
        await is_there(person, "Typed corners")
        await expect(page.get_by_role("definition").nth(1)).to_have_text("3")
        person.complaints = [line for line in person.complaints if "status of 400" not in line]


async def test_an_edit_takes_nothing_back_and_a_removal_asks_first(site: Site, chromium: Browser) -> None:
    await add(site, "yard", {**DOWNTOWN, "name": "Yard", "note": "gate 3"})
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("admin")
        page = await look(person, "/geofences/yard")
        await page.get_by_role("link", name="Edit").click()
        await expect(page.get_by_label("Radius")).to_have_value("900")
        somebody, desk_ = Editor("key:somebody"), site.app.services.admin.geofences
        await desk_.edit(site.tenant.id, "yard", {"note": "gate 4"}, somebody, deed=SYSTEM)
        await page.get_by_label("Name").fill("Old yard")
        await page.get_by_label("Radius").fill("50")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast")).to_contain_text("Saved.")
        await is_there(person, "Old yard")
        facts = page.get_by_role("region", name="About it")
        await expect(facts).to_contain_text("gate 4")
        await expect(facts).to_contain_text("50 m")
        await page.get_by_role("button", name="Remove").click()
        dialog = page.get_by_role("dialog", name="Remove Old yard?")
        await dialog.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("heading", level=1, name="Old yard")).to_be_visible()
        await page.get_by_role("button", name="Remove").click()
        await dialog.get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("heading", level=1, name="Geofences")).to_be_visible()

        async def is_gone() -> None:
            assert "Old yard</a>" not in await served(person, "/geofences")

        await eventually(is_gone, within=90)
        await person.open("/geofences/yard")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here")
        person.complaints = [line for line in person.complaints if "status of 404" not in line]


async def test_a_viewer_sees_fences_and_is_offered_nothing_to_change(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        page = person.page
        for path in ("/geofences?draw=circle", "/geofences/downtown?edit=yes"):
            await look(person, path)
            await expect(page.locator("main form[method=post], main .page-actions *")).to_have_count(0)
            assert "Downtown" in await names_on_map(person)


async def test_rows_are_chosen_in_the_list_and_on_the_map(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        page = await look(person, "/geofences")
        row = page.locator("tr[data-id=campus]")
        await expect(row).to_contain_text("Polygon, 2.24 km²")
        await row.locator(".fence-inside").click()
        await expect(row).to_have_class("is-selected")
        [chosen] = [one for one in await person.on_map("shapes") if one["properties"]["selected"]]
        assert chosen["properties"]["id"] == "campus"
        await page.keyboard.press("Escape")
        await expect(row).not_to_have_class("is-selected")
        await page.locator("#map").click()  # it is in the middle since it was chosen
        await expect(row).to_have_class("is-selected")


async def test_events_are_paged_and_lead_to_vehicles(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        page = await look(person, "/geofences/downtown?limit=3")
        rows = page.locator("tr[data-event]")
        await expect(rows).to_have_count(3)
        last = await rows.nth(2).locator("time").get_attribute("datetime")
        assert len(await person.on_map("dots")) == 3
        await page.get_by_role("link", name="Next page").click()
        await expect(page.get_by_role("link", name="Next page")).to_be_visible()
        first = await rows.first.locator("time").get_attribute("datetime")
        assert first is not None
        assert last is not None
        assert first <= last
        name = await rows.first.get_by_role("link").text_content()
        await rows.first.get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(str(name))
        fences = page.get_by_role("region", name="Geofences")
        await fences.get_by_role("link", name="Downtown").first.click()
        await expect(page.get_by_role("heading", level=1, name="Downtown")).to_be_visible()


async def test_the_fleet_shows_fences_and_who_is_inside(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        page = await look(person, "/geofences")
        inside = await page.locator("tr[data-id=downtown] strong").text_content()
        assert int(inside or 0) > 0
        await look(person, "/fleet")
        assert {"Campus", "Downtown"} <= set(await names_on_map(person))
        await page.get_by_label("Geofence").select_option("downtown")
        await expect(page.locator("tr[data-row]")).to_have_count(int(inside or 0))
        await page.wait_for_url("**geofence=downtown**")
        assert {one["properties"]["id"] for one in await person.on_map("shapes") if
                one["properties"]["selected"]} == {"downtown"}  # fmt: skip
        await page.get_by_role("link", name="Geofences").click()
        await expect(page.get_by_role("heading", level=1, name="Geofences")).to_be_visible()


async def test_the_positions_of_all_vehicles_are_a_file(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        page = await look(person, "/fleet")
        await page.get_by_text("Export").click()
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="As a table").click()
        download = await downloading.value
        assert download.suggested_filename.startswith("positions_")
        lines = (await download.path()).read_text().splitlines()
        assert len({line.split(",")[0] for line in lines[1:]}) > 100


async def test_without_webgl_the_list_and_the_form_go_on(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("admin")
        await person.open("/geofences")
        await expect(person.page.get_by_text("this browser has no WebGL")).to_be_visible()
        await expect(person.page.get_by_role("link", name="Downtown")).to_be_visible()
        await person.open("/geofences?draw=circle")
        await expect(person.page.locator("[data-drawn=false]")).to_be_attached()
        await expect(person.page.get_by_role("button", name="Draw on the map")).to_have_count(0)
        for label, text in (("Name", "No map"), ("Latitude", "1"), ("Longitude", "2"), ("Radius", "3")):
            await person.page.get_by_label(label).fill(text)
        await person.page.get_by_role("button", name="Save").click()
        await is_there(person, "No map")
