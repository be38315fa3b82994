"""Makes the past states of documents, whoever asks for them: pages, the API, a restore, the compactor.

In: a document's record and a seq. Out: the state, from the cache, the store, or both. The work is done
in threads, a few at a time, so that a large document holds up no room.
"""

from __future__ import annotations

import asyncio
from functools import partial

from store.contract import Document as DocumentRecord
from store.history_contract import Forgotten, History, Material, Span
from webhost_sync.errors import HistoryGone, InvalidRequest
from webhost_sync.history.replay import NOTHING, State, advance
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.workers import in_history_thread

STATE_ROWS = 500
"""A state is kept in the cache for every so many rows that are replayed."""
AT_ONCE = 4


class States:
    """The past states of one process."""

    def __init__(self, history: History, cache: StateCache) -> None:
        self._history = history
        self._cache = cache
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def at(self, record: DocumentRecord, seq: int) -> State:
        """The state after row `seq`; 0 is before the first.

        Raises: HistoryGone, InvalidRequest (beyond the head), CorruptDocument, UnknownDocument,
        Unavailable.
        """
        if seq == 0:
            return NOTHING
        async with self._turns:
            held = self._cache.nearest((record.id, record.epoch), seq)
            while held is None or held.seq != seq:
                held = await self._next(record, seq, held)
        return held

    async def _next(self, record: DocumentRecord, seq: int, held: State | None) -> State:
        """The state to which the next page of rows leads, which is that of `seq` in the end."""
        material = await self._material(record, seq, None if held is None else held.seq)
        states = await in_history_thread(
            advance,
            _base(material, held),
            material.updates,
            document_id=record.id,
            is_wanted=lambda at: at % STATE_ROWS == 0,
        )
        for state in states:
            self._cache.add((record.id, record.epoch), state)
        return states[-1]

    async def _material(self, record: DocumentRecord, seq: int, have: int | None) -> Material:
        ask = partial(self._history.material, record.tenant_id, record.id)
        try:
            return await ask(seq=seq, have=have)
        except ValueError as error:
            raise InvalidRequest(f"the document has no update {seq}; it ends at {record.head_seq}") from error
        except Forgotten as error:
            raise gone(error.span) from error


def gone(span: Span) -> HistoryGone:
    """What to say where something lies before all that is kept."""
    return HistoryGone(
        f"every state is kept from seq {span.first_seq} of {span.first_at:%Y-%m-%dT%H:%M:%SZ} on; "
        "of the time before it there are versions at most"
    )


def _base(material: Material, held: State | None) -> State:
    if material.state is not None:
        return State(material.after_seq, material.state, is_lossy=not material.is_exact)
    return held if held is not None and held.seq == material.after_seq else NOTHING
