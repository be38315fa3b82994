"""The pages of webhooks in a browser: made, its secret copied, what was given up sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from store.audit import SYSTEM
from tests.browser.dashboard_site import Site, running_site
from tests.browser.desk import desk
from tests.browser.looks import Look, opened
from tests.postgres import clone_database, drop_database, select
from webhost_sync.webhooks.kinds import EventKind


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(template_url: str) -> AsyncIterator[str]:
    url = await clone_database(template_url)
    yield url
    await drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(database: str) -> AsyncIterator[Site]:
    """With a webhook that works, of which one message was given up, and one that was switched off."""
    async with running_site(database) as running:
        webhooks, tenant = running.app.services.admin.webhooks, running.tenant
        for url, description in (
            ("https://dispatch.example/hooks/sync", "dispatch"),
            ("https://old.example/" + "a-long-path/" * 8, "the old system"),
        ):
            kinds = [EventKind.DOCUMENT_CHANGED, EventKind.ROW_REJECTED, EventKind.GEOFENCE_ENTERED]
            await webhooks.create(tenant.id, url=url, kinds=kinds, description=description, deed=SYSTEM)
        await select(
            database,
            # None is called: a test asks nobody else.
            "update webhook_endpoints set enabled = false, disabled_reason ="
            " case when description = 'the old system' then 'answered 410' end",
        )
        await select(
            database,
            "insert into webhook_messages (tenant_id, endpoint_id, kind, payload, state, attempts,"
            " last_error, last_status, delivered_at)"
            " select e.tenant_id, e.id, 'row.rejected', '{}', s.state, 11,"
            " case when s.state = 'dead' then 'no answer in 10 s' else '' end,"
            " case when s.state = 'delivered' then 200 end, case when s.state = 'delivered' then now() end"
            " from webhook_endpoints e, unnest(array['delivered', 'dead', 'pending']) s (state)"
            " where e.description = 'dispatch'",
        )
        yield running


@opened
async def test_lists_and_messages_look_right_and_have_no_barrier(
    site: Site, chromium: Browser, first: Look
) -> None:
    async with desk(site, chromium, first) as person:
        await person.sign_in("admin")
        await person.open("/settings/webhooks")
        await expect(person.page.get_by_text("answered 410")).to_be_visible()
        for name, opener in (("list", ""), ("messages", "dispatch.example")):
            if opener:
                await person.page.get_by_role("link", name=f"https://{opener}/hooks/sync", exact=True).click()
                await expect(person.page.get_by_text("no answer in 10 s")).to_be_visible()
            await person.see(f"dashboard webhooks {name}")


async def test_a_webhook_is_made_and_its_secret_copied(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium, permissions=["clipboard-read", "clipboard-write"]) as person:
        page = person.page
        await person.sign_in("admin")
        await person.open("/settings/webhooks")
        await page.keyboard.press("n")
        dialog = page.locator("dialog[open]")
        await dialog.get_by_label("Where to").fill("https://new.example/hook")
        await dialog.get_by_label("entered").check()
        await dialog.get_by_role("button", name="Make the webhook").click()
        shown = await dialog.locator(".once code").text_content()
        assert shown is not None
        assert shown.startswith("whsec_")
        await dialog.get_by_role("button", name="Copy the secret").click()
        await expect(page.get_by_text("Copied")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == shown
        await dialog.get_by_role("link", name="I have it").click()
        row = page.get_by_role("row").filter(has_text="new.example")
        await expect(row).to_contain_text("document.changed, geofence.entered")
        assert shown not in await page.content()
        await row.get_by_role("button", name="Remove").click()
        await page.locator("dialog[open]").get_by_role("button", name="Remove").click()
        await expect(page.get_by_role("status")).to_contain_text("Removed")
        await expect(row).to_have_count(0)


async def test_what_was_given_up_is_sent_again(site: Site, chromium: Browser) -> None:
    async with desk(site, chromium) as person:
        page = person.page
        await person.sign_in("admin")
        await person.open("/settings/webhooks")
        await page.get_by_role("link", name="1 given up of https://dispatch.example").click()
        await page.get_by_role("button", name="Send again").click()
        await page.locator("dialog[open]").get_by_role("button", name="Send again").click()
        await expect(page.get_by_role("status")).to_contain_text("2 messages will be sent again")
        await expect(page.get_by_text("given up", exact=True)).to_have_count(1)  # of the filter
