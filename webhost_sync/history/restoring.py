"""Brings back what a document was: the difference from now to then, as one new edit that merges like any.

In: a document's record, a past seq, and perhaps the path of one row or field. Out: the changes, and after
the commit the seq that has them. The edit goes through the document's live room as a client's update does,
so it is durable before anybody sees it, and what others type meanwhile stays. The log only grows.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from store.contract import Document as DocumentRecord
from store.history_contract import History, NewVersion, Version, VersionKind
from webhost_sync.errors import WrongEpoch
from webhost_sync.history.changes import Change
from webhost_sync.history.content import joint_kinds, read_state
from webhost_sync.history.difference import diff, graft
from webhost_sync.history.editing import Edit, edit_state
from webhost_sync.history.replay import State
from webhost_sync.history.states import States
from webhost_sync.sync.effects import Exchange, Member
from webhost_sync.sync.hub import Hub

ACTOR_PREFIX = "restore:"
"""Stands before the name of whoever restored, in the log."""
CLIENT_ID_BITS = 32


@dataclass(frozen=True, slots=True)
class Author:
    """Who restores, or makes a version."""

    name: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done. Where nothing differed there is no `safety` version, and `seq` is that of now.

    Not `complete` where something could not be made again, as a document within the document.
    """

    seq: int
    changes: tuple[Change, ...]
    complete: bool
    safety: Version | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    changes: tuple[Change, ...]
    edit: Edit
    complete: bool


class Restorer:
    """Makes versions and restores, for every document of this process's hub.

    Every method raises HistoryGone, Unavailable and UnknownDocument as well.
    """

    def __init__(self, history: History, states: States, hub: Hub) -> None:
        self._history = history
        self._states = states
        self._hub = hub

    async def add_version(self, record: DocumentRecord, author: Author, *, name: str, seq: int) -> Version:
        """Keep the state after row `seq` for ever, under a name. Raises: InvalidRequest (no such row)."""
        return await self._keep(record, author, VersionKind.NAMED, name, seq)

    async def preview(self, record: DocumentRecord, seq: int, path: tuple[str, ...] = ()) -> Restored:
        """What `restore` would do now; nothing is changed. Raises: InvalidRequest (bad path or seq)."""
        planned = await self._plan(record, seq, path)
        return Restored(record.head_seq, planned.changes, planned.complete)

    async def restore(
        self, record: DocumentRecord, author: Author, seq: int, path: tuple[str, ...] = ()
    ) -> Restored:
        """Make the document, or what lies at the path, what it was after row `seq`.

        `record` is the document as it is now; it is kept as a safety version first. Raises: InvalidRequest
        (bad path or seq), WrongEpoch (it was made anew meanwhile), and what a room refuses updates with:
        TooLarge, DocumentQuarantined, Draining and the like; then nothing was changed.
        """
        planned = await self._plan(record, seq, path)
        if not planned.changes:
            return Restored(record.head_seq, (), planned.complete)
        name = f"before restoring seq {seq}"
        safety = await self._keep(record, author, VersionKind.SAFETY, name, record.head_seq)
        committed = await self._commit(record, author, planned.edit)
        return Restored(committed, planned.changes, planned.complete, safety)

    async def _plan(self, record: DocumentRecord, seq: int, path: tuple[str, ...]) -> _Planned:
        now = await self._states.at(record, record.head_seq)
        then = await self._states.at(record, seq)
        return await asyncio.to_thread(_plan, now, then, path, secrets.randbits(CLIENT_ID_BITS))

    async def _commit(self, record: DocumentRecord, author: Author, edit: Edit) -> int:
        async with self._hub.enter(record.tenant_id, record.name) as runner:
            if runner.record.epoch != record.epoch:
                raise WrongEpoch(f"it is {runner.record.epoch} now")
            member = Member(
                self._hub.next_connection_id(), owner=f"{ACTOR_PREFIX}{author.name}", device=author.device
            )
            await runner.exchange(member, Exchange(edit.state_vector, edit.update))
            return runner.seq

    async def _keep(
        self, record: DocumentRecord, author: Author, kind: VersionKind, name: str, seq: int
    ) -> Version:
        state = await self._states.at(record, seq)
        moment = await self._history.moment(record.tenant_id, record.id, seq)
        version = NewVersion(
            seq, kind, name, author.name, moment.at, state.update, state.is_exact, record.epoch
        )
        return await self._history.add_version(record.tenant_id, record.id, version)


def _plan(now: State, then: State, path: tuple[str, ...], client_id: int) -> _Planned:
    """The edit from now to then, and what it really changes, as a reader wants to see it: by words."""
    kinds = joint_kinds(now.kinds, then.kinds)
    content = read_state(now.update, kinds)
    wanted = graft(content, read_state(then.update, kinds), path)
    edit = edit_state(now.update, kinds, diff(content, wanted, by_characters=True), client_id=client_id)
    return _Planned(diff(content, edit.content), edit, edit.content == wanted)
