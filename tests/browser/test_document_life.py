"""The life of documents in Chromium: deleted, brought back, gone for good, released, erased; and the cursor
in the list. Pictures go to the results folder, named `documents {page} {width} {scheme}.png`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio
from playwright.async_api import Browser, expect

from store.audit import Deed
from tests.browser.desk import Desk, desk
from tests.browser.device import screenshot
from tests.browser.documents_site import BROKEN, EMPTY, SETTINGS, VEHICLES, Documents, running_documents
from tests.browser.looks import Look, opened
from tests.postgres import clone_database, drop_database
from tests.store.logs import execute
from webhost_sync.admin.lives import DocumentLives

ADA = Deed("user:ada@capmetro.example")
GONE = "notes/gone"
PAGES = {
    "life": f"/documents/life/{VEHICLES}",
    "life of a damaged one": f"/documents/life/{BROKEN}",
    "deleted": "/documents/deleted",
    "tombstones": "/documents/tombstones",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(template_url: str) -> AsyncIterator[Documents]:
    url = await clone_database(template_url)
    async with running_documents(url, with_post=False) as running:
        await execute(
            url,
            "update document_updates set payload = set_byte(payload, 3, 255) where seq in (2, 5)"
            " and document_id = (select id from documents where name = $1)",
            BROKEN,
        )
        yield running
    await drop_database(url)


def lives(site: Documents) -> DocumentLives:
    return site.app.services.admin.lives


async def leave_some(site: Documents) -> None:
    """One that is deleted, and one that is gone for good."""
    if not await lives(site).tombstones(site.tenant.id, ["*"], after=None, limit=1):
        await lives(site).create(site.tenant.id, GONE, by=ADA)
        await lives(site).delete(site.tenant.id, GONE, by=ADA, now=True)
        await lives(site).delete(site.tenant.id, EMPTY, by=ADA)


@asynccontextmanager
async def at_desk(
    site: Documents, chromium: Browser, path: str, *, role: str = "admin"
) -> AsyncIterator[Desk]:
    async with desk(site, chromium) as person:
        await person.sign_in(role)
        await person.open(path)
        yield person


@opened
async def test_every_page_of_a_life_looks_right_and_has_no_barrier(
    site: Documents, chromium: Browser, first: Look
) -> None:
    await leave_some(site)
    async with desk(site, chromium, first) as person:
        await person.sign_in()
        for name, path in PAGES.items():
            await person.open(path)
            await expect(person.page.locator("main h1")).to_be_visible()
            await person.see(f"documents {name}", full_page=True)
        await person.open(PAGES["life"])
        await person.page.get_by_role("button", name="Erase…").click()
        await person.see("documents erase")


async def test_a_document_is_deleted_and_brought_back(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, f"/documents/life/{SETTINGS}") as person:
        await person.page.get_by_role("button", name="Delete…").click()
        dialog = person.page.get_by_role("dialog", name="Delete this document?")
        await expect(dialog).to_contain_text("You can bring it back for 30 days")
        await screenshot(person.page, "documents delete 1280 light")
        await dialog.get_by_role("button", name="Delete", exact=True).click()
        await expect(person.page.locator("#toasts")).to_contain_text(f"{SETTINGS} is deleted")
        row = person.page.get_by_role("row").filter(has_text=SETTINGS)
        await expect(row).to_contain_text("30 days")
        await row.get_by_role("button", name="Bring back").press("Enter")
        await expect(person.page.get_by_role("heading", level=1, name=SETTINGS)).to_be_visible()
        await expect(person.page.locator("#toasts")).to_contain_text("exactly as it was")
        await person.page.get_by_role("link", name="Life", exact=True).click()
        await expect(person.page.get_by_role("region", name="What was done to it")).to_contain_text(
            "Brought back"
        )


async def test_what_goes_for_good_has_to_be_typed_and_can_be_made_anew(
    site: Documents, chromium: Browser
) -> None:
    name = "notes/to go"
    await lives(site).create(site.tenant.id, name, by=ADA)
    await lives(site).delete(site.tenant.id, name, by=ADA)
    async with at_desk(site, chromium, "/documents/deleted") as person:
        row = person.page.get_by_role("row").filter(has_text=name)
        await row.get_by_role("button", name="Delete for good").click()
        dialog = person.page.get_by_role("dialog", name="Delete it for good?")
        await dialog.get_by_label(f"Type {name} to confirm").fill("notes")
        await dialog.get_by_role("button", name="Delete for good").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("type the document's name")
        await screenshot(person.page, "documents typed 1280 light")
        person.complaints = [line for line in person.complaints if "status of 400" not in line]
        await dialog.get_by_label(f"Type {name} to confirm").fill(name)
        await person.page.keyboard.press("Enter")
        await expect(person.page.locator("#toasts")).to_contain_text("is gone for good")
        await person.page.get_by_role("link", name="Gone for good").click()
        row = person.page.get_by_role("row").filter(has_text=name)
        await row.get_by_role("button", name="Make anew").click()
        await person.page.get_by_role("button", name="Make it").click()
        await expect(person.page.get_by_role("heading", level=1, name=name)).to_be_visible()


async def test_a_damaged_document_is_let_out_and_what_is_damaged_is_kept(
    site: Documents, chromium: Browser
) -> None:
    async with at_desk(site, chromium, f"/documents/content/{BROKEN}") as person:
        await person.page.get_by_role("link", name="What is wrong…").click()
        await expect(
            person.page.get_by_role("table", name="Damaged parts").locator("tbody tr")
        ).to_have_count(2)
        await person.page.get_by_role("button", name="Release…").click()
        dialog = person.page.get_by_role("dialog", name="Release the document?")
        await expect(dialog.locator("li")).to_have_text(["update 2, 73 B", "update 5, 58 B"])
        await screenshot(person.page, "documents release 1280 light")
        await dialog.get_by_role("button", name="Release").click()
        await expect(person.page.locator("#toasts")).to_contain_text("2 damaged parts are kept aside")
        await expect(person.page.get_by_role("table", name="Parts that were put aside")).to_contain_text(
            "Update 5"
        )
        await screenshot(person.page, "documents released 1280 light")


async def test_a_past_is_erased_and_a_new_epoch_begun(site: Documents, chromium: Browser) -> None:
    name, log = VEHICLES, site.app.services.log
    before = await log.open(site.tenant.id, name, create=False)
    async with at_desk(site, chromium, f"/documents/life/{name}") as person:
        await person.page.get_by_role("button", name="New epoch…").click()
        await person.page.get_by_role("button", name="Begin it").click()
        await expect(person.page.locator("#toasts")).to_contain_text("another epoch")
        begun = await log.open(site.tenant.id, name, create=False)
        await person.page.get_by_role("button", name="Erase…").click()
        dialog = person.page.get_by_role("dialog", name="Erase the past of this document?")
        await dialog.get_by_label(f"Type {name} to confirm").fill(name)
        await dialog.get_by_role("button", name="Erase its past").click()
        await expect(person.page.locator("#toasts")).to_contain_text("has no past any more")
        erased = await log.open(site.tenant.id, name, create=False)
        assert len({before.epoch, begun.epoch, erased.epoch}) == 3
        await person.page.get_by_role("link", name="Content", exact=True).click()
        await expect(person.page.get_by_role("region", name="Root rows")).to_contain_text("bus-10103")


async def test_a_viewer_sees_no_life_and_no_deleted_documents(site: Documents, chromium: Browser) -> None:
    async with at_desk(site, chromium, "/documents", role="viewer") as person:
        await expect(person.page.get_by_role("navigation", name="Lists of documents")).to_have_count(0)
        await person.open(f"/documents/content/{SETTINGS}")
        await expect(person.page.get_by_role("link", name="Life")).to_have_count(0)


async def test_the_cursor_stays_on_its_row_when_a_later_answer_replaces_the_rows(
    site: Documents, chromium: Browser
) -> None:
    async with at_desk(site, chromium, "/documents", role="viewer") as person:
        await expect(person.page.locator("tbody tr")).not_to_have_count(1)
        await person.page.keyboard.press("/")
        await person.page.keyboard.type("vehic")
        await person.page.keyboard.press("Escape")
        for _ in await person.page.locator("tbody tr").all():
            await person.page.keyboard.press("j")  # before the answer: down to the last row
        await expect(person.page.locator("tbody tr")).to_have_count(1)
        await expect(person.page.locator("tbody tr.is-selected")).to_contain_text(VEHICLES)
        await person.page.keyboard.press("Enter")
        await expect(person.page.get_by_role("heading", level=1, name=VEHICLES)).to_be_visible()
