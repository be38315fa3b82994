"""Erases the past of a document: its present state, made anew, stands in place of its whole history.

A route or command asks. The content is read from the state of now and written again by a writer that has
never been there, so that nothing of what was deleted is left, not even its keys, and nobody's number. The
document gets another epoch: replicas of before hold what is erased, and never merge again.
"""

from __future__ import annotations

import asyncio
import secrets

import structlog

from store.audit import Deed
from store.contract import Document, DocumentState, UnknownDocument, UpdateLog
from store.lifecycle_contract import ErasedState, Lifecycle, Moved
from webhost_sync.errors import DocumentNotFound, DocumentQuarantined, InvalidRequest, RoomClosing
from webhost_sync.history.content import read_state
from webhost_sync.history.difference import diff
from webhost_sync.history.editing import edit_state
from webhost_sync.history.replay import State
from webhost_sync.history.states import States
from webhost_sync.sync.parts import EMPTY_UPDATE

logger = structlog.get_logger(__name__)
ATTEMPTS = 10
QUIET_FROM = 3
"""The attempt from which on the writers are sent away first, by another epoch."""
CLIENT_ID_BITS = 32


class Eraser:
    """Erases the history of documents, one at a time."""

    def __init__(self, lifecycle: Lifecycle, log: UpdateLog, states: States) -> None:
        self._lifecycle = lifecycle
        self._log = log
        self._states = states

    async def erase(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        """Keep what the document holds now, and nothing else of it; all at once or not at all.

        Raises: DocumentNotFound, DocumentQuarantined, InvalidRequest (something of it can't be written
        anew), RoomClosing (it was written to at every attempt), Unavailable; then nothing is erased.
        """
        try:
            for attempt in range(ATTEMPTS):
                record = await self._log.open(tenant_id, name, create=False)
                if record.state is DocumentState.QUARANTINED:
                    raise DocumentQuarantined("release it before its history is erased")
                if attempt >= QUIET_FROM:
                    record = await self._lifecycle.renew(tenant_id, record.id, by=by)
                try:
                    erased = await self._state_of(record)
                    document = await self._lifecycle.renew(tenant_id, record.id, by=by, erased=erased)
                except Moved:
                    continue
                logger.warning("history erased", tenant=tenant_id, document=name, by=by.actor, seq=erased.seq)
                return document
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        raise RoomClosing(f"{name!r} is written to all the time; nothing was erased")

    async def _state_of(self, record: Document) -> ErasedState:
        state = await self._states.at(record, record.head_seq)
        update, state_vector = await asyncio.to_thread(written_anew, state, secrets.randbits(CLIENT_ID_BITS))
        return ErasedState(record.head_seq, record.epoch, update, state_vector)


def written_anew(state: State, client_id: int) -> tuple[bytes, bytes]:
    """The content of a state as one update of one writer, and its state vector.

    Raises: InvalidRequest, where not all of it can be written again.
    """
    content = read_state(state.update, state.kinds)
    changes = diff(read_state(EMPTY_UPDATE, state.kinds), content)
    edit = edit_state(EMPTY_UPDATE, state.kinds, changes, client_id=client_id)
    if not state.is_exact or edit.content != content:
        raise InvalidRequest(
            "something of the document can't be written anew: an update that waits for another one, a "
            "bigint, a document within the document or the like; take it out first"
        )
    return edit.update, edit.state_vector
