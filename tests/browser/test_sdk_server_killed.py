"""A server that dies while devices write costs them nothing: what was called durable is there, and the rest
arrives by itself."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from tests.browser import committed
from tests.browser.conftest import NewDevice
from tests.browser.ledger import LANES, Ledger
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.lengths import rounds
from tests.server_process import SyncServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

KILLS = rounds(3, in_fuzz=10)
SCHEMA = {"vehicles": "++id, serial"}
TENANT = "server-killed"


async def test_pending_returns_to_zero_by_itself_after_each_kill_of_the_server_and_no_durable_edit_is_missing(
    device: NewDevice, own_server: SyncServer
) -> None:
    random, ledger = Random(9), Ledger()
    phone, laptop = await device("phone"), await device("laptop")
    await phone.context.expose_function("report", ledger.report)
    key = await own_server.key_for(TENANT, "read", "write")
    writer, reader = SdkPage(await phone.open()), SdkPage(await laptop.open())
    for page in (writer, reader):
        await page.connect(own_server.url, key, SCHEMA)

    for kill in range(KILLS):
        writing = start_writing(writer, ledger)
        for _ in range(random.randint(20, 80)):
            await ledger.next_report(writing)
        own_server.kill()
        ledger.assert_durable(await committed.document_rows(own_server.database_url, TENANT))
        if kill % 2:  # half of the times somebody writes on while there is no server
            await ledger.next_report(writing)
        started = asyncio.ensure_future(own_server.start())
        await writer.page.evaluate("stopWriting()")
        await started
        await writing
        ledger.settle(await writer.rows("vehicles"))
        await writer.until("client.status.pending === 0 && client.status.phase === 'live'", within=90)
        ledger.assert_complete(await committed.document_rows(own_server.database_url, TENANT))

    await reader.until("client.status.phase === 'live'", within=90)
    await eventually(lambda: agrees(own_server, ledger, reader), within=90)
    assert ledger.durable_reports


def start_writing(page: SdkPage, ledger: Ledger) -> asyncio.Future[Any]:
    options = {"first": ledger.next_op, "lanes": LANES}
    return asyncio.ensure_future(page.run("await writeWithoutEnd(client, argument)", options))


async def agrees(server: SyncServer, ledger: Ledger, reader: SdkPage) -> None:
    """SQL and another device have each row once, and each position is there once."""
    expected = sorted(ledger.expected.items())
    in_sql = await committed.vehicles(server.database_url, TENANT)
    for rows in (in_sql, await reader.rows("vehicles")):
        assert sorted((row["serial"], row["op"]) for row in rows) == expected
    fixes = await committed.positions(server.database_url, TENANT)
    assert len({fix["longitude"] for fix in fixes}) == len(fixes) == ledger.confirmed_fixes
