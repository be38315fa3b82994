"""Backup, verify and restore of a large log: `python -m bench.backup --gigabytes 1`.

Makes an embedded Postgres in a temporary folder, fills a log of updates as real writers make them (112 bytes,
of 100 documents), and times the three with their progress shown. Takes its own time limit, and says when it
was cut short.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pycrdt import Doc, Map

from store.backup.databases import database_at, ensure_database
from store.checksum import checksum
from store.database import Database
from store.embedded import embedded
from store.migrate import upgrade
from store.tenants import Tenants
from webhost_sync.backup.making import make_backup
from webhost_sync.backup.restoring import chain_of, restore_into
from webhost_sync.backup.shelf import FolderShelf
from webhost_sync.backup.verifying import verify_chain
from webhost_sync.cli.bars import BytesBar

DOCUMENTS = 100
PAYLOAD = 80
"""Characters of text in each update (random, in hexadecimal), which make an update of about 112 bytes."""
TURN = 500
"""Updates of one writer. More of one replica would take their time only to be made."""
ROW = 180
"""Bytes of a row in Postgres, with its header."""


def updates(count: int, client: int) -> list[bytes]:
    """What writers send, one after another, who set one of a few keys again and again."""
    dice = random.Random(client)
    made: list[bytes] = []
    for number in range(count):
        if number % TURN == 0:
            doc: Doc[Any] = Doc(client_id=client * 10_000 + number // TURN)
            root = doc.get("rows", type=Map)
        before = doc.get_state()
        root[f"row{number % 50}"] = dice.randbytes(PAYLOAD // 2).hex()
        made.append(doc.get_update(before))
    return made


async def fill(url: str, size: int) -> int:
    """Write a log of so many bytes; returns its rows."""
    each = size // ROW // DOCUMENTS
    async with Database(url, statement_timeout=0) as database:
        tenant, _ = await Tenants(database).create("bench", "bench")
        async with database.owner_connection() as connection:
            for number in range(DOCUMENTS):
                made = await asyncio.to_thread(updates, each, number + 1)
                size = sum(map(len, made))
                document_id = await connection.fetchval(
                    "insert into documents (tenant_id, name, head_seq, log_rows, log_bytes) "
                    "values ($1, $2, $3, $3, $4) returning id",
                    tenant.id,
                    f"doc-{number}",
                    each,
                    size,
                )
                await connection.copy_records_to_table(
                    "document_updates",
                    columns=["tenant_id", "document_id", "seq", "payload", "checksum", "actor", "client_ids"],
                    records=[
                        (tenant.id, document_id, seq, update, checksum(update), "bench", [number + 1])
                        for seq, update in enumerate(made, 1)
                    ],
                )
            await connection.execute("vacuum analyze")
    return each * DOCUMENTS


@asynccontextmanager
async def timed(figures: dict[str, float], name: str) -> AsyncIterator[BytesBar]:
    began = time.monotonic()
    with BytesBar(name) as bar:
        yield bar
    figures[f"{name}_s"] = round(time.monotonic() - began, 1)
    print(f"{name}: {figures[f'{name}_s']} s", flush=True)


async def measure(url: str, folder: Path, size: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    await asyncio.to_thread(upgrade, url)
    async with timed(figures, "fill"):
        figures["rows"] = await fill(url, size)
    shelf = FolderShelf(folder)
    async with Database(url, statement_timeout=0) as database:
        async with database.owner_connection() as connection:
            table = await connection.fetchval("select pg_table_size('document_updates')")
        figures["table_mib"] = round(table / 2**20)
        async with timed(figures, "backup") as bar:
            made = await make_backup(database, shelf, on_progress=bar.show)
    figures["archive_mib"] = round(made.size / 2**20)
    links = await chain_of(shelf, made.name)
    async with timed(figures, "restore") as bar:
        await restore_into(await ensure_database(url, "restored"), shelf, links, on_progress=bar.show)
    async with (
        Database(database_at(url, "postgres")) as database,
        database.owner_connection() as connection,
    ):
        await connection.execute("drop database restored with (force)")
    async with timed(figures, "verify") as bar:
        await verify_chain(url, shelf, links, on_progress=bar.show)
    figures["memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=15.0)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded(Path(folder) / "postgres") as server,
    ):
        size = int(chosen.gigabytes * 1_000_000_000)

        async def limited() -> dict[str, float]:
            async with asyncio.timeout(chosen.minutes * 60):
                return await measure(server.url, Path(folder) / "backups", size)

        try:
            print(json.dumps(asyncio.run(limited())))
        except TimeoutError:
            sys.exit(f"cut short after {chosen.minutes:g} minutes: give it more by --minutes")


if __name__ == "__main__":
    main()
