"""Erasing the history of a document: nothing of before is left anywhere, and nothing of before comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from pycrdt import Doc, Map, Text

from store.renewal import KEPT_OF_A_DOCUMENT
from tests.eventually import eventually
from tests.server.api import error_of
from tests.server.collab_client import SDK, collab_client
from tests.server.lives import Lives, Writer, open_lives
from tests.server.test_deletion import is_written, last_told, running_projector, write_until_closed
from tests.server.test_sync_door import close_code, next_of, socket
from tests.store.logs import execute
from tests.strategies import History, histories
from webhost_sync.errors import InvalidRequest
from webhost_sync.history.content import read_state
from webhost_sync.history.replay import State
from webhost_sync.lifecycle.erasure import written_anew
from webhost_sync.sync.document import Document
from webhost_sync.sync.protocol import SyncStep1

SECRET = "Grace Hopper"


async def write_a_past(lives: Lives) -> Doc[Any]:
    """Somebody's name as a key, a value and a text, all of them deleted again."""
    doc: Doc[Any] = Doc(client_id=4711)
    rows, notes = doc.get("rows", type=Map), doc.get("notes", type=Text)
    rows[SECRET] = 1
    rows["driver"] = SECRET
    notes.insert(0, f"{SECRET} was here, and stays")
    await lives.write(doc.get_update())
    await lives.do_json("versions", {"name": f"with {SECRET}"})
    before = doc.get_state()
    del rows[SECRET]
    rows["driver"] = "nobody"
    del notes[: len(SECRET) + 10]
    await lives.write(doc.get_update(before))
    return doc


async def stored_bytes(url: str) -> bytes:
    """Everything that any table of documents holds, as text and bytes."""
    found = b""
    for table in KEPT_OF_A_DOCUMENT:
        for row in await execute(url, f"select * from {table}"):
            found += b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    return found


async def test_nothing_of_what_was_deleted_is_left(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await write_a_past(lives)
        before = await lives.content()
        assert SECRET.encode() in await stored_bytes(database_url)
        done = await lives.do("POST", "depot/erase")
        assert (done["epoch"] != before["epoch"], done["demands_epoch"]) == (True, True)
        assert SECRET.encode() not in await stored_bytes(database_url)
        after = await lives.content()
        assert (after["roots"], after["head_seq"]) == (before["roots"], before["head_seq"])
        assert (await lives.do("GET", "depot/versions"))["items"] == []
        assert (await lives.do("GET", "depot/history"))["items"] == []
        answer = await lives.ask("GET", "depot/state?at=1")
        assert (answer.status_code, error_of(answer)) == (410, "history_gone")
        events = (await lives.do("GET", "depot/diagnosis"))["events"]
        assert [(event["action"], event["detail"]["from"]) for event in events] == [
            ("erased", before["epoch"])
        ]


async def test_a_past_state_that_was_just_looked_at_is_gone_as_well(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await write_a_past(lives)
        assert SECRET in (await lives.ask("GET", "depot/state?at=1")).text
        await lives.do("POST", "depot/erase")
        assert SECRET not in (await lives.ask("GET", "depot/state?at=1")).text


async def test_everybody_of_before_is_sent_away_and_brings_nothing_back(database_url: str) -> None:
    async with open_lives(database_url, refusal_hold=0.01) as lives:
        replica = await write_a_past(lives)
        app, key = lives.api.app, lives.key.text
        async with socket(app, key) as stock, collab_client(app) as sdk:
            await next_of(stock, SyncStep1)
            await sdk.open(key, version=SDK)
            old = (await lives.content())["epoch"]
            new = (await lives.do("POST", "depot/erase"))["epoch"]
            assert await close_code(stock) == 4409
            assert (await last_told(sdk))["epoch"] == new
            await sdk.open(key, version=f"{SDK};epoch={new}")
        async with socket(app, key) as again:
            assert await close_code(again) == 4409
        await lives.write(replica.get_update(), epoch=old, status=409)
        await lives.write(replica.get_update(), status=409)
        await lives.write(Writer(2).set("new", 1), epoch=new)
        assert SECRET.encode() not in await stored_bytes(database_url)


async def test_it_is_erased_while_somebody_writes_without_a_pause(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await write_a_past(lives)
        async with socket(lives.api.app, lives.key.text) as member:
            writing = asyncio.create_task(write_until_closed(member, 5))
            await eventually(lambda: is_written(database_url, 10))
            await lives.do("POST", "depot/erase")
            assert await writing == 4409
        assert SECRET.encode() not in await stored_bytes(database_url)


async def test_an_empty_document_and_one_that_was_erased_can_be_erased(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await lives.do("PUT", "depot")
        first = await lives.do("POST", "depot/erase")
        await lives.write(Writer(1).set("a", 1), epoch=first["epoch"])
        await lives.do("POST", "depot/erase")
        assert (await lives.content())["roots"] == {"rows": {"a": 1}}


@given(history=histories())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_anew_holds_the_same_and_is_one_writer_s(history: History) -> None:
    document = Document(client_id=0)
    for update in history.updates:
        document.apply(update)
    state = State(1, document.encode(), document.kept, document.root_kinds, document.is_lossy)
    document.close()
    try:
        update, _ = written_anew(state, 77)
    except InvalidRequest:
        assert not state.is_exact or "document" in str(read_state(state.update, state.kinds))
        return
    assert read_state(update, state.kinds) == read_state(state.update, state.kinds)


async def test_what_can_t_be_written_anew_is_refused_and_nothing_is_erased(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        writer = Writer(1)
        first, waits = writer.set("a", 1), writer.set("b", 2)
        await lives.write(waits)  # without the one before it
        answer = await lives.ask("POST", "depot/erase")
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")
        await lives.write(first)
        assert (await lives.content())["roots"] == {"rows": {"a": 1, "b": 2}}


@pytest.mark.parametrize(("kind", "at", "roots"), [("update", "", {"a": 2}), ("json", "&at=1", {"a": 1})])
async def test_a_document_is_downloaded_as_a_file(
    database_url: str, kind: str, at: str, roots: dict[str, object]
) -> None:
    async with open_lives(database_url) as lives:
        writer = Writer(1)
        for value in (1, 2):
            await lives.write(writer.set("a", value), name="notes/first")
        answer = await lives.ask("GET", f"notes/first/download?format={kind}{at}")
        assert answer.status_code == 200
        ending = {"update": "2.yjs", "json": "1.json"}[kind]
        assert f'attachment; filename="notes_first.{ending}"' in answer.headers["Content-Disposition"]
        assert answer.headers["X-Document-Epoch"] == (await lives.content("notes/first"))["epoch"]
        if kind == "json":
            assert answer.json()["roots"] == {"rows": roots}
        else:
            replica: Doc[Any] = Doc()
            replica.apply_update(answer.content)
            assert replica.get("rows", type=Map).to_py() == roots
        reader = await lives.api.app.key(lives.key.tenant, "read")
        allowed = await lives.ask("GET", f"notes/first/download?format={kind}{at}", reader.text)
        assert allowed.status_code == (403 if at else 200)


async def test_the_tables_follow_an_erasure_and_what_is_written_after_it(database_url: str) -> None:
    async with open_lives(database_url) as lives, running_projector(lives) as project:
        name, before = "tables/vehicles", Writer(1)
        await lives.write(before.set("bus-7", Map({"name": "Bus 7"})), name=name)
        await project()
        vehicles = (await lives.api.get("/api/vehicles", lives.key.text)).json()
        assert [vehicle["name"] for vehicle in vehicles["items"]] == ["Bus 7"]
        epoch = (await lives.do("POST", f"{name}/erase"))["epoch"]
        await project()
        assert (await lives.api.get("/api/vehicles", lives.key.text)).json() == vehicles
        await lives.write(Writer(2).set("bus-9", Map({"name": "Bus 9"})), name=name, epoch=epoch)
        await project()
        rows = (await lives.api.get("/api/vehicles", lives.key.text)).json()["items"]
        assert [vehicle["id"] for vehicle in rows] == ["bus-7", "bus-9"]
