"""Deleting documents while people use them: who is told what, what comes back, and what never does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx
import pytest
from pycrdt import Map
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from store.changes import PostgresChanges
from store.fleet import PostgresFleet
from store.roles import Role
from tests.app import running_app
from tests.eventually import eventually
from tests.server.api import error_of
from tests.server.collab_client import SDK, CollabClient, collab_client
from tests.server.lives import Lives, Writer, open_lives
from tests.server.test_sync_door import close_code, next_of, socket
from tests.store.logs import execute
from webhost_sync.fleet.projector import Projector
from webhost_sync.sync.hocuspocus import Address, Authenticated, Stateless, Token
from webhost_sync.sync.protocol import PermissionDenied, SyncStep1, SyncUpdate, encode


async def test_everybody_is_told_and_nothing_is_found_any_more(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await lives.write(Writer(1).set("a", 1))
        app, key = lives.api.app, lives.key
        async with socket(app, key.text) as stock, collab_client(app) as ours, collab_client(app) as theirs:
            await next_of(stock, SyncStep1)
            await ours.open(key.text, version=SDK)
            await theirs.open(key.text)
            done = await lives.do("DELETE", "depot")
            assert (done["name"], done["head_seq"], done["purged_at"]) == ("depot", 1, None)
            assert await close_code(stock) == 4404
            told = await last_told(ours)
            assert (told["code"], told["retry"]) == ("document_not_found", False)
            await ours.hear(PermissionDenied)
            await theirs.hear(PermissionDenied)
        for path in ("depot", "depot/history", "depot/diagnosis", "depot/download", "nothing"):
            answer = await lives.ask("GET", path)
            assert (answer.status_code, error_of(answer)) == (404, "document_not_found")
        assert (await lives.ask("GET", "depot")).json() == _renamed(await lives.ask("GET", "other"))
        await lives.write(Writer(2).set("late", 1), status=404)
        async with socket(app, key.text) as late:
            assert await close_code(late) == 4404
        assert (await lives.api.get("/api/documents", key.text)).json()["items"] == []


def _renamed(answer: httpx.Response) -> object:
    body = answer.json()
    body["error"]["message"] = body["error"]["message"].replace("'other'", "'depot'")
    return body


async def test_every_process_closes_its_members_within_moments(database_url: str) -> None:
    async with open_lives(database_url) as lives, running_app(database_url) as elsewhere:
        await lives.write(Writer(1).set("a", 1))
        async with socket(elsewhere, lives.key.text) as far:
            await next_of(far, SyncStep1)
            await lives.do("DELETE", "depot")
            assert await close_code(far) == 4404
            await eventually(lambda: elsewhere.services.hub.status().rooms == 0)


async def test_a_process_that_missed_the_message_finds_out_by_looking(database_url: str) -> None:
    async with open_lives(database_url, log_poll_interval=0.1) as lives:
        await lives.write(Writer(1).set("a", 1))
        async with socket(lives.api.app, lives.key.text) as member:
            await next_of(member, SyncStep1)
            await execute(database_url, "update documents set state = 'deleted', purge_at = now() + '1 day'")
            assert await close_code(member) == 4404


async def test_what_is_brought_back_is_exactly_what_it_was_and_is_listed_until_then(
    database_url: str,
) -> None:
    async with open_lives(database_url) as lives:
        writer = Writer(1)
        await lives.write(writer.set("a", 1))
        await lives.write(writer.set("a", 2))
        before, history = await lives.content(), await lives.do("GET", "depot/history")
        await lives.do("DELETE", "depot")
        listed = (await lives.api.get("/api/documents?deleted=true", lives.key.text)).json()["items"]
        assert [(item["name"], item["state"], item["head_seq"]) for item in listed] == [
            ("depot", "deleted", 2)
        ]
        assert listed[0]["purge_at"] > listed[0]["deleted_at"]
        await lives.write(Writer(2).set("late", 1), status=404)  # the refusal is remembered for a moment
        back = await lives.do("POST", "depot/bring-back")
        assert (back["epoch"], back["state"], back["demands_epoch"]) == (before["epoch"], "active", False)
        assert await lives.content() == before
        assert await lives.do("GET", "depot/history") == history
        assert (await lives.api.get("/api/documents?deleted=true", lives.key.text)).json()["items"] == []
        await eventually(lambda: write_again(lives, writer))
        assert (await lives.content())["head_seq"] == 3


async def write_again(lives: Lives, writer: Writer) -> None:
    await lives.write(writer.set("a", 3))


@asynccontextmanager
async def running_projector(lives: Lives) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """What writes everything that is behind."""
    settings = lives.api.app.services.settings
    database = lives.api.app.services.database
    async with PostgresChanges(partial(database.raw_connection, Role.APP)) as changes:
        fleet = PostgresFleet(database, changes)
        async with Projector(fleet, lives.api.app.services.log, changes, settings) as projector:
            yield projector.catch_up


async def test_rows_go_with_the_document_and_come_back_with_it(database_url: str) -> None:
    async with open_lives(database_url) as lives, running_projector(lives) as project:
        doc = Writer(1).doc
        rows = doc.get("rows", type=Map)
        rows["bus-7"] = Map({"name": "Bus 7"})
        await lives.write(doc.get_update(), name="tables/vehicles")
        await project()
        vehicles = (await lives.api.get("/api/vehicles", lives.key.text)).json()
        assert [vehicle["id"] for vehicle in vehicles["items"]] == ["bus-7"]
        await lives.do("DELETE", "tables/vehicles")
        await project()
        assert (await lives.api.get("/api/vehicles", lives.key.text)).json()["items"] == []
        await lives.do("POST", "tables/vehicles/bring-back")
        await project()
        assert (await lives.api.get("/api/vehicles", lives.key.text)).json() == vehicles


async def test_a_purged_document_is_gone_and_its_offline_replicas_bring_nothing_back(
    database_url: str,
) -> None:
    async with open_lives(database_url) as lives:
        offline = Writer(1)
        await lives.write(offline.set("a", 1))
        epoch = (await lives.content())["epoch"]
        pending = offline.set("offline", 1)
        done = await lives.do("DELETE", "depot?now=true")
        assert done["purged_at"] is not None
        app, key = lives.api.app, lives.key
        await lives.write(pending, epoch=epoch, status=404)
        await lives.write(offline.doc.get_update(), status=404)
        async with socket(app, key.text) as stock:
            assert await close_code(stock) == 4404
        async with collab_client(app) as sdk:
            await sdk.say(Token(key.text, f"{SDK};epoch={epoch}"))
            assert (await sdk.hear_webhost("denied"))["code"] == "document_not_found"
        assert (await lives.ask("POST", "depot/bring-back")).status_code == 404
        assert (await execute(database_url, "select count(*) from documents"))[0][0] == 0
        [tombstone] = await execute(database_url, "select name, epoch, purged_by from document_tombstones")
        assert (tombstone["name"], str(tombstone["epoch"])) == ("depot", epoch)


async def test_one_that_is_made_again_has_another_epoch_and_takes_no_replica_of_before(
    database_url: str,
) -> None:
    async with open_lives(database_url) as lives:
        offline = Writer(1)
        await lives.write(offline.set("a", 1))
        old = (await lives.content())["epoch"]
        await lives.do("DELETE", "depot?now=true")
        answer = await lives.ask("PUT", "depot")
        assert answer.status_code == 201
        new = answer.json()["epoch"]
        assert new != old
        assert (await lives.ask("PUT", "depot")).status_code == 200
        stale = offline.set("stale", 1)
        await lives.write(stale, epoch=old, status=409)
        await lives.write(offline.doc.get_update(), status=409)  # it doesn't say what it is
        await lives.write(b"", status=200)  # whoever brings nothing may look
        await lives.write(Writer(2).set("fresh", 1), epoch="none")
        await lives.write(Writer(3).set("new", 1), epoch=new)
        assert (await lives.content())["roots"] == {"rows": {"fresh": 1, "new": 1}}


async def test_at_the_doors_a_stock_client_names_the_epoch_in_the_address(database_url: str) -> None:
    async with open_lives(database_url, refusal_hold=0.01) as lives:
        await lives.write(Writer(1).set("a", 1))
        old = (await lives.content())["epoch"]
        new = (await lives.do("POST", "depot/new-epoch"))["epoch"]
        app, key = lives.api.app, lives.key
        for said, code in (("", 4409), (f"&epoch={old}", 4409), ("&epoch=garbage", 4400)):
            async with connect(f"{app.sync_url}/depot?apiKey={key.text}{said}") as refused:
                assert await close_code(refused) == code
        for said in (new, "none"):
            async with connect(f"{app.sync_url}/depot?apiKey={key.text}&epoch={said}") as member:
                await next_of(member, SyncStep1)
        async with collab_client(app) as client:
            for said in ("", f"?epoch={old}"):
                address = Address(f"depot{said}")
                await client.say(Token(key.text), to=address)
                assert "made anew" in (await client.hear(PermissionDenied, of=address)).reason
        async with collab_client(app) as client:
            named = Address(f"depot?epoch={new}")
            await client.open(key.text, to=named)
            await client.say(SyncUpdate(Writer(2).set("b", 2)), to=named)
            assert await client.statuses(1, of=named) == [True]
            await client.say(Token(key.text), to=named)  # a renewal goes by the plain name too
            await client.hear(Authenticated, of=named)
        assert (await lives.content())["roots"] == {"rows": {"a": 1, "b": 2}}


async def test_a_new_epoch_sends_everybody_of_before_away(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await lives.write(Writer(1).set("a", 1))
        app, key = lives.api.app, lives.key
        async with socket(app, key.text) as stock, collab_client(app) as sdk:
            await next_of(stock, SyncStep1)
            await sdk.open(key.text, version=SDK)
            new = (await lives.do("POST", "depot/new-epoch"))["epoch"]
            assert await close_code(stock) == 4409
            told = await last_told(sdk)
            assert (told["code"], told["epoch"]) == ("wrong_epoch", new)
            await sdk.open(key.text, version=f"{SDK};epoch={new}")


async def last_told(client: CollabClient) -> dict[str, object]:
    """What our SDK is told when the document is denied; what it was told at its opening is passed over."""
    while True:
        told: dict[str, object] = json.loads((await client.hear(Stateless)).payload)
        if told["webhost"] == "denied":
            return told


async def test_what_is_due_is_purged_by_the_server_itself(database_url: str) -> None:
    async with open_lives(database_url, deleted_documents_days=0) as lives:
        await lives.write(Writer(1).set("a", 1))
        await lives.do("DELETE", "depot")
        assert await lives.api.app.services.keeper.purge_due() == 1
        assert (await execute(database_url, "select purged_by from document_tombstones"))[0][0] == "retention"
        assert await lives.api.app.services.keeper.purge_due() == 0


async def test_writers_in_full_flight_leave_nothing_behind_a_purge(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        app, key = lives.api.app, lives.key
        await lives.write(Writer(1).set("a", 0))
        async with socket(app, key.text) as one, socket(app, key.text) as other:
            writing = [asyncio.create_task(write_until_closed(s, n)) for n, s in enumerate((one, other), 2)]
            await eventually(lambda: is_written(database_url, 10))
            await lives.do("DELETE", "depot?now=true")
            assert await asyncio.gather(*writing) == [4404, 4404]
        for table in ("documents", "document_updates", "document_snapshots", "document_versions"):
            assert (await execute(database_url, f"select count(*) from {table}"))[0][0] == 0


async def write_until_closed(member: ClientConnection, client_id: int) -> int | None:
    """Write without a pause until the socket is closed; returns the code."""
    writer = Writer(client_id)

    async def write() -> None:
        with suppress(ConnectionClosed):
            for number in range(100_000):
                await member.send(encode(SyncUpdate(writer.set("a", number))))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        with suppress(ConnectionClosed):
            async for _ in member:
                pass
    return await close_code(member)


async def is_written(url: str, rows: int) -> bool:
    """Whether the only document has so many rows."""
    return bool((await execute(url, "select log_rows >= $1 from documents", rows))[0][0])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "depot"),
        ("DELETE", "depot?now=true"),
        ("PUT", "depot"),
        ("POST", "depot/bring-back"),
        ("POST", "depot/release"),
        ("POST", "depot/erase"),
        ("POST", "depot/new-epoch"),
        ("GET", "depot/diagnosis"),
    ],
)
async def test_only_an_admin_who_may_write_the_document_decides_over_it(
    database_url: str, method: str, path: str
) -> None:
    async with open_lives(database_url) as lives:
        await lives.write(Writer(1).set("a", 1))
        before = await lives.content()
        app, tenant = lives.api.app, lives.key.tenant
        other = await app.tenant("other")
        refused = [
            (await app.key(other, "read", "write", "admin"), 404),
            (await app.key(tenant, "admin"), 404),
            (await app.key(tenant, "read", "write", "admin", documents=("tables/*",)), 404),
            (await app.key(tenant, "read", "write", "history"), 403),
            (await app.key(tenant, "read"), 403),
        ]
        if method != "GET":
            refused.append((await app.key(tenant, "read", "admin"), 403))
        for key, status in refused:
            answer = await lives.ask(method, path, key.text)
            expected = 201 if method == "PUT" and key.tenant == other else status
            assert answer.status_code == expected, answer.text
            assert "'a'" not in answer.text
        assert await lives.content() == before
        no_admin = await app.key(tenant, "read", "write")
        assert (await lives.api.get("/api/documents?deleted=true", no_admin.text)).status_code == 403
