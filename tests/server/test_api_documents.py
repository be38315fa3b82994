"""Documents over HTTP: list, content and the round trip, against live rooms."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text
from sqlalchemy import text

from store.contract import NewUpdate
from tests.golden import UPDATES
from tests.server.api import Api, error_of, running_api
from tests.server.test_sync_door import next_of, socket
from webhost_sync.errors import InvalidRequest
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.sync.document import Document as Replica
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import SyncStep1, SyncUpdate, encode
from webhost_sync.sync.round_trip import (
    MEDIA_TYPE,
    RoundTripAnswer,
    RoundTripRequest,
    decode_answer,
    encode_request,
)


def edit(key: str, client_id: int = 5) -> bytes:
    doc: Doc[Map[object]] = Doc(client_id=client_id)
    doc.get("rows", type=Map)[key] = 1
    return doc.get_update()


async def round_trip(
    api: Api, credential: str, update: bytes = b"", state_vector: bytes = b"", name: str = "depot"
) -> RoundTripAnswer:
    body = encode_request(RoundTripRequest(state_vector, update))
    answer = await api.post(f"/api/documents/{name}/sync", credential, content=body)
    assert answer.status_code == 200, answer.text
    return decode_answer(answer.content)


async def test_an_update_is_committed_before_it_is_answered(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await round_trip(api, key.text, edit("a"))
        document = await api.app.services.log.open(key.tenant.id, "depot", create=False)
        [row] = await api.app.services.log.read(key.tenant.id, document.id, after_seq=0)
        assert row.payload == edit("a")
        assert row.actor == f"key:{key.record.prefix}"


async def test_whoever_is_connected_sees_it_and_is_seen(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        async with socket(api.app, key.text) as live:
            await next_of(live, SyncStep1)
            await live.send(encode(SyncUpdate(edit("theirs", 6))))
            assert await next_of(live, SyncUpdate) == SyncUpdate(edit("theirs", 6))
            answer = await round_trip(api, key.text, edit("ours", 5))
            assert await next_of(live, SyncUpdate) == SyncUpdate(edit("ours", 5))
        replica = Replica(client_id=1)
        replica.apply(answer.diff)
        assert replica.values() == {"rows": {"ours": 1, "theirs": 1}}
        assert replica.state_vector() == answer.state_vector


async def test_the_same_request_again_changes_nothing(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        first = await round_trip(api, key.text, edit("a"))
        assert await round_trip(api, key.text, edit("a")) == first
        again = await round_trip(api, key.text, edit("a"), first.state_vector)
        assert again == RoundTripAnswer(first.state_vector, EMPTY_UPDATE)
        assert (await api.get("/api/documents/depot", key.text)).json()["head_seq"] == 1


async def test_many_at_once_all_end_in_one_equal_document(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await asyncio.gather(*(round_trip(api, key.text, edit(f"k{n}", n)) for n in range(1, 30)))
        content = (await api.get("/api/documents/depot", key.text)).json()
        assert content["roots"] == {"rows": {f"k{n}": 1 for n in range(1, 30)}}


async def test_a_replica_of_another_epoch_is_refused_and_nothing_merged(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        body = encode_request(RoundTripRequest(b"", edit("a")))
        path = "/api/documents/depot/sync"
        answer = await api.post(path, key.text, content=body, X_Document_Epoch=str(uuid4()))
        assert (answer.status_code, error_of(answer)) == (409, "wrong_epoch")
        empty = await api.post(path, key.text, content=b"\x01\x00\x00")
        assert decode_answer(empty.content).diff == EMPTY_UPDATE
        epoch = empty.headers["X-Document-Epoch"]
        assert epoch in (await api.get("/api/documents/depot", key.text)).text
        right = await api.post(path, key.text, content=body, X_Document_Epoch=epoch)
        assert (right.status_code, right.headers["X-Document-Seq"]) == (200, "1")
        malformed = await api.post(path, key.text, content=body, X_Document_Epoch="7")
        assert (malformed.status_code, error_of(malformed)) == (400, "invalid_request")


async def test_a_reader_gets_the_diff_but_can_bring_nothing(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await round_trip(api, key.text, edit("a"))
        reader = api.app.token(key, "read")
        assert (await round_trip(api, reader)).diff == edit("a")
        body = encode_request(RoundTripRequest(b"", edit("b", 9)))
        answer = await api.post("/api/documents/depot/sync", reader, content=body)
        assert (answer.status_code, error_of(answer)) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "protocol_error"),
        (b"\x02\x00\x00", "protocol_error"),
        (b"\x01\x00\x01\xff", "malformed_update"),
        (b"\x01\x01\xff\x00", "protocol_error"),
        (b"\x01\x00\x00\x00", "protocol_error"),
    ],
)
async def test_bad_bytes_are_refused_and_the_room_goes_on(database_url: str, body: bytes, code: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        answer = await api.post("/api/documents/depot/sync", key.text, content=body)
        assert (answer.status_code, error_of(answer)) == (400, code)
        assert (await round_trip(api, key.text, edit("a"))).diff == edit("a")


async def test_a_body_that_is_too_large_is_refused_without_being_read(database_url: str) -> None:
    async with running_api(database_url, frame_limit=1000) as api:
        key = await api.app.key(await api.app.tenant())
        announced = await api.post("/api/documents/depot/sync", key.text, content=b"\x01" * 1001)
        assert (announced.status_code, error_of(announced)) == (413, "too_large")
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(api.app.url).port)
        head = f"POST /api/documents/x/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key.text}\r\n"
        writer.write((head + f"Content-Type: {MEDIA_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n").encode())
        writer.write(b"400\r\n" + b"\x01" * 1024 + b"\r\n")  # more would follow, and nobody waits for it
        async with asyncio.timeout(60):
            answered = await reader.read()
        assert answered.startswith(b"HTTP/1.1 413")
        writer.close()
        await writer.wait_closed()


async def test_a_compressed_body_and_one_of_another_type_are_refused(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        for header in ({"Content-Encoding": "gzip"}, {"Content-Type": "text/plain"}):
            answer = await api.post("/api/documents/a/sync", key.text, content=b"\x01\0\0", **header)
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request")


async def test_what_cannot_be_merged_is_left_out_of_the_diff_and_counted(database_url: str) -> None:
    hook = next(sample.update for sample in UPDATES if sample.name == "XML hook")
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await round_trip(api, key.text, edit("a"))
        await round_trip(api, key.text, hook)
        answer = await api.post("/api/documents/depot/sync", key.text, content=b"\x01\0\0")
        assert decode_answer(answer.content).diff == edit("a")
        assert answer.headers["X-Document-Left-Out"] == "1"
        assert (await api.get("/api/documents/depot", key.text)).json()["complete"] is False


async def test_content_is_the_merged_state_as_json(database_url: str) -> None:
    doc: Doc[Any] = Doc(client_id=3)
    rows = doc.get("rows", type=Map)
    rows.update({"whole": 3.0, "half": 0.5, "bytes": b"\x00\xff", "nan": float("nan"), "list": [True, None]})
    doc.get("letter", type=Text).insert(0, "Zażółć")
    doc.get("queue", type=Array).append({"$t": "d", "v": 7})
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await round_trip(api, key.text, doc.get_update(), name="yard/%C5%81%2Fa")
        answer = await api.get("/api/documents/yard/%C5%81%2Fa", key.text)
        content = answer.json()
        assert content["name"] == "yard/Ł/a"
        assert content["complete"] is True
        assert content["roots"] == {
            "letter": "Zażółć",
            "queue": [{"$t": "d", "v": 7}],
            "rows": {
                "whole": 3, "half": 0.5, "nan": None, "list": [True, None],
                "bytes": {"$t": "b", "k": "Uint8Array", "v": "AP8="},
            },
        }  # fmt: skip
        assert re.search(r'"whole":3[,}]', answer.text)


async def test_a_document_that_has_not_changed_is_not_sent_again(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await round_trip(api, key.text, edit("a"))
        tag = (await api.get("/api/documents/depot", key.text)).headers["ETag"]
        same = await api.get("/api/documents/depot", key.text, If_None_Match=f'"x", W/{tag}')
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        await round_trip(api, key.text, edit("b", 9))
        assert (await api.get("/api/documents/depot", key.text, If_None_Match=tag)).status_code == 200


async def test_a_damaged_document_is_shown_as_far_as_it_can_be_read(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        log = api.app.services.log
        document = await log.open(key.tenant.id, "depot", create=True)
        updates = [NewUpdate(edit(name, number), "ada") for number, name in enumerate("abc", 1)]
        await log.append(key.tenant.id, document.id, updates, epoch=document.epoch)
        async with api.app.services.database.owner() as connection:
            await connection.execute(text("update document_updates set checksum = 0 where seq = 2"))
        content = (await api.get("/api/documents/depot", key.text)).json()
        assert content["roots"] == {"rows": {"a": 1, "c": 1}}
        assert content["complete"] is False


async def test_a_forbidden_document_looks_like_an_unknown_one_and_is_not_made(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        wide, narrow = await api.app.key(tenant), await api.app.key(tenant, documents=["mine/*"])
        await round_trip(api, wide.text, edit("a"))
        unknown = await api.get("/api/documents/other", wide.text)
        forbidden = await api.get("/api/documents/depot", narrow.text)
        assert unknown.status_code == forbidden.status_code == 404
        assert unknown.text.replace("other", "depot") == forbidden.text
        assert (await api.get("/api/documents/other", wide.text)).status_code == 404


async def test_the_list_shows_what_the_grants_fit_by_prefix_and_page(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        wide = await api.app.key(tenant)
        some = await api.app.key(tenant, documents=["a/*", "b_2", "Ł*"])
        names = ["a/1", "a/2", "a/3", "b_2", "bx2", "c", "Łódź"]
        for name in names:
            await api.app.services.log.open(tenant.id, name, create=True)
        assert await listed(api, wide.text, "limit=2") == names
        assert await listed(api, some.text, "limit=2") == ["a/1", "a/2", "a/3", "b_2", "Łódź"]
        assert await listed(api, some.text, "prefix=a/") == ["a/1", "a/2", "a/3"]
        assert await listed(api, some.text, "prefix=zz") == []


async def listed(api: Api, credential: str, query: str) -> list[str]:
    pages = await api.pages(f"/api/documents?{query}", credential)
    return [item["name"] for page in pages for item in page]


@given(st.text(max_size=40).filter(lambda key: "\0" not in key), st.text(max_size=20))
def test_a_cursor_is_read_as_it_was_written_and_for_its_own_query_only(key: str, query: str) -> None:
    cursors = CursorFormat[str](str)
    cursor = cursors.encode(key, query)
    assert cursors.decode(cursor, query) == key
    with pytest.raises(InvalidRequest):
        cursors.decode(cursor, query + "x")


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_an_invalid_request(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CursorFormat[str](str).decode(text, "query")
