"""The pages of documents as people use them: reading, going through time by slider and keyboard, comparing,
keeping versions and going back, at a desk and on a phone, in light and in dark.

Pictures go to the results folder, named `documents {page} {width} {scheme}.png`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Response, expect

from store.audit import SYSTEM
from tests.browser.desk import Desk, desk
from tests.browser.device import screenshot
from tests.browser.documents_site import (
    BROKEN,
    EMPTY,
    POST,
    SETTINGS,
    VEHICLES,
    Documents,
    running_documents,
)
from tests.browser.looks import Look, opened
from tests.postgres import clone_database, drop_database
from tests.server.typists import typist
from tests.trace import blog_post
from webhost_sync.history.restoring import Author

PAGES = {
    "list": "/documents",
    "text": f"/documents/content/{quote(POST)}",
    "text by author": f"/documents/content/{quote(POST)}?authors=yes",
    "table": f"/documents/content/{VEHICLES}",
    "row": f"/documents/content/{VEHICLES}?at=20&path=/rows/bus-5017",
    "tree": f"/documents/content/{SETTINGS}",
    "damaged": f"/documents/content/{BROKEN}",
    "empty": f"/documents/content/{EMPTY}",
    "history": f"/documents/history/{quote(POST)}?at=9000",
    "history of a table": f"/documents/history/{VEHICLES}",
    "history filtered": f"/documents/history/{quote(POST)}?actor=user:eve@blog.example&device=phone",
    "history filtered to nothing": f"/documents/history/{VEHICLES}?actor=user:nobody@capmetro.example",
    "history of nothing": f"/documents/history/{EMPTY}",
    "compare texts": f"/documents/compare/{quote(POST)}?from=20000",
    "compare rows": f"/documents/compare/{VEHICLES}?from=10",
    "compare trees": f"/documents/compare/{SETTINGS}?from=4",
    "versions": f"/documents/versions/{VEHICLES}",
    "restore": f"/documents/restore/{VEHICLES}?at=20",
    "restore a row": f"/documents/restore/{VEHICLES}?at=20&path=/rows/bus-11101",
}
SERVER_TIME = (
    "(({responseStart, requestStart}) => responseStart - requestStart)"
    "(performance.getEntriesByType('navigation')[0])"
)
SLIDER_TIMES = (
    "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/content/'))"
    ".map(({responseStart, requestStart}) => responseStart - requestStart)"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Documents]:
    url = await clone_database(template_url)
    async with running_documents(url) as running:
        yield running
    await drop_database(url)


@asynccontextmanager
async def at_desk(
    site: Documents, chromium: Browser, path: str, *, role: str = "admin"
) -> AsyncIterator[Desk]:
    """Somebody of this role who looks at a page."""
    async with desk(site, chromium) as person:
        await person.sign_in(role)
        await person.open(path)
        yield person


def state(page: Page) -> Locator:
    return page.get_by_role("region", name="The document")


@opened
async def test_every_page_looks_right_and_has_no_barrier(
    site: Documents, chromium: Browser, first: Look
) -> None:
    async with desk(site, chromium, first) as person:
        await person.sign_in()
        for name, path in PAGES.items():
            await person.open(path)
            await expect(person.page.locator("main h1")).to_be_visible()
            await person.see(f"documents {name}")


async def test_pages_are_small_and_say_how_long_they_took(site: Documents, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        sizes: list[int] = []
        person.page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
        for path in (path for name, path in PAGES.items() if not name.startswith("restore")):
            sizes.clear()
            await person.open(path)
            sys.stdout.write(f"{path}: {await person.page.evaluate(SERVER_TIME):.0f} ms\n")
            assert sum(sizes) < 300_000, f"{path} has {sum(sizes)} bytes"


async def test_the_slider_goes_through_time(site: Documents, chromium: Browser) -> None:
    steps = blog_post()
    async with at_desk(site, chromium, PAGES["history"], role="viewer") as person:
        slider = person.page.get_by_role("slider", name="Update to look at")
        shown, heading = (
            state(person.page).locator(".prose"),
            state(person.page).get_by_role("heading", level=2),
        )
        for seq in (300, 15_000, 7_321):
            await slider.fill(str(seq))
            await expect(heading).to_contain_text(f"Update {_spaced(seq)}")
            assert await shown.text_content() == steps[seq - 1].text
        assert person.page.url.endswith("?at=7321")
        await slider.focus()
        await person.page.keyboard.press("ArrowRight")
        await expect(shown).to_have_text(steps[7321].text, use_inner_text=False)
        await person.page.keyboard.press("Home")
        await expect(state(person.page)).to_contain_text("Before the first update")
        await person.page.keyboard.press("End")
        await expect(heading).to_have_text("Now")
        times = await person.page.evaluate(SLIDER_TIMES)
        assert len(times) >= 5
        sys.stdout.write(f"the slider answered in at most {max(times):.0f} ms\n")


async def test_a_long_history_that_nobody_has_opened_is_there_at_once_and_fills_in(
    site: Documents, chromium: Browser
) -> None:
    async with site.app.services.database.owner_connection() as connection:
        await connection.execute("delete from document_snapshots")
        await connection.execute("update documents set snapshot_seq = 0")
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        async with person.page.expect_response(_fills_a_history_in) as answer:
            await person.open(PAGES["history"])
        assert (await answer.value).ok
        page = person.page
        await expect(state(page).get_by_role("heading", level=2)).to_contain_text(f"Update {_spaced(9000)}")
        assert await state(page).locator(".prose").text_content() == blog_post()[8999].text
        await expect(page.get_by_text("Opened for the first time")).to_have_count(0)
        await expect(page.locator(".activity").first).to_be_visible()
        await page.get_by_role("slider", name="Update to look at").fill("7321")
        await expect(state(page).locator(".prose")).to_have_text(blog_post()[7320].text, use_inner_text=False)
        assert await page.locator("main").count() == await page.locator("main h1").count() == 1


def _fills_a_history_in(answer: Response) -> bool:
    return "/documents/history/" in answer.url and answer.request.headers.get("hx-request") == "true"


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


async def test_the_keyboard_steps_through_time_and_plays_it(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, f"/documents/history/{VEHICLES}?at=30", role="viewer") as person:
        heading = state(person.page).get_by_role("heading", level=2)
        await person.page.keyboard.press("[")
        await expect(heading).to_contain_text("Update 29")
        await person.page.keyboard.press("]")
        await person.page.keyboard.press("]")
        await expect(heading).to_contain_text("Update 31")
        await person.page.keyboard.press("p")
        await expect(person.page.get_by_role("button", name="Stop")).to_be_visible()
        await expect(heading).to_have_text("Now")
        await expect(person.page.get_by_role("button", name="Play")).to_be_visible()
        await person.page.keyboard.press("/")
        await person.page.keyboard.type("12")
        await person.page.keyboard.press("Enter")
        await expect(heading).to_contain_text("Update 12")


async def test_who_wrote_a_value_is_told_on_hover_and_on_focus(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, PAGES["table"], role="viewer") as person:
        told = person.page.locator("[data-inspector]")
        await person.page.get_by_role("cell", name="Chidi A.").hover()
        await expect(told).to_contain_text("/rows/bus-11101/driver")
        await expect(told).to_contain_text("grace@capmetro.example on laptop")
        await screenshot(person.page, "documents inspector 1280 light")
        first = person.page.locator("[data-field]").first
        await first.focus()
        await expect(told).to_contain_text("key:whs_live_5d1f on dispatch-1")
        await person.page.keyboard.press("ArrowRight")
        await expect(told).to_contain_text("/name")
        await person.page.keyboard.press("ArrowDown")
        await person.page.keyboard.press("ArrowDown")
        await expect(told).to_contain_text("/rows/bus-10103/name")
        await expect(told).to_contain_text("ada@capmetro.example on tablet-3")
        await told.get_by_role("link", name="as of update").click()
        await expect(state(person.page).get_by_role("heading", level=2)).to_contain_text("of 44")


async def test_who_wrote_a_text_is_shown_when_asked(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, PAGES["text"], role="viewer") as person:
        await person.page.get_by_role("link", name="Show who wrote what").click()
        await expect(person.page.get_by_role("list", name="Writers").locator("li")).to_have_count(5)
        stretch = person.page.locator(".prose .by").first
        await stretch.hover()
        await expect(person.page.locator("[data-inspector]")).to_contain_text("@blog.example on")
        await stretch.focus()
        await person.page.keyboard.press("ArrowRight")
        assert await person.page.locator(".prose").text_content() == blog_post()[-1].text


async def test_a_version_is_kept_looked_at_and_compared(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, f"/documents/history/{SETTINGS}?at=4") as person:
        await person.page.get_by_role("button", name="Keep as version").click()
        dialog = person.page.get_by_role("dialog", name="Keep a version")
        await expect(dialog.get_by_label("Of update")).to_have_value("4")
        await person.see("documents keep")
        await dialog.get_by_label("Name").fill("before the gate")
        await person.page.keyboard.press("Enter")
        await expect(person.page.locator("#toasts")).to_contain_text("“before the gate” is kept")
        row = person.page.get_by_role("row").filter(has_text="before the gate")
        await screenshot(person.page, "documents kept 1280 light")
        await row.get_by_role("link", name="Compare").click()
        await expect(person.page.locator("#difference ins")).to_have_text("badly ")
        await person.page.go_back()
        await row.get_by_role("link", name="Look").click()
        await expect(state(person.page).get_by_role("heading", level=2)).to_contain_text("Update 4 of 7")


@opened
async def test_a_version_is_deleted_after_a_question(site: Documents, chromium: Browser, first: Look) -> None:
    name = f"before the winter timetable, {first}"
    services = site.app.services
    record = await services.archive.document(site.tenant.id, VEHICLES)
    await services.admin.changes.keep(
        record, Author("user:ada@capmetro.example"), name=name, seq=9, deed=SYSTEM
    )
    async with desk(site, chromium, first) as person:
        await person.sign_in()
        await person.open(PAGES["versions"])
        await person.see("documents versions with one")
        await person.page.get_by_role("button", name=f"Delete… {name}").click()
        dialog = person.page.get_by_role("dialog", name="Delete this version?")
        await expect(dialog).to_contain_text(name)
        await person.see("documents delete version")
        await person.page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        assert name in {each.name for each in await services.archive.versions(record, before=None, limit=9)}
        await person.page.get_by_role("button", name=f"Delete… {name}").click()
        await dialog.get_by_role("button", name="Delete").click()
        await expect(person.page.locator("#toasts")).to_contain_text(name)
        assert name not in {
            each.name for each in await services.archive.versions(record, before=None, limit=9)
        }


async def test_one_field_is_brought_back_after_a_preview(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, f"/documents/content/{VEHICLES}?at=20") as person:
        head = await site.head(VEHICLES)
        cell = person.page.get_by_role("row").filter(has_text="bus-10103").get_by_role("cell").first
        await cell.click()
        await person.page.locator("[data-inspector]").get_by_role("link", name="Restore this").click()
        await expect(person.page.get_by_role("heading", name="/rows/bus-10103/name to")).to_be_visible()
        await expect(person.page.locator(".was")).to_contain_text("Bus 10006, wheelchair lift")
        await expect(person.page.locator(".is")).to_contain_text("Bus 10103")
        assert await site.head(VEHICLES) == head
        await person.page.get_by_role("button", name="Restore").press("Enter")
        await expect(person.page.locator("#toasts")).to_contain_text("/rows/bus-10103/name is what it was")
        await screenshot(person.page, "documents restored 1280 light")
        assert await site.head(VEHICLES) == head + 1
        await expect(person.page.locator(".timeline .activity").first).to_contain_text("restoring")
        await person.open(f"/documents/content/{VEHICLES}?path=/rows/bus-10103")
        await expect(state(person.page)).to_contain_text("Bus 10103")
        await expect(state(person.page)).to_contain_text("cleaning")


async def test_a_text_is_brought_back_while_somebody_types(site: Documents, chromium: Browser) -> None:
    seq, app = 12_000, site.app
    token = app.token(site.key, "read", "write", subject="typist")
    async with (
        typist(app, token, quote(POST), client_id=31, letter="①") as client,
        at_desk(site, chromium, f"/documents/restore/{quote(POST)}?at={seq}") as person,
    ):
        await expect(person.page.locator(".promises")).to_contain_text("1 client sees it at once")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(person.page.get_by_role("button", name="Restore").click())
            for _ in range(20):
                await client.type()
        await expect(person.page.locator("#toasts")).to_contain_text("The document is what it was")
        await person.open(f"/documents/content/{quote(POST)}")
        shown = person.page.locator(".prose")
        await expect(shown).to_have_text(client.text, use_inner_text=False)
        assert client.text.replace("①", "") == blog_post()[seq - 1].text
        await person.open(f"/documents/versions/{quote(POST)}")
        safety = person.page.get_by_role("row").filter(has_text="before restoring")
        await safety.get_by_role("link", name="Restore").click()
        await expect(person.page.get_by_role("heading", name="Bring the whole document back")).to_be_visible()


async def test_a_viewer_looks_and_is_offered_nothing_to_change(site: Documents, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        await person.sign_in("viewer")
        for name, path in PAGES.items():
            if name.startswith("restore"):
                continue
            await person.open(path)
            await expect(person.page.locator("main form[method=post]")).to_have_count(0)
            await expect(person.page.locator("main a[href*='/documents/restore/']")).to_have_count(0)
            await expect(person.page.get_by_role("button", name="Keep")).to_have_count(0)
        answer = await person.page.goto(site.space + PAGES["restore"])
        assert answer is not None
        assert answer.status == 403
        person.complaints = [line for line in person.complaints if "status of 403" not in line]


async def test_the_list_is_searched_and_leads_on_by_keyboard(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, "/documents", role="viewer") as person:
        await person.page.keyboard.press("/")
        await person.page.keyboard.type("vehic")
        await expect(person.page.locator("tbody tr")).to_have_count(1)
        await person.page.locator("tbody a").first.press("Enter")
        await expect(person.page.get_by_role("heading", level=1, name=VEHICLES)).to_be_visible()
        await person.open("/documents")
        await person.page.get_by_label("State").select_option("quarantined")
        await expect(person.page.locator("tbody tr")).to_have_count(1)
        await expect(person.page.locator("tbody")).to_contain_text(BROKEN)


async def test_a_document_is_downloaded(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, PAGES["tree"], role="viewer") as person:
        for link, ending in (("As JSON", "json"), ("As one Yjs update", "yjs")):
            await person.page.get_by_text("Download").click()
            async with person.page.expect_download() as waiting:
                await person.page.get_by_role("link", name=link).click()
            assert (await waiting.value).suggested_filename == f"settings_depot.7.{ending}"
            await person.page.keyboard.press("Escape")
