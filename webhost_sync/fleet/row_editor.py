"""Edits rows of tables for whoever has no replica: the API and the dashboard.

An edit goes through the live room of the table's document as a client's update does: durable before anybody
sees it, in the log under the name of whoever made it, and merging with what others do meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic
from weakref import WeakKeyDictionary

from store.contract import UnknownDocument, UpdateLog
from webhost_sync.fleet.row_edit import Changes, EditableTable, RowT, add_row, edit_row, remove_row
from webhost_sync.sync.document import EMPTY_STATE_VECTOR
from webhost_sync.sync.effects import Answer, Exchange, Member
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.runner import Runner

CLIENT_ID_BITS = 32


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits, as the log names them."""

    name: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Edited(Generic[RowT]):
    """The row after the edit, the document's last update then, and the fields that were changed."""

    row: RowT
    seq: int
    changed: tuple[str, ...]


@dataclass(slots=True)
class _Writer:
    """The number under which edits are made, and whose turn it is: one edit of it at a time."""

    client_id: int = field(default_factory=lambda: secrets.randbits(CLIENT_ID_BITS))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A room as it was when the turn began; nobody else edits here until it ends."""

    runner: Runner
    member: Member
    now: Answer
    client_id: int

    async def put(self, update: bytes) -> None:
        await self.runner.exchange(self.member, Exchange(self.now.state_vector, update))


class RowEditor:
    """Edits rows in the rooms of this process.

    Every writer's number in a document costs every later transaction, so all edits of one room share one. A
    room that is lost with an edit in flight takes its number with it: what became of that edit is not known,
    and a number must never be used for two contents.

    Every method raises also what a room refuses updates with: DocumentQuarantined, TooLarge, Draining and the
    like; then nothing was changed.
    """

    def __init__(self, log: UpdateLog, hub: Hub) -> None:
        self._log = log
        self._hub = hub
        self._writers: WeakKeyDictionary[Runner, _Writer] = WeakKeyDictionary()

    async def edit(
        self, table: EditableTable[RowT], tenant_id: int, key: str, changes: Changes, editor: Editor
    ) -> Edited[RowT]:
        """Change fields of a row, all at once. Raises: the table's `not_found`, InvalidRequest."""
        await self._demand_document(table, tenant_id, key)
        async with self._turn(table, tenant_id, editor) as turn:
            edit = await asyncio.to_thread(
                edit_row, table, turn.now.update, key, changes, client_id=turn.client_id
            )
            if edit is None:
                raise table.missing(key)
            if edit.changed:
                await turn.put(edit.update)
            return Edited(edit.row, turn.runner.seq, edit.changed)

    async def add(
        self, table: EditableTable[RowT], tenant_id: int, key: str, changes: Changes, editor: Editor
    ) -> Edited[RowT]:
        """Put in a row; the document is made with the first one. Raises: InvalidRequest."""
        async with self._turn(table, tenant_id, editor) as turn:
            edit = await asyncio.to_thread(
                add_row, table, turn.now.update, key, changes, client_id=turn.client_id
            )
            await turn.put(edit.update)
            return Edited(edit.row, turn.runner.seq, edit.changed)

    async def remove(self, table: EditableTable[Any], tenant_id: int, key: str, editor: Editor) -> int:
        """Take a row out; the document's last update then. Raises: the table's `not_found`."""
        await self._demand_document(table, tenant_id, key)
        async with self._turn(table, tenant_id, editor) as turn:
            update = await asyncio.to_thread(remove_row, turn.now.update, key, client_id=turn.client_id)
            if update is None:
                raise table.missing(key)
            await turn.put(update)
            return turn.runner.seq

    async def _demand_document(self, table: EditableTable[Any], tenant_id: int, key: str) -> None:
        try:  # a room would make the document where it is missing
            await self._log.open(tenant_id, table.document, create=False)
        except UnknownDocument as error:
            raise table.missing(key) from error

    @asynccontextmanager
    async def _turn(self, table: EditableTable[Any], tenant_id: int, editor: Editor) -> AsyncIterator[_Turn]:
        async with self._hub.enter(tenant_id, table.document) as runner:
            writer = self._writers.setdefault(runner, _Writer())
            async with writer.turn:
                member = Member(self._hub.next_connection_id(), editor.name, editor.device)
                now = await runner.exchange(member, Exchange(EMPTY_STATE_VECTOR, b""))
                yield _Turn(runner, member, now, writer.client_id)
