"""Writers whose edits go into the log by HTTP, and whoever asks for the past of what they wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pycrdt import Doc, Map, Text

from tests.app import Credential
from tests.server.api import Api, running_api
from tests.server.test_api_documents import round_trip
from webhost_sync.routes import history_models as models

NAME = "tables/vehicles"
PATH = f"/api/documents/{NAME}"


@dataclass
class Writer:
    """Somebody whose edits go into the log by HTTP, one row each."""

    past: Past
    token: str
    doc: Doc[Any]

    @property
    def rows(self) -> Any:
        return self.doc.get("rows", type=Map)

    @property
    def notes(self) -> Any:
        return self.doc.get("notes", type=Text)

    async def push(self) -> None:
        """Exchange what there is on either side."""
        answer = await round_trip(
            self.past.api, self.token, self.doc.get_update(), self.doc.get_state(), name=NAME
        )
        self.doc.apply_update(answer.diff)


@dataclass(frozen=True)
class Past:
    api: Api
    key: Credential

    def writer(self, subject: str, client_id: int) -> Writer:
        return Writer(
            self, self.api.app.token(self.key, "read", "write", subject=subject), Doc(client_id=client_id)
        )

    async def get(self, query: str, credential: str | None = None) -> httpx.Response:
        return await self.api.get(f"{PATH}/{query}", credential or self.key.text)

    async def ask(self, query: str) -> Any:
        answer = await self.get(query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, what: str, body: object, credential: str | None = None) -> httpx.Response:
        return await self.api.post_json(f"{PATH}/{what}", credential or self.key.text, body)

    async def restore(self, body: object) -> dict[str, Any]:
        answer = await self.post("restore", body)
        assert answer.status_code == 200, answer.text
        models.RestoreAnswer.model_validate(answer.json())
        found = answer.json()
        assert isinstance(found, dict)
        return found

    async def roots(self) -> Any:
        return (await self.api.get(PATH, self.key.text)).json()["roots"]

    async def head(self) -> int:
        return int((await self.api.get(PATH, self.key.text)).json()["head_seq"])


@asynccontextmanager
async def open_past(database_url: str, **changed: object) -> AsyncIterator[Past]:
    async with running_api(database_url, **changed) as api:
        key = await api.app.key(await api.app.tenant(), "read", "write", "history")
        yield Past(api, key)


@asynccontextmanager
async def two_writers(database_url: str) -> AsyncIterator[tuple[Past, Writer, Writer]]:
    """Four rows: ada makes two vehicles, bob changes one and deletes the other, ada writes notes."""
    async with open_past(database_url) as past:
        ada, bob = past.writer("ada", 11), past.writer("bob", 12)
        ada.rows["bus-7"] = Map({"name": "Bus 7", "status": "active"})
        ada.rows["bus-9"] = Map({"name": "Bus 9"})
        await ada.push()
        await bob.push()
        bob.rows["bus-7"]["status"] = "in repair"
        await bob.push()
        del bob.rows["bus-9"]
        await bob.push()
        await ada.push()
        ada.notes.insert(0, "Brakes checked")
        await ada.push()
        await bob.push()
        yield past, ada, bob


FIRST = {"rows": {"bus-7": {"name": "Bus 7", "status": "active"}, "bus-9": {"name": "Bus 9"}}}
LAST = {"notes": "Brakes checked", "rows": {"bus-7": {"name": "Bus 7", "status": "in repair"}}}
