"""Examines an installation from the inside: gathers facts side by side, and has them judged.

In: the settings, and where the database is. Out: findings, in a fixed order. No check waits longer than
`TIME_LIMIT`, and none changes anything.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from sqlalchemy.exc import DBAPIError

from store import schema_version
from store.checkup import Checkup
from store.contract import StoreError
from store.database import Database
from store.maintenance import MaintenanceSwitch
from store.redis_link import RedisMissing, RedisUrlUnusable
from store.roles import MissingPrivilege
from store.trial_write import refused_write
from webhost_sync.config import Settings
from webhost_sync.machine import memory_share
from webhost_sync.ops.doctor import configuration, database, machine
from webhost_sync.ops.doctor.redis import ask
from webhost_sync.ops.doctor.report import Finding, failed, not_applicable, ok, warning

TIME_LIMIT = 5.0
"""Seconds for one check; the database ends its statements a little earlier."""
AT_ONCE = 3
"""Connections that the doctor takes from the database at the same time."""
NEAR_THE_LIMIT = 0.8

Check: TypeAlias = Callable[[], Awaitable[Finding | list[Finding]]]


async def examine(settings: Settings, url: str | None) -> list[Finding]:
    """Everything that can be seen from here; `url` is the schema's owner's, None where no Postgres runs."""
    groups = await asyncio.gather(
        _database(settings, url), _run([("redis", lambda: _redis(settings))]), _machine(settings)
    )
    here = [
        configuration.rate_limits(settings),
        *configuration.secrets(settings),
        configuration.logs(settings),
    ]
    return [*(finding for group in groups for finding in group), *here]


async def _database(settings: Settings, url: str | None) -> list[Finding]:
    if url is None:
        evidence = f"the embedded Postgres in {settings.data_dir} isn't running; `webhost-sync dev` starts it"
        return [not_applicable("database", evidence)]
    try:
        opened = Database(url, statement_timeout=TIME_LIMIT - 1, connect_timeout=TIME_LIMIT)
    except ValueError as error:
        return [failed("database", str(error), "DATABASE_URL=postgresql://user:password@host:5432/database")]
    async with opened as store:
        checkup = Checkup(store)
        try:
            async with asyncio.timeout(TIME_LIMIT):
                server = await checkup.server()
                revision = await checkup.revision()
        except TimeoutError:
            return [failed("database", f"{store.address}: no answer in {TIME_LIMIT:g} s", "check its load")]
        except MissingPrivilege as error:
            return [database.may_not_look("database", str(error))]
        except StoreError as error:
            return [database.unreachable(error, store.address)]
        works = await _works(store)
        findings = [
            database.reachable(server, store.address),
            database.schema(revision, schema_version.head(), schema_version.known(), works=works),
            *database.extensions(await checkup.extensions(), server.database),
            database.connections(server, settings),
            database.clock(server),
        ]
        if not works:
            return [*findings, not_applicable("tables", "they are looked at once the schema is right")]
        return [*findings, *await _run(_of_tables(settings, store, checkup), at_once=AT_ONCE)]


async def _works(store: Database) -> bool:
    """Whether this program can do with the schema that the database has."""
    try:
        await schema_version.check(store)
    except (StoreError, DBAPIError):
        return False
    return True


def _of_tables(settings: Settings, store: Database, checkup: Checkup) -> list[tuple[str, Check]]:
    near = round(settings.document_limit * NEAR_THE_LIMIT)

    async def writes() -> Finding:
        return database.writes(await refused_write(store))

    async def isolation() -> Finding:
        return database.isolation(await checkup.isolation())

    async def indexes() -> Finding:
        return database.indexes(await checkup.indexes())

    async def activity() -> Finding:
        return database.activity(await checkup.activity(), settings)

    async def projection() -> Finding:
        return database.projection(await checkup.projection())

    async def rejects() -> Finding:
        return database.rejects(await checkup.rejects())

    async def quarantine() -> Finding:
        return database.quarantine(await checkup.quarantined())

    async def sizes() -> Finding:
        return database.size_of_documents(await checkup.larger_than(near), settings.document_limit)

    async def maintenance() -> Finding:
        found = await MaintenanceSwitch(store).current()
        return database.maintenance(None if found is None else found.reason)

    async def backup() -> list[Finding]:
        return database.backup(await checkup.last_backup())

    async def scratch() -> list[Finding]:
        return database.scratch_databases(await checkup.scratch_databases())

    async def storage() -> list[Finding]:
        size, folder = await checkup.storage()
        here = Path(folder) if folder else None
        findings = [ok("size of the database", f"{size / machine.GIGABYTE:.2f} GB")]
        if here is not None and await asyncio.to_thread(here.is_dir):
            findings.append(await asyncio.to_thread(_disk, "Postgres", here))
        return findings

    return [
        ("writes", writes),
        ("tenants apart", isolation),
        ("indexes", indexes),
        ("long statements", activity),
        ("projector", projection),
        ("values left out", rejects),
        ("quarantine", quarantine),
        ("large documents", sizes),
        ("last backup", backup),
        ("scratch databases", scratch),
        ("maintenance", maintenance),
        ("size of the database", storage),
    ]


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return configuration.no_redis()
    try:
        version = await ask(settings.redis_url.get_secret_value())
    except (RedisMissing, RedisUrlUnusable) as error:
        return failed("redis", str(error), "correct it: the server refuses to start with it")
    except OSError as error:
        return configuration.redis_away(str(error))
    return ok("redis", version)


async def _machine(settings: Settings) -> list[Finding]:
    disk = await asyncio.to_thread(_disk, "DATA_DIR", settings.data_dir)
    return [disk, machine.memory(await asyncio.to_thread(memory_share))]


def _disk(what: str, folder: Path) -> Finding:
    """Of the nearest folder that is there."""
    found = folder.expanduser().resolve()
    while not found.exists():
        found = found.parent
    usage = shutil.disk_usage(found)
    return machine.disk(what, usage.free, usage.total)


async def _run(checks: Sequence[tuple[str, Check]], at_once: int = 100) -> list[Finding]:
    """Every check, side by side; one that fails or hangs says so, and costs the others nothing."""
    gate = asyncio.Semaphore(at_once)

    async def one(name: str, check: Check) -> list[Finding]:
        try:
            async with gate, asyncio.timeout(TIME_LIMIT):
                found = await check()
        except TimeoutError:
            return [warning(name, f"no answer in {TIME_LIMIT:g} s", "run it again when less is going on")]
        except MissingPrivilege as error:
            return [database.may_not_look(name, str(error))]
        except (StoreError, DBAPIError) as error:
            return [failed(name, f"can't be checked: {error}".splitlines()[0], "read the log of Postgres")]
        return found if isinstance(found, list) else [found]

    groups = await asyncio.gather(*(one(name, check) for name, check in checks))
    return [finding for group in groups for finding in group]
