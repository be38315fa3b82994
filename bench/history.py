"""How fast the history of a long document opens, and its slider answers: `python -m bench.history`.

A blog post of 21,411 keystrokes by five authors (`tests/data`), each an update in the log, never compacted.
Whole requests to a server process over HTTP on this machine, one after another, in milliseconds:

- the page of a history that is opened for the first time ever, by a new process and by one that is warm; and
  what its script asks for then, which goes through all of it (`wait=yes`);
- the page again, and by a new process;
- the slider: states at random points, from a new process (its first answers are among them), again from the
  same one at other points, and from one that keeps no states (`HISTORY_CACHE_BYTES=0`), where each is made
  from the database;
- `GET /api/documents/{name}/state?at=` of a document whose history nobody has opened.
"""

from __future__ import annotations

import argparse
import random
import secrets
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx
import uvloop

from bench.measure import percentile
from bench.served import Person, look
from store.changes import PostgresChanges
from store.committer import Committer
from store.contract import NewUpdate, Tenant
from store.database import Database
from store.embedded import embedded
from store.keys import Keys
from store.migrate import upgrade
from store.roles import Role
from store.tenants import Tenants
from store.updates import PostgresUpdateLog
from tests.trace import blog_post
from webhost_sync.auth.issuing import create_key

COPIES = 6
"""Documents with the same content: a history is opened for the first time once only."""
NEVER_OPENED = "post-0"
BATCH = 1000


async def fill(database: Database, tenant: Tenant) -> None:
    """Append the whole trace to each document, as an import does: no room is open, nothing is compacted."""
    updates = [NewUpdate(step.update, step.author, "", (step.client_id,)) for step in blog_post()]
    async with (
        PostgresChanges(partial(database.raw_connection, Role.APP)) as changes,
        Committer(partial(database.raw_connection, Role.COMMITTER), changes) as committer,
    ):
        log = PostgresUpdateLog(database, committer)
        for number in range(COPIES):
            record = await log.open(tenant.id, f"post-{number}", create=True)
            for start in range(0, len(updates), BATCH):
                await log.append(tenant.id, record.id, updates[start : start + BATCH], epoch=record.epoch)


async def timed(client: httpx.AsyncClient, path: str) -> float:
    """Seconds from the request to the last byte of its answer."""
    started = time.perf_counter()
    await look(client, path)
    return time.perf_counter() - started


def show(title: str, seconds: Sequence[float]) -> None:
    ordered = [1000 * each for each in sorted(seconds)]
    figures = (percentile(ordered, 0.5), percentile(ordered, 0.95), ordered[-1], 1000 * seconds[0])
    print(f"{title:<46}{len(seconds):6d}" + "".join(f"{each:10.1f}" for each in figures), flush=True)


async def measure(database: Database, url: str, folder: Path, points: int) -> None:
    tenant, _ = await Tenants(database).create("bench", "Bench")
    await fill(database, tenant)
    key, _ = await create_key(
        Keys(database), tenant, name="bench", secret=secrets.token_bytes(32),
        scopes=("read", "history"), documents=("*",),
    )  # fmt: skip
    person = Person(url, folder, tenant)
    await person.sign_in(database)
    chosen, last = random.Random(7), len(blog_post())
    history = [f"{person.space}/documents/history/post-{number}" for number in range(COPIES)]
    slider = f"{person.space}/documents/content/post-1?authors=no&at="

    def anywhere(address: str) -> list[str]:
        return [f"{address}{chosen.randint(1, last)}" for _ in range(points)]

    print(f"{'':<46}{'count':>6}{'p50':>10}{'p95':>10}{'max':>10}{'first':>10}")
    async with person.at_new_process() as client:
        show("first opening ever, new process", [await timed(client, history[1])])
        show("and all of it", [await timed(client, f"{history[1]}?wait=yes")])
        show("first opening ever", [await timed(client, path) for path in history[2:]])
        show("and all of it", [await timed(client, f"{path}?wait=yes") for path in history[2:]])
        show("opening", [await timed(client, history[1]) for _ in range(20)])
    async with person.at_new_process() as client:
        show("opening, new process", [await timed(client, history[1])])
    async with person.at_new_process() as client:
        show("slider, new process", [await timed(client, path) for path in anywhere(slider)])
        show("slider, warm", [await timed(client, path) for path in anywhere(slider)])
    async with person.at_new_process({"HISTORY_CACHE_BYTES": "0"}) as client:
        show("slider, no cache", [await timed(client, path) for path in anywhere(slider)])
    async with person.at_new_process() as client:
        client.headers["Authorization"] = f"Bearer {key.text}"
        state = f"/api/documents/{NEVER_OPENED}/state?at="
        show("state by API, history never opened", [await timed(client, path) for path in anywhere(state)])


async def run(url: str, folder: Path, points: int) -> None:
    async with Database(url) as database:
        await measure(database, url, folder, points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, default=100, help="of each measurement of the slider")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, embedded(Path(folder) / "pg") as server:
        upgrade(server.url)
        uvloop.run(run(server.url, Path(folder), options.points))


if __name__ == "__main__":
    main()
