"""How many durable appends a second the store takes, and how long one waits for its answer.

    python -m bench.append [--lanes 1] [--seconds 3] [--documents 64]

Starts an embedded Postgres of its own with fsync on. Each producer awaits the answer to one update
of 100 bytes before it sends the next, as a room does.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from store.changes import PostgresChanges
from store.committer import Committer
from store.contract import Document, NewUpdate
from store.database import Database
from store.embedded import embedded
from store.migrate import upgrade
from store.roles import Role
from store.updates import PostgresUpdateLog

PRODUCERS = (1, 8, 64, 256)
TENANT = 1


@dataclass(frozen=True)
class Result:
    """Times are milliseconds from the call to the answer."""

    producers: int
    updates_per_second: float
    median: float
    percentile_99: float

    def __str__(self) -> str:
        return (
            f"{self.producers:9d} {self.updates_per_second:12,.0f} "
            f"{self.median:9.2f} {self.percentile_99:9.2f}"
        )


async def measure(
    log: PostgresUpdateLog, documents: Sequence[Document], producers: int, seconds: float
) -> Result:
    """Append with so many producers at once for so long."""
    times: list[float] = []
    update = [NewUpdate(bytes(100), "bench", "bench", (1,))]
    end = time.perf_counter() + seconds

    async def produce(document: Document) -> None:
        while (start := time.perf_counter()) < end:
            await log.append(TENANT, document.id, update, epoch=document.epoch)
            times.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as tasks:
        for number in range(producers):
            tasks.create_task(produce(documents[number % len(documents)]))
    times.sort()
    median, percentile_99 = times[len(times) // 2], times[len(times) * 99 // 100]
    return Result(producers, len(times) / seconds, 1000 * median, 1000 * percentile_99)


async def run(url: str, lanes: int, documents: int, seconds: float) -> None:
    async with (
        Database(url) as database,
        PostgresChanges(partial(database.raw_connection, Role.APP)) as changes,
        Committer(partial(database.raw_connection, Role.COMMITTER), changes, lanes=lanes) as committer,
    ):
        log = PostgresUpdateLog(database, committer)
        opened = [await log.open(TENANT, f"document {number}", create=True) for number in range(documents)]
        await measure(log, opened, 64, 0.5)  # statements planned, pages warm
        print("producers    updates/s    p50 ms    p99 ms")
        for producers in PRODUCERS:
            print(await measure(log, opened, producers, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lanes", type=int, default=1, help="connections that commit")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number of producers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, embedded(Path(folder)) as server:
        upgrade(server.url)
        uvloop.run(run(server.url, options.lanes, options.documents, options.seconds))


if __name__ == "__main__":
    main()
