"""How long a new process takes for the first page that it shows, and a warm one: `python -m bench.pages`.

200 vehicles and the 33,140 positions of a recorded day. Each page is asked for at a server process that has
shown none yet, then again and again. Whole requests over HTTP on this machine, in milliseconds; `bytes` is
what a browser without a cache gets for the page, as it is sent, without the files of the map.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import httpx
import uvloop
from sqlalchemy import insert

from bench.measure import percentile
from bench.served import Person, look
from store.contract import Tenant
from store.database import Database
from store.embedded import embedded
from store.migrate import upgrade
from store.schema import vehicles
from store.tenants import Tenants
from tests.recorded_day import add_positions, by_vehicle

VEHICLES = 200
PAGES = ("/overview", "/fleet", "/fleet/bus-5017", "/fleet/bus-5017?last=7d", "/documents", "/keys", "/audit")
MAP_FILES = ("maplibre", "base-map", "map-layers", "/map.")
_FILES = re.compile(r'(?:src|href)="(/dashboard/static/[^"]+)"')


async def fill(database: Database, url: str, tenant: Tenant) -> None:
    reports = by_vehicle()
    await add_positions(url, tenant, reports)
    names = [*sorted(reports), *(f"spare-{number}" for number in range(VEHICLES - len(reports)))]
    rows = [
        {"tenant_id": tenant.id, "document_id": 1, "id": name, "name": f"Bus {name}", "status": "active"}
        for name in names
    ]
    async with database.owner() as connection:
        await connection.execute(insert(vehicles), rows)
    async with database.owner_connection() as raw:
        await raw.execute("vacuum analyze")


async def timed(client: httpx.AsyncClient, path: str) -> tuple[float, httpx.Response]:
    """Milliseconds from the request to the last byte of its answer."""
    started = time.perf_counter()
    answer = await look(client, path)
    return 1000 * (time.perf_counter() - started), answer


async def size_with_files(client: httpx.AsyncClient, page: httpx.Response) -> int:
    size = page.num_bytes_downloaded
    for name in sorted(set(_FILES.findall(page.text))):
        if not any(part in name for part in MAP_FILES):
            size += (await client.get(name)).num_bytes_downloaded
    return size


async def measure(database: Database, url: str, folder: Path, times: int) -> None:
    tenant, _ = await Tenants(database).create("bench", "Bench")
    await fill(database, url, tenant)
    person = Person(url, folder, tenant)
    await person.sign_in(database)
    print(f"{'':<28}{'first':>10}{'second':>10}{'p50':>10}{'p95':>10}{'max':>10}{'bytes':>10}")
    for path in PAGES:
        async with person.at_new_process() as client:
            first, page = await timed(client, person.space + path)
            second, *others = [(await timed(client, person.space + path))[0] for _ in range(times)]
            ordered = sorted([second, *others])
            figures = (first, second, percentile(ordered, 0.5), percentile(ordered, 0.95), ordered[-1])
            size = await size_with_files(client, page)
        print(f"{path:<28}" + "".join(f"{each:10.1f}" for each in figures) + f"{size:10d}", flush=True)


async def run(url: str, folder: Path, times: int) -> None:
    async with Database(url) as database:
        await measure(database, url, folder, times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=30, help="that each page is asked for after the first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, embedded(Path(folder) / "pg") as server:
        upgrade(server.url)
        uvloop.run(run(server.url, Path(folder), options.times))


if __name__ == "__main__":
    main()
