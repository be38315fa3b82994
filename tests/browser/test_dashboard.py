"""The dashboard as people use it: every page at a desk and on a phone, in light and in dark, by pointer and
by keyboard; without an error in the console, a request elsewhere, or a serious barrier (axe).

Pictures of every page go to the results folder, named `dashboard {page} {width} {scheme}.png`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, Response, expect
from websockets.exceptions import ConnectionClosed

from tests.browser.dashboard_site import Site, running_site
from tests.browser.desk import desk
from tests.browser.device import screenshot
from tests.browser.looks import PHONE, Look, opened
from tests.eventually import eventually
from tests.postgres import clone_database, drop_database

PAGES = {
    "overview": "/overview", "fleet": "/fleet", "geofences": "/geofences", "documents": "/documents",
    "keys": "/keys", "playground": "/keys/playground", "connections": "/connections", "members": "/members",
    "audit": "/audit", "settings": "/settings", "webhooks": "/settings/webhooks",
    "account": "/dashboard/account",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Site]:
    url = await clone_database(template_url)
    async with running_site(url) as running:
        yield running
    await drop_database(url)


@opened
async def test_every_page_looks_right_and_has_no_barrier(site: Site, chromium: Browser, first: Look) -> None:
    async with desk(site, chromium, first) as person:
        await person.open("/dashboard/sign-in")
        await person.see("dashboard sign-in")
        await person.sign_in()
        for name, path in PAGES.items():
            await person.open(path)
            if name in ("overview", "connections", "fleet"):
                await expect(person.page.locator("[data-live-state=live]")).to_be_visible()
            await person.see(f"dashboard {name}")


@opened
async def test_dialogs_look_right_and_have_no_barrier(site: Site, chromium: Browser, first: Look) -> None:
    async with desk(site, chromium, first) as person:
        await person.sign_in("admin")
        for name, path, opener in (
            ("new key", "/keys", "[data-new]"),
            ("revoke", "/keys", "button[data-opens^=revoke]"),
            ("invite", "/members", "[data-new]"),
            ("new webhook", "/settings/webhooks", "[data-new]"),
        ):
            await person.open(path)
            await person.page.locator(opener).first.click()
            await expect(person.page.locator("dialog[open]")).to_be_visible()
            await person.see(f"dashboard {name}")


async def test_pages_are_small_and_say_how_long_they_took(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in()
        sizes: list[int] = []

        def note(answer: Response) -> None:
            if not any(part in answer.url for part in ("/maplibre-gl", "/base-map.")):
                sizes.append(int(answer.headers.get("content-length", 0)))

        person.page.on("response", note)
        for path in PAGES.values():
            sizes.clear()
            await person.open(path)
            timing = await person.page.evaluate(
                "(({responseStart, requestStart}) => responseStart - requestStart)"
                "(performance.getEntriesByType('navigation')[0])"
            )
            sys.stdout.write(f"{path}: {timing:.0f} ms\n")
            assert sum(sizes) < 300_000, f"{path} has {sum(sizes)} bytes"


async def test_a_key_is_made_shown_once_and_copied(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, permissions=["clipboard-read", "clipboard-write"]) as person:
        await person.sign_in("admin")
        await person.open("/keys")
        await person.page.keyboard.press("n")
        dialog = person.page.locator("dialog[open]")
        await dialog.get_by_label("Name").fill("truck 7")
        await dialog.get_by_role("button", name="Make the key").click()
        shown = await dialog.locator(".once code").text_content()
        assert shown is not None
        assert shown.startswith("whs_live_")
        await dialog.get_by_role("button", name="Copy the key").click()
        await expect(person.page.get_by_text("Copied")).to_be_visible()
        assert await person.page.evaluate("navigator.clipboard.readText()") == shown
        await dialog.get_by_role("link", name="I have it").click()
        await expect(person.page.get_by_role("cell", name="truck 7 whs_live_")).to_be_visible()
        assert shown not in await person.page.content()
        await (await site.connect(shown, "notes/truck")).close()


async def test_a_form_says_what_is_wrong_with_it(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("admin")
        await person.open("/keys")
        await person.page.keyboard.press("n")
        dialog = person.page.locator("dialog[open]")
        await dialog.get_by_label("read", exact=False).first.uncheck()
        await dialog.get_by_role("button", name="Make the key").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("only with read")
        await expect(dialog.get_by_label("Name")).to_be_visible()
        # The browser itself notes every answer of 400 in its console.
        person.complaints = [line for line in person.complaints if "status of 400" not in line]


async def test_a_revoked_key_ends_its_connection(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        key = await site.app.key(site.tenant, "read", "write")
        connection = await site.connect(key.text, "notes/doomed")
        await person.sign_in("admin")
        await person.open("/keys")
        row = person.page.get_by_role("row").filter(has_text=key.record.prefix)
        await row.get_by_role("button", name="Revoke").click()
        await person.page.locator("dialog[open]").get_by_role("button", name="Revoke for ever").click()
        await expect(person.page.get_by_role("status")).to_contain_text("is revoked")
        await _until_closed(connection)
        assert connection.close_code == 4401


async def _until_closed(connection: Any) -> None:
    async with asyncio.timeout(60):
        try:
            while True:
                await connection.recv()
        except ConnectionClosed:
            pass


async def test_a_token_of_the_playground_lets_a_client_in(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("admin")
        await person.open("/keys/playground")
        await person.page.get_by_label("Made from the key").select_option(value=str(site.key.record.id))
        await person.page.get_by_role("button", name="Make a token").click()
        result = person.page.locator("#token")
        for name in ("y-websocket", "SDK", "curl"):
            await expect(result.get_by_role("heading", name=name)).to_be_visible()
        await screenshot(person.page, "dashboard token 1280 light", full_page=True)
        token = await result.locator("code").nth(1).text_content()
        assert token is not None
        await (await site.connect(token, "notes/play")).close()


async def test_the_overview_is_live_and_says_so(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        tile = person.page.locator(".tile", has_text="Connections").locator(".tile-value")
        before = int(await tile.text_content() or 0)
        connection = await site.connect(site.key.text, "notes/live")
        await expect(tile).to_have_text(str(before + 1))
        await connection.close()
        await expect(tile).to_have_text(str(before))


async def test_a_connection_is_sent_away_and_the_list_follows(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        connection = await site.connect(site.key.text, "notes/kicked")
        await person.sign_in("admin")
        await person.open("/connections")
        await person.page.get_by_role("button", name="notes/kicked").click()
        await _until_closed(connection)
        assert connection.close_code == 1013
        await expect(person.page.get_by_text("notes/kicked")).to_have_count(0)


async def test_searching_needs_no_button(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in("viewer")
        await person.open("/fleet")
        await person.page.keyboard.press("/")
        await person.page.keyboard.type("10101")
        await expect(person.page.locator("tbody tr")).to_have_count(1)
        await expect(person.page.get_by_role("cell", name="Bus 10101")).to_be_visible()
        await person.page.keyboard.type("0")
        await expect(person.page.get_by_text("Nothing found")).to_be_visible()
        await person.page.keyboard.press("Backspace")
        await expect(person.page.get_by_role("cell", name="Bus 10101")).to_be_visible()
        assert "q=10101" in person.page.url
        await person.page.reload()
        await expect(person.page.locator("tbody tr")).to_have_count(1)


async def test_everything_is_reached_by_keyboard(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, webgl=False) as person:
        await person.sign_in()
        for key, title in (("f", "Fleet"), ("d", "Documents"), ("k", "Keys"), ("c", "Connections"),
                           ("m", "Members"), ("a", "Audit"), ("o", "Overview")):  # fmt: skip
            await person.page.keyboard.press("g")
            await person.page.keyboard.press(key)
            await expect(person.page.get_by_role("heading", level=1, name=title)).to_be_visible()
            await person.page.wait_for_load_state()  # before that nothing listens to keys
        await person.page.keyboard.press("?")
        await expect(person.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        await screenshot(person.page, "dashboard shortcuts 1280 light")
        await person.page.keyboard.press("Escape")
        await person.page.keyboard.press("g")
        await person.page.keyboard.press("s")
        await person.page.wait_for_url("**/dashboard/capmetro/test/overview")
        await screenshot(person.page, "dashboard test space 1280 light")


async def test_on_a_phone_the_last_place_of_the_bar_has_the_rest(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, PHONE, webgl=False) as person:
        await person.sign_in("admin")
        bar = person.page.get_by_role("navigation", name="Sections")
        await expect(bar.get_by_role("link", name="Settings")).to_be_hidden()
        await bar.get_by_text("More").click()
        await person.see("dashboard more")
        await bar.get_by_role("link", name="Settings").click()
        await expect(person.page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
        await expect(bar.locator("summary.is-current")).to_have_text("More")


async def test_the_chosen_theme_stays(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, color_scheme="light") as person:
        await person.sign_in("viewer")
        background = "getComputedStyle(document.documentElement).backgroundColor"
        light = await person.page.evaluate(background)
        await person.page.keyboard.press("t")
        dark = await person.page.evaluate(background)
        await person.open("/fleet")
        assert light != dark == await person.page.evaluate(background)


async def test_a_viewer_is_offered_nothing_to_change(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        for path in ("/keys", "/connections"):
            await person.open(path)
            await expect(person.page.locator("main button, main form[method=post]")).to_have_count(0)
        await expect(person.page.get_by_role("link", name="Audit")).to_have_count(0)


async def test_signing_out_is_felt_in_every_tab(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        other = await person.page.context.new_page()
        await other.goto(f"{site.space}/keys")
        await other.locator(".menu-user summary").click()
        await other.get_by_role("button", name="Sign out").click()
        await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()

        async def asked_to_sign_in() -> bool:
            return urlsplit(person.page.url).path == "/dashboard/sign-in"

        await eventually(asked_to_sign_in)
