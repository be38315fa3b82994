"""Edits vehicles for whoever has no replica: the API and the dashboard.

An edit goes through the live room of `tables/vehicles` as a client's update does: durable before anybody
sees it, in the log under the name of whoever made it, and merging with what others do meanwhile.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from store.contract import UnknownDocument, UpdateLog
from webhost_sync.errors import VehicleNotFound
from webhost_sync.fleet.names import table_name
from webhost_sync.fleet.projection import VEHICLES
from webhost_sync.fleet.rows import VehicleRow
from webhost_sync.fleet.vehicle_edit import Changes, edit_vehicle
from webhost_sync.sync.document import EMPTY_STATE_VECTOR
from webhost_sync.sync.effects import Exchange, Member
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.runner import Runner

CLIENT_ID_BITS = 32
DOCUMENT = table_name(VEHICLES)


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits, as the log names them."""

    name: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """The vehicle after the edit, the document's last update then, and the fields that were changed."""

    row: VehicleRow
    seq: int
    changed: tuple[str, ...]


@dataclass(slots=True)
class _Writer:
    """The number under which edits are made, and whose turn it is: one edit of it at a time."""

    client_id: int = field(default_factory=lambda: secrets.randbits(CLIENT_ID_BITS))
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class VehicleEditor:
    """Edits vehicles in the rooms of this process.

    Every writer's number in a document costs every later transaction, so all edits of one room share one. A
    room that is lost with an edit in flight takes its number with it: what became of that edit is not known,
    and a number must never be used for two contents.
    """

    def __init__(self, log: UpdateLog, hub: Hub) -> None:
        self._log = log
        self._hub = hub
        self._writers: WeakKeyDictionary[Runner, _Writer] = WeakKeyDictionary()

    async def edit(self, tenant_id: int, vehicle_id: str, changes: Changes, editor: Editor) -> Edited:
        """Change fields of a vehicle, all at once.

        Raises: VehicleNotFound, InvalidRequest, and what a room refuses updates with: DocumentQuarantined,
        TooLarge, Draining and the like; then nothing was changed.
        """
        try:  # a room would make the document where it is missing
            await self._log.open(tenant_id, DOCUMENT, create=False)
        except UnknownDocument as error:
            raise VehicleNotFound(repr(vehicle_id)) from error
        async with self._hub.enter(tenant_id, DOCUMENT) as runner:
            writer = self._writers.setdefault(runner, _Writer())
            async with writer.turn:
                return await self._edit(runner, writer, vehicle_id, changes, editor)

    async def _edit(
        self, runner: Runner, writer: _Writer, vehicle_id: str, changes: Changes, editor: Editor
    ) -> Edited:
        member = Member(self._hub.next_connection_id(), editor.name, editor.device)
        now = await runner.exchange(member, Exchange(EMPTY_STATE_VECTOR, b""))
        edit = await asyncio.to_thread(
            edit_vehicle, now.update, vehicle_id, changes, client_id=writer.client_id
        )
        if edit is None:
            raise VehicleNotFound(repr(vehicle_id))
        if edit.changed:
            await runner.exchange(member, Exchange(now.state_vector, edit.update))
        return Edited(edit.row, runner.seq, edit.changed)
