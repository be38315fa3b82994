"""Faults that are made for real, in Postgres and between: what the doctor says, and what the server does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosedError

from store.embedded import embedded
from store.migrate import upgrade
from tests.app import App, running_app
from tests.cli.conftest import Run
from tests.eventually import eventually
from tests.fleet import Writer, fix, open_fleet, track_name
from tests.ops.test_doctor import SECRET, Findings
from tests.ops.test_doctor_url import sick, visited
from tests.postgres import select
from tests.server.api import Api, error_of, running_api
from tests.server.test_sync_door import next_of, socket, update
from tests.store.logs import execute
from webhost_sync.fleet.chunk import encode_chunk
from webhost_sync.machine import memory_share
from webhost_sync.ops.doctor import machine
from webhost_sync.ops.doctor.report import Verdict
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, encode


async def printed(run: Run, *arguments: str, **environment: str) -> Any:
    """The document that a command prints, beside the loop of the test and behind the lines of its server."""
    outcome = await asyncio.to_thread(lambda: run(*arguments, "--json", **environment))
    return json.loads(outcome.out[outcome.out.index("{\n") :])


async def of(run: Run, url: str, **environment: str) -> Findings:
    """What the doctor finds."""
    document = await printed(run, "doctor", DATABASE_URL=url, **environment)
    return {each["check"]: each for each in document["findings"]}


async def test_a_wrong_password_a_full_house_and_a_stopped_postgres_are_told_apart(
    run: Run, tmp_path: Path
) -> None:
    with embedded(tmp_path / "pg", settings={"max_connections": "10", "fsync": "off"}) as server:
        await asyncio.to_thread(upgrade, server.url)
        await execute(server.url, f"create role clerk login superuser password '{SECRET}'")
        rules = tmp_path / "pg" / "cluster" / "pg_hba.conf"
        rules.write_text("local all clerk scram-sha-256\n" + rules.read_text())
        await execute(server.url, "select pg_reload_conf()")
        clerk = server.url.replace("://postgres", f"://clerk:{SECRET}", 1)
        mistaken = clerk.replace(SECRET, "mistaken")

        async def rules_are_read() -> bool:
            try:
                await (await asyncpg.connect(mistaken)).close()
            except asyncpg.InvalidPasswordError:
                return True
            return False

        await eventually(rules_are_read)
        found = (await of(run, mistaken))["database"]
        assert (found["verdict"], "(wrong password)" in found["evidence"]) == ("failed", True)
        assert "percent-encoded" in found["remedy"]
        right = await of(run, clerk)
        assert right["database"]["verdict"] == "ok"
        assert right["connections"]["verdict"] == "failed"
        assert right["connections"]["remedy"].startswith("POOL_SIZE=")
        assert SECRET not in str(right)

        guests = [guest async for guest in as_many_as_fit(server.url)]
        found = (await of(run, clerk))["database"]
        assert (found["verdict"], "(no connections)" in found["evidence"]) == ("failed", True)
        assert "max_connections" in found["remedy"]
        for guest in guests:
            await guest.close()
    found = (await of(run, clerk))["database"]
    assert (found["verdict"], "(refused)" in found["evidence"]) == ("failed", True)
    assert "start Postgres" in found["remedy"]


async def as_many_as_fit(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            yield await asyncpg.connect(url)


@asynccontextmanager
async def without_writes(url: str) -> AsyncIterator[None]:
    """The database takes none until the block ends, as a standby doesn't."""
    name = url.partition("?")[0].rpartition("/")[2]
    end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    end += " and pid <> pg_backend_pid()"
    await execute(url, f'alter database "{name}" set default_transaction_read_only = on')
    await execute(url, end)
    yield
    admin = await asyncpg.connect(url, server_settings={"default_transaction_read_only": "off"})
    await admin.execute(f'alter database "{name}" reset default_transaction_read_only')
    await admin.execute(end)
    await admin.close()


async def test_a_postgres_that_takes_no_writes_loses_nothing_and_is_read_meanwhile(
    run: Run, database_url: str
) -> None:
    async with running_api(database_url) as api:
        app, key = api.app, await api.app.key(await api.app.tenant(), "read", "write", "admin")
        async with socket(app, key.text) as writer, socket(app, key.text, "another") as other:
            await other.send(encode(SyncUpdate(update("before"))))
            await next_of(other, SyncUpdate)
            async with without_writes(database_url):
                await writer.send(encode(SyncUpdate(update("meanwhile", client_id=6))))
                await eventually(lambda: sick(app.url))
                await reads_and_refuses(api, key.text)
                found = (await of(run, database_url))["writes"]
                assert found["verdict"] == "failed"
                assert "read-only transaction" in found["evidence"]
                assert "default_transaction_read_only" in found["remedy"]
            assert await next_of(writer, SyncUpdate) == SyncUpdate(update("meanwhile", client_id=6))
        assert (await of(run, database_url))["writes"]["verdict"] == "ok"
    assert len(await select(database_url, "select from document_updates")) == 2


async def reads_and_refuses(api: Api, key: str) -> None:
    """A document that nobody writes to is read as ever; a change over HTTP is to come again."""

    async def is_read() -> bool:
        """Whoever meets one of the connections that were just ended is told to try again, and does."""
        with suppress(ConnectionClosedError):
            async with socket(api.app, key, "another") as reader:
                await reader.send(encode(SyncStep1(b"\x00")))
                return await next_of(reader, SyncStep2) == SyncStep2(update("before"))
        return False

    await eventually(is_read)
    assert (await api.get("/api/documents/another", key)).status_code == 200
    refused = await api.post_json("/api/admin/keys", key, {"name": "x", "scopes": ["read"]})
    assert (refused.status_code, error_of(refused)) == (503, "store_unavailable")
    assert refused.headers["retry-after"]


async def test_clocks_that_differ_are_found(run: Run, database_url: str) -> None:
    """The database tells another time, by a function of that name which stands before the one of Postgres."""
    name = database_url.partition("?")[0].rpartition("/")[2]
    assert (await of(run, database_url))["clock"]["verdict"] == "ok"
    await execute(
        database_url,
        "create function clock_timestamp() returns timestamptz language sql"
        " as $$ select pg_catalog.clock_timestamp() + interval '95 seconds' $$",
    )
    await execute(database_url, f'alter database "{name}" set search_path = public, pg_catalog')
    found = (await of(run, database_url))["clock"]
    assert (found["verdict"], "are 95 s apart" in found["evidence"]) == ("warning", True)
    assert found["remedy"].startswith("timedatectl set-ntp true")


async def test_a_token_of_a_server_whose_clock_is_ahead_is_refused_with_the_reason(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        refused = await api.get("/api/documents", api.app.token(key, lifetime=3600, ahead=600))
        assert refused.status_code == 401
        assert "compare the clocks" in refused.json()["error"]["message"]


async def test_a_statement_that_holds_up_others_is_found(run: Run, database_url: str) -> None:
    hog, other = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    sleeping = asyncio.create_task(hog.execute("select pg_sleep(600)"))
    running = "select from pg_stat_activity where query like '%pg_sleep(6%' and pid <> pg_backend_pid()"

    async def sleeps() -> bool:
        return len(await other.fetch(running)) == 1

    await eventually(sleeps)
    found = (await of(run, database_url, STATEMENT_TIMEOUT="0.001"))["long statements"]
    assert (found["verdict"], "longer than STATEMENT_TIMEOUT" in found["evidence"]) == ("warning", True)
    assert "pg_stat_activity" in found["remedy"]
    hog.terminate()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await sleeping
    await other.close()


async def test_a_row_that_rots_makes_its_document_read_only_and_the_doctor_names_it(
    run: Run, database_url: str
) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as writer:
            await writer.send(encode(SyncUpdate(update("a"))))
            await next_of(writer, SyncUpdate)
        await execute(database_url, "update document_updates set payload = set_byte(payload, 3, 255)")
    async with running_app(database_url) as app:
        async with socket(app, key.text) as reader:
            await reader.send(encode(SyncStep1(b"\x00")))
            await next_of(reader, SyncStep2)
        found = (await of(run, database_url))["quarantine"]
        assert (found["verdict"], "acme: depot" in found["evidence"]) == ("failed", True)
    remedy = found["remedy"].split()
    assert remedy[:3] == ["webhost-sync", "document", "diagnose"]
    assert (await printed(run, *remedy[1:], DATABASE_URL=database_url))["damages"]


async def test_a_position_that_is_no_place_is_named_by_its_field(run: Run, database_url: str) -> None:
    async with open_fleet(database_url) as fleet:
        device = Writer(1)
        await fleet.project(track_name(), device.raw_chunk(encode_chunk([fix(1), fix(2, latitude=91.0)])))
        assert len(await fleet.execute("select from gps_positions")) == 1, "the other one is there"
    found = (await of(run, database_url))["values left out"]
    assert (found["verdict"], "latitude" in found["evidence"]) == ("warning", True)


@asynccontextmanager
async def cutting_proxy(app: App) -> AsyncIterator[str]:
    """Passes everything on, and cuts each socket to a document behind the first frame of the server."""
    port = int(app.url.rpartition(":")[2])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # it only tried the port
            writer.close()
            return
        answers, questions = await asyncio.open_connection("127.0.0.1", port)
        questions.write(head)

        async def forward() -> None:
            while data := await reader.read(65536):
                questions.write(data)
            questions.transport.abort()

        forwarding = asyncio.create_task(forward())
        writer.write(await answers.read(65536))
        while data := await answers.read(65536):
            if head.startswith(b"GET /sync"):
                break
            writer.write(data)
        forwarding.cancel()
        questions.transport.abort()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_connection_that_something_between_cuts_is_told_from_a_refusal(database_url: str) -> None:
    async with running_app(database_url) as app, cutting_proxy(app) as url:
        key = await app.key(await app.tenant(), "read", "write", "admin")
        found = await visited(url, key.text)
        assert found["WebSocket upgrade"].verdict is Verdict.OK
        cut = found["sync"]
        assert (cut.verdict, "closed with 1006" in cut.evidence) == (Verdict.FAILED, True)
        assert "1006 is a proxy or the network" in cut.remedy


def test_a_container_whose_memory_is_nearly_full_is_warned_of(tmp_path: Path) -> None:
    """By the kernel's own files: nobody fills the memory of the machine that runs the tests."""
    (tmp_path / "memory.max").write_text("536870912\n")
    (tmp_path / "memory.current").write_text("520093696\n")
    (tmp_path / "memory.stat").write_text("anon 500000000\ninactive_file 10485760\n")
    found = machine.memory(memory_share(tmp_path))
    assert (found.verdict, found.evidence) == (Verdict.WARNING, "95% are taken")
    assert "OUTBOX_LIMIT" in found.remedy
