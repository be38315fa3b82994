"""How a well-behaved client fares while others flood the server: `python -m bench.flood [--seconds 15]`.

Starts a server with the limits that it has by itself, on an embedded Postgres that flushes, and measures
three times: alone, while 200 sockets and 50 HTTP clients (`bench.flood_clients`) of another tenant come, all
at once, and under what they send. Measured are edits (from sending one to its echo, which is its durable
acknowledgement) and requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from bench.client import connect
from bench.dialects import y_websocket
from bench.flood_clients import READY
from bench.frames import client_frame
from bench.measure import Latency, summarise
from bench.served import served
from bench.updates import make_updates, marker, newest
from store.database import Database
from store.embedded import embedded
from store.keys import Keys
from store.migrate import upgrade
from store.tenants import Tenants
from webhost_sync.auth.issuing import create_key

EDITS_PER_SECOND = 20
READERS = 5
"""Each asks this often; together they give enough times for a percentile, and none reaches its limit."""
REQUESTS_PER_SECOND = 1.5
COMING = 4.0
"""Seconds from before the others' first connect until after their last."""
WAIT = 30.0


async def edit(url: str, seconds: float, name: str) -> list[float]:
    """Seconds from each edit to its echo. Raises: TimeoutError when one doesn't come back."""
    count = int(seconds * EDITS_PER_SECOND)
    sent: list[float] = []
    times: list[float] = []
    all_back = asyncio.Event()
    wanted = marker(name)

    def hear(payload: bytes, now: float) -> None:
        last = newest(payload, wanted)
        if last is not None:
            times.extend(now - at for at in sent[len(times) : last + 1])
        if len(times) == count:
            all_back.set()

    dialect = y_websocket("depot")
    client = await connect(url, dialect, hear)
    started = time.perf_counter()
    for number, update in enumerate(make_updates(name, count)):
        await asyncio.sleep(max(0.0, started + number / EDITS_PER_SECOND - time.perf_counter()))
        sent.append(time.perf_counter())
        client.send(client_frame(dialect.update(update)))
    await asyncio.wait_for(all_back.wait(), WAIT)
    await client.close()
    return times


async def ask(address: str, key: str, seconds: float, offset: float = 0.0) -> list[float]:
    """Seconds of each request, all on one connection, the first after `offset` seconds. Raises: RuntimeError
    when one is refused."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = (
        f"GET /api/documents HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    times = []
    await asyncio.sleep(offset)
    for _ in range(int(seconds * REQUESTS_PER_SECOND)):
        started = time.perf_counter()
        writer.write(request)
        async with asyncio.timeout(WAIT):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"refused: {head!r} {body!r}")
        times.append(time.perf_counter() - started)
        await asyncio.sleep(1 / REQUESTS_PER_SECOND)
    writer.close()
    return times


async def measure(address: str, keys: Sequence[str], seconds: float, name: str) -> tuple[Latency, Latency]:
    """Of edits, and of requests, whose clients take turns."""
    edits, *requests = await asyncio.gather(
        edit(f"ws://{address}/sync/depot?apiKey={keys[0]}", seconds, name),
        *(ask(address, key, seconds, at / READERS / REQUESTS_PER_SECOND) for at, key in enumerate(keys[1:])),
    )
    return summarise(edits), summarise([each for one in requests for each in one])


@asynccontextmanager
async def flooding(address: str, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The other clients, until the block ends; then their stdout has what came of them."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.flood_clients", address, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    process.stdin.write(key.encode() + b"\n")
    assert process.stdout is not None
    assert await process.stdout.readline() == READY
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


async def make_keys(database_url: str) -> tuple[str, ...]:
    """Those of the client that behaves, and one of the others."""
    async with Database(database_url) as database:
        made = []
        for slug, count in (("good", 1 + READERS), ("flood", 1)):
            tenant, _ = await Tenants(database).create(slug, slug)
            for _ in range(count):
                key, _ = await create_key(
                    Keys(database),
                    tenant,
                    name="bench",
                    secret=secrets.token_bytes(32),
                    scopes=("read", "write"),
                    documents=("*",),
                )
                made.append(key.text)
    return tuple(made)


async def run(database_url: str, folder: Path, seconds: float) -> None:
    *keys, flooder = await make_keys(database_url)
    async with served(database_url, folder) as address:
        await measure(address, keys, 2.0, "warm")
        alone = await measure(address, keys, seconds, "alone")
        coming = asyncio.create_task(measure(address, keys, COMING, "coming"))
        async with flooding(address, flooder) as process:
            met = await coming
            flooded = await measure(address, keys, seconds, "flooded")
        assert process.stdout is not None
        came_of_it = json.loads(await process.stdout.read())
    print("                     count    p50 ms    p99 ms    max ms")
    for title, (edits, requests) in (("alone", alone), ("flood comes", met), ("under flood", flooded)):
        for what, latency in (("edits", edits), ("requests", requests)):
            print(
                f"{title:>12} {what:<8} {latency.count:5d} {latency.p50_ms:9.1f} {latency.p99_ms:9.1f}"
                f" {latency.max_ms:9.1f}"
            )
    print(
        f"the others: {came_of_it['updates']} updates sent; sockets closed {came_of_it['closes']}; "
        f"answers {came_of_it['statuses']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, embedded(Path(folder) / "pg") as server:
        upgrade(server.url)
        uvloop.run(run(server.url, Path(folder), options.seconds))


if __name__ == "__main__":
    main()
