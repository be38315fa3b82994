"""SIGKILL of Postgres during appends: what was acknowledged is there, and the rest is said to be unknown."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from store.contract import Document, Unavailable
from store.migrate import upgrade
from store.postgres_lookup import server_processes
from tests.eventually import eventually
from tests.store.logs import TENANT, OpenLog, open_log
from tests.store.processes import ask, owner_process

pytestmark = pytest.mark.faults

WRITERS = 8
COMMITTER = (
    "select pid from pg_stat_activity where query like '%for no key update%' and pid <> pg_backend_pid()"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose name is short enough to hold the socket, so that the URL outlives the server."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        yield Path(folder)


@dataclass
class Account:
    """What the writers were told: which payload got which seq, and which may or may not be there."""

    acknowledged: dict[tuple[int, int], bytes] = field(default_factory=dict)
    unknown: set[bytes] = field(default_factory=set)


@asynccontextmanager
async def writers(opened: OpenLog, documents: list[Document]) -> AsyncIterator[Account]:
    """Append without a pause, each writer one update after another, until left."""
    account = Account()
    stop = asyncio.Event()

    async def write(writer: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            document, payload = documents[count % len(documents)], b"%d:%d" % (writer, count)
            try:
                committed = await opened.append(document, payload)
                account.acknowledged[document.id, committed.first_seq] = payload
            except Unavailable:
                account.unknown.add(payload)

    async with asyncio.TaskGroup() as tasks:
        for writer in range(WRITERS):
            tasks.create_task(write(writer))
        yield account
        stop.set()


async def write_on(account: Account, count: int = 500) -> None:
    """Wait until so many more are acknowledged."""
    goal = len(account.acknowledged) + count
    await eventually(lambda: len(account.acknowledged) >= goal, within=90)


async def check(opened: OpenLog, documents: list[Document], account: Account) -> None:
    found = {}
    for document in documents:
        stored = await opened.log.load(TENANT, document.id)  # refuses gaps
        found.update({(document.id, update.seq): update.payload for update in stored.updates})
    assert account.acknowledged.items() <= found.items()
    assert set(found.values()) - set(account.acknowledged.values()) <= account.unknown
    assert len(set(found.values())) == len(found)


async def standstill(account: Account) -> None:
    """Wait until nothing is acknowledged any more: every writer waits for an answer."""
    counts = [-1]

    def unchanged() -> bool:
        counts.append(len(account.acknowledged))
        return counts[-1] == counts[-2]

    await eventually(unchanged)


def send(number: signal.Signals, processes: frozenset[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # the death of the first may have ended it
            os.kill(process, number)


async def test_postgres_is_killed_and_started_again(folder: Path) -> None:
    with ExitStack() as servers:
        owner = servers.enter_context(owner_process(folder))
        url = str(owner.answer()["url"])
        await asyncio.to_thread(upgrade, url)
        async with open_log(url, lanes=2) as opened:
            documents = [await opened.document(f"d{number}") for number in range(3)]
            async with writers(opened, documents) as account:
                await write_on(account)
                send(signal.SIGKILL, server_processes(folder / "cluster"))
                owner.leave()
                successor = servers.enter_context(owner_process(folder))
                assert successor.answer()["url"] == url
                await write_on(account)
            await check(opened, documents, account)


async def test_a_process_of_postgres_is_killed_in_the_middle_of_a_commit(folder: Path) -> None:
    """Postgres then ends all connections and recovers by itself."""
    with owner_process(folder) as owner:
        url = str(owner.answer()["url"])
        await asyncio.to_thread(upgrade, url)
        async with open_log(url) as opened:
            documents = [await opened.document(f"d{number}") for number in range(3)]
            async with writers(opened, documents) as account:
                await write_on(account)
                committer = frozenset({int(str(await ask(url, COMMITTER)))})
                send(signal.SIGSTOP, committer)
                await standstill(account)
                send(signal.SIGKILL, committer)
                await write_on(account)
            assert account.unknown
            await check(opened, documents, account)
