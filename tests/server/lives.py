"""The life of documents over HTTP and at both doors, as the tests of it use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pycrdt import Doc, Map

from tests.app import Credential
from tests.server.api import Api, headers_of, running_api
from webhost_sync.sync.round_trip import RoundTripAnswer, RoundTripRequest, decode_answer, encode_request

EPOCH = "X-Document-Epoch"


@dataclass(frozen=True)
class Lives:
    """An API, and an admin's key."""

    api: Api
    key: Credential

    async def ask(self, method: str, path: str, credential: str | None = None) -> httpx.Response:
        headers = headers_of(credential or self.key.text, {})
        return await self.api.client.request(method, f"/api/documents/{path}", headers=headers)

    async def do(self, method: str, path: str) -> Any:
        answer = await self.ask(method, path)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def do_json(self, path: str, body: object, *, name: str = "depot") -> Any:
        answer = await self.api.post_json(f"/api/documents/{name}/{path}", self.key.text, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def write(
        self, update: bytes, *, name: str = "depot", epoch: str | None = None, status: int = 200
    ) -> RoundTripAnswer | None:
        """One round trip that brings an update and asks for everything."""
        headers = {"Content-Type": "application/octet-stream"} | ({} if epoch is None else {EPOCH: epoch})
        answer = await self.api.client.post(
            f"/api/documents/{name}/sync",
            content=encode_request(RoundTripRequest(b"", update)),
            headers=headers_of(self.key.text, headers),
        )
        assert answer.status_code == status, answer.text
        return decode_answer(answer.content) if status == 200 else None

    async def content(self, name: str = "depot") -> Any:
        return await self.do("GET", name)


@asynccontextmanager
async def open_lives(database_url: str, **changed: object) -> AsyncIterator[Lives]:
    async with running_api(database_url, **changed) as api:
        key = await api.app.key(await api.app.tenant(), "read", "write", "history", "admin")
        yield Lives(api, key)


class Writer:
    """A replica that hands out each of its edits as an update."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)

    def set(self, key: str, value: object) -> bytes:
        before = self.doc.get_state()
        self.doc.get("rows", type=Map)[key] = value
        return self.doc.get_update(before)
