"""The page of one vehicle as people use it: ranges, replay, trips on the map, editing, files; at a desk and
on a phone, in light and dark, without an error in the console, a request elsewhere, or a barrier (axe).

Pictures go to the results folder, named `vehicle {what} {width} {scheme}.png`.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pycrdt import Doc, Map

from store.audit import SYSTEM
from tests.browser.dashboard_site import Site
from tests.browser.desk import Desk, desk
from tests.browser.looks import Look, opened
from tests.browser.vehicle_site import BUS, QUIET, TABLE, running_vehicles
from tests.eventually import eventually
from tests.postgres import clone_database, drop_database
from webhost_sync.fleet.row_editor import Editor
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, decode, encode

PAGE = f"/fleet/{BUS}"
SERVER_TIME = (
    "(({responseStart, requestStart}) => responseStart - requestStart)"
    "(performance.getEntriesByType('navigation')[0])"
)
MAP_FILES = ("maplibre", "base-map", "map-layers", "/map.")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_vehicles(url) as running:
        yield running
    await drop_database(url)


async def look(person: Desk, path: str = PAGE) -> Page:
    """Open a page, and wait until its map shows all of it."""
    await person.open(path)
    await person.maps_drawn()
    return person.page


async def marker(person: Desk) -> list[float]:
    [feature] = await person.on_map("chosen")
    place: list[float] = feature["geometry"]["coordinates"]
    return place


@opened
async def test_every_part_looks_right_and_has_no_barrier(site: Site, chromium: Browser, first: Look) -> None:
    async with desk(site, chromium, first) as person:
        await person.sign_in("admin")
        page = await look(person)
        await person.see("vehicle day", full_page=True)
        await page.locator(".segment-trip button").nth(1).click()
        await page.evaluate("scrollTo(0, 0)")
        await person.see("vehicle trip")
        await page.get_by_role("button", name="Edit").click()
        await person.see("vehicle edit")
        await look(person, f"/fleet/{QUIET}")
        await person.see("vehicle quiet")


async def test_the_page_is_small_and_says_how_long_it_took(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        sizes: list[int] = []
        person.page.on(
            "response",
            lambda answer: sizes.append(
                0
                if any(name in answer.url for name in MAP_FILES)
                else int(answer.headers.get("content-length", 0))
            ),
        )
        for path in (PAGE, f"{PAGE}?last=7d"):
            sizes.clear()
            await look(person, path)
            sys.stdout.write(
                f"{path}: {await person.page.evaluate(SERVER_TIME):.0f} ms, {sum(sizes)} bytes\n"
            )
            assert sum(sizes) < 300_000


async def test_ranges_are_named_or_typed(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        page = await look(person)
        day = await page.locator("[data-segment]").count()
        assert day > 10
        await page.get_by_role("link", name="7 days").click()
        await expect(page.locator("[data-segment]")).not_to_have_count(0)
        assert await page.locator("[data-segment]").count() >= day
        await expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
        start = await page.locator(".segment-trip time").nth(2).get_attribute("datetime")
        end = await page.locator(".segment-trip time").nth(3).get_attribute("datetime")
        assert start is not None
        assert end is not None
        await page.get_by_label("From").fill(start[:16])
        await page.get_by_label("to", exact=True).fill(end[:16])
        await page.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(f"{site.space}{PAGE}?from={_quoted(start)}&to={_quoted(end)}")
        assert await page.locator("[data-segment]").count() < 4
        await expect(page.get_by_label("From")).to_have_value(start[:16])
        await look(person, f"/fleet/{QUIET}")
        await expect(page.get_by_text("No fixes in this time")).to_be_visible()
        await page.get_by_role("link", name="the last day with any").click()
        await expect(page.locator(".segment-trip")).not_to_have_count(0)


def _quoted(time: str) -> str:
    return time[:16].replace(":", "%3A")


async def test_the_replay_moves_the_vehicle_by_slider_keyboard_and_itself(
    site: Site, chromium: Browser
) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        page = await look(person)
        slider, clock = page.get_by_role("slider", name="Time"), page.locator("[data-now] b")
        end = await marker(person)
        trip = page.locator(".segment-trip").nth(2)
        begins = float(await trip.get_attribute("data-from") or 0)
        await slider.fill(str(round(begins + 600)))
        await expect(trip).to_have_class("segment segment-trip is-now")
        assert await marker(person) != end
        assert "km/h" in (await slider.get_attribute("aria-valuetext") or "")
        await page.keyboard.press("[")
        await expect(clock).to_have_text(_clock(await trip.locator("time").first.get_attribute("datetime")))
        await page.keyboard.press("]")
        await expect(trip).not_to_have_class("segment segment-trip is-now")
        await page.keyboard.press(",")
        await expect(page.get_by_label("Speed of the replay")).to_have_value("30")
        await page.keyboard.press(".")
        before = await slider.input_value()
        await page.keyboard.press("p")
        await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        await eventually(lambda: _has_moved_on(slider, float(before) + 30))
        await page.keyboard.press("p")
        await expect(page.get_by_role("button", name="Play")).to_be_visible()
        await slider.focus()
        await page.keyboard.press("End")
        assert await marker(person) == end


def _clock(datetime: str | None) -> str:
    assert datetime is not None
    return datetime[11:19]


async def _has_moved_on(slider: Any, beyond: float) -> None:
    assert float(await slider.input_value()) > beyond


async def test_trips_and_stops_are_chosen_in_the_list_and_on_the_map(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, reduced_motion="no-preference") as person:
        await person.sign_in("viewer")
        page = await look(person)
        lines = await person.on_map("tracks")
        assert len({line["properties"]["color"] for line in lines}) > 2, "it isn't coloured by speed"
        assert {line["properties"]["opacity"] for line in lines} <= {1, 0.35}
        trip = page.locator(".segment-trip").nth(1)
        await trip.get_by_role("button").click()
        await expect(trip.get_by_role("button")).to_have_attribute("aria-pressed", "true")
        faint = [line for line in await person.on_map("tracks") if line["properties"]["opacity"] < 1]
        assert 0 < len(faint) < len(lines)
        assert await page.get_by_role("slider").input_value() == str(
            round(float(await trip.get_attribute("data-from") or 0))
        )
        await trip.get_by_role("button").click()
        assert all(line["properties"]["opacity"] != 0.2 for line in await person.on_map("tracks"))
        await page.keyboard.press("k")
        await page.keyboard.press("k")
        stop = page.locator(".segment-stop").nth(3)
        await stop.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await person.maps_drawn()
        dots = await person.on_map("dots")
        assert [dot["properties"]["radius"] for dot in dots].count(9) == 1
        await stop.get_by_role("button").click()
        await page.locator("#map").click()  # the stop is in its middle
        await expect(stop.get_by_role("button")).to_have_attribute("aria-pressed", "true")


async def test_an_edit_changes_what_was_edited_and_whoever_is_connected_sees_it(
    site: Site, chromium: Browser
) -> None:
    other: Doc[Any] = Doc(client_id=99)
    connection = await site.connect(site.key.text, TABLE)
    await connection.send(encode(SyncStep1(b"\0")))
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("admin")
        page = await look(person)
        await page.keyboard.press("n")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Driver").fill("Chidi A.")
        await dialog.get_by_label("Plate").fill("")
        await dialog.get_by_label("Attributes").fill("seats: 48\nnote: front door squeaks")
        somebody = Editor("key:somebody")  # who changes the status while the form is open
        changes = {"status": "workshop"}
        await site.app.services.admin.vehicles.edit(site.tenant.id, BUS, changes, somebody, deed=SYSTEM)
        await dialog.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status")).to_contain_text("Saved: driver, note, plate, seats")
        facts = page.get_by_role("region", name="About it")
        await expect(facts).to_contain_text("Chidi A.")
        await expect(facts).to_contain_text("front door squeaks")
        await expect(facts).to_contain_text("workshop")
        await eventually(lambda: _sees(connection, other, driver="Chidi A.", seats=48.0, status="workshop"))
        assert "plate" not in other.get("rows", type=Map)[BUS]
        await person.open(f"/documents/history/{TABLE}")
        await expect(page.locator(".activity").first).to_contain_text("admin@capmetro.example")
        await person.sign_in("owner")
        await person.open("/audit?action=vehicle")
        await expect(page.get_by_role("row").nth(1)).to_contain_text("vehicle.edit")


async def _sees(connection: Any, replica: Doc[Any], **fields: object) -> None:
    frame = await connection.recv()
    for message in decode(frame):
        if isinstance(message, SyncStep2 | SyncUpdate):
            replica.apply_update(message.update)
    rows = replica.get("rows", type=Map)
    assert BUS in rows
    assert {name: rows[BUS].get(name) for name in fields} == fields


async def test_a_viewer_edits_nothing_and_an_edit_says_what_is_wrong(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        page = await look(person)
        await expect(page.get_by_role("button", name="Edit")).to_have_count(0)
        await person.sign_in("admin")
        await look(person)
        await page.get_by_role("button", name="Edit").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Attributes").fill("no colon here")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("line 1")
        person.complaints = [line for line in person.complaints if "status of 400" not in line]


async def test_the_day_is_exported_in_every_form(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        page = await look(person)
        await page.get_by_text("Export").click()
        for words, suffix in (("As a table", "csv"), ("For maps", "gpx"), ("For GIS", "geojson")):
            async with page.expect_download() as downloading:
                await page.get_by_role("link", name=words).click()
            download = await downloading.value
            assert download.suggested_filename.startswith(BUS)
            assert download.suggested_filename.endswith(f".{suffix}")
            content = (await download.path()).read_text()
            if suffix == "csv":
                rows = list(csv.DictReader(content.splitlines()))
                assert len(rows) > 200
                assert {row["vehicle_id"] for row in rows} == {BUS}


async def test_without_webgl_the_list_and_the_replay_go_on(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        await person.open(PAGE)
        await expect(person.page.get_by_text("this browser has no WebGL")).to_be_visible()
        trip = person.page.locator(".segment-trip").nth(1)
        await trip.get_by_role("button").click()
        await expect(trip).to_have_class("segment segment-trip is-now")
