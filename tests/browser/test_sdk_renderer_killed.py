"""A tab that dies in the midst of its work loses nothing that its promises said, and doubles nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest
from playwright.async_api import Error as PlaywrightError

from tests.browser import committed
from tests.browser.conftest import NewDevice
from tests.browser.device import Device, tell
from tests.browser.ledger import LANES, Ledger
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.lengths import rounds
from tests.server_process import SyncServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

KILLS = rounds(12, in_fuzz=50)
SCHEMA = {"vehicles": "++id, serial"}
TENANT = "renderer-killed"


async def connected(device: Device, server: SyncServer) -> SdkPage:
    page = SdkPage(await device.open())
    await page.connect(server.url, await server.key_for(TENANT, "read", "write"), SCHEMA)
    return page


async def write_and_die(device: Device, server: SyncServer, ledger: Ledger, random: Random) -> None:
    """Open a tab, hold what it has against the books, let it write, and kill it after so many reports."""
    page = await connected(device, server)
    ledger.settle(await page.rows("vehicles"))
    writing = asyncio.ensure_future(
        page.run("await writeWithoutEnd(client, argument)", {"first": ledger.next_op, "lanes": LANES})
    )
    for _ in range(random.randint(0, 50)):
        await ledger.next_report(writing)
    await device.crash(page.page)
    with suppress(PlaywrightError):
        await writing
    await page.page.close()


async def test_a_renderer_killed_many_times_loses_and_doubles_nothing(
    device: NewDevice, sync_server: SyncServer
) -> None:
    random, ledger = Random(50), Ledger()
    phone = await device("phone")
    await phone.context.expose_function("report", ledger.report)
    for _ in range(KILLS):
        await write_and_die(phone, sync_server, ledger, random)
        ledger.assert_durable(await committed.document_rows(sync_server.database_url, TENANT))

    page = await connected(phone, sync_server)
    ledger.settle(await page.rows("vehicles"))
    await page.when_durable(60)
    await eventually(lambda: sql_agrees(sync_server, ledger), within=90)
    fixes = await committed.positions(sync_server.database_url, TENANT)
    tell(
        f"{KILLS} kills: {ledger.confirmed} writes confirmed, {ledger.kept} happened though nobody heard of"
        f" it, {ledger.undone} did not happen; {ledger.durable_reports} times all was called durable;"
        f" {len(ledger.expected)} vehicles, {len(fixes)} positions; none lost, none doubled"
    )


async def sql_agrees(server: SyncServer, ledger: Ledger) -> None:
    """The SQL tables hold each row and each position once."""
    rows = await committed.vehicles(server.database_url, TENANT)
    assert sorted((row["serial"], row["op"]) for row in rows) == sorted(ledger.expected.items())
    fixes = await committed.positions(server.database_url, TENANT)
    at_least = ledger.confirmed_fixes
    assert at_least <= len(fixes) <= at_least + ledger.lost_fixes
    assert len({fix["longitude"] for fix in fixes}) == len(fixes)
    assert await committed.position_conflicts(server.database_url, TENANT) == 0
