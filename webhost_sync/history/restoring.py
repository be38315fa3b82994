"""Brings back what a document was: the difference from now to then, as one new edit that merges like any.

In: a document's record, a past seq, and perhaps the path of one row or field. Out: the changes, and after
the commit the seq that has them. The edit goes through the document's live room as a client's update does,
so it is durable before anybody sees it, and what others type meanwhile stays. The log only grows.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from uuid import UUID
from weakref import WeakValueDictionary

from store.contract import Document as DocumentRecord
from store.contract import Trimmed, UpdateLog
from store.history_contract import History, NewVersion, UnknownVersion, Version, VersionKind
from webhost_sync.errors import InvalidRequest, VersionNotFound, WrongEpoch
from webhost_sync.history.changes import Change
from webhost_sync.history.content import joint_kinds, read_state
from webhost_sync.history.difference import diff, graft
from webhost_sync.history.editing import Edit, edit_state
from webhost_sync.history.replay import State
from webhost_sync.history.states import States
from webhost_sync.history.workers import in_history_thread
from webhost_sync.sync.effects import Exchange, Member
from webhost_sync.sync.hub import Hub

ACTOR_PREFIX = "restore:"
"""Stands before the name of whoever restored, in the log."""
CLIENT_ID_BITS = 32
PLANS_AT_ONCE = 2
"""Each holds two states while it is made."""
BYTES_AT_ONCE = 1024 * 1024


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

    Every method raises HistoryGone, Unavailable and UnknownDocument as well. Restores of one document
    come one after another: two edits made from the same state would bring everything back twice.
    """

    def __init__(self, log: UpdateLog, history: History, states: States, hub: Hub) -> None:
        self._log = log
        self._history = history
        self._states = states
        self._hub = hub
        self._plans = asyncio.Semaphore(PLANS_AT_ONCE)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def add_version(self, record: DocumentRecord, author: Author, *, name: str, seq: int) -> Version:
        """Keep the state after row `seq` for ever, under a name. Raises: InvalidRequest (no such row)."""
        return await self._keep(record, author, VersionKind.NAMED, name, seq)

    async def remove_version(self, record: DocumentRecord, version_id: UUID) -> Version:
        """Forget a version that somebody named. One that was made by itself stands for what nothing else
        has any more, or takes a restore back, and goes when it is too old.

        Raises: VersionNotFound, InvalidRequest (nobody named it).
        """
        try:
            version = await self._history.version(record.tenant_id, record.id, version_id)
        except UnknownVersion as error:
            raise VersionNotFound(str(version_id)) from error
        if version.kind is not VersionKind.NAMED:
            raise InvalidRequest(
                f"this version was kept by itself ({version.kind.value}) and goes by itself when it is too "
                "old; only one that somebody named can be deleted"
            )
        await self._history.remove_versions(record.tenant_id, record.id, [version_id])
        return version

    async def preview(self, record: DocumentRecord, seq: int, path: tuple[str, ...] = ()) -> Restored:
        """What `restore` would do now; nothing is changed. Raises: InvalidRequest (bad path or seq)."""
        planned = await self._plan(record, seq, path)
        return Restored(record.head_seq, planned.changes, planned.complete)

    async def restore(
        self, record: DocumentRecord, author: Author, seq: int, path: tuple[str, ...] = ()
    ) -> Restored:
        """Make the document, or what lies at the path, what it was after row `seq`.

        The document as it is now is kept as a safety version first. Raises: InvalidRequest (bad path or
        seq), WrongEpoch (it was made anew since `record` was read), and what a room refuses updates with:
        TooLarge, DocumentQuarantined, Draining and the like; then nothing was changed.
        """
        return await self._restore(record, author, seq, path, f"seq {seq}")

    async def restore_state(
        self, record: DocumentRecord, author: Author, state: State, *, source: str, preview: bool = False
    ) -> Restored:
        """Make the document what `state` says, which is of this document or of another, such as one in a
        backup; `source` says where it is from. With `preview` nothing is changed. Raises: as `restore`.
        """
        if preview:
            planned = await self._plan(record, state, ())
            return Restored(record.head_seq, planned.changes, planned.complete)
        return await self._restore(record, author, state, (), source)

    async def _restore(
        self, record: DocumentRecord, author: Author, to: int | State, path: tuple[str, ...], source: str
    ) -> Restored:
        async with self._turns.setdefault(record.id, asyncio.Lock()):
            restored, is_alone = await self._restore_once(record, author, to, path, source)
            while not is_alone:
                # Of those who restore at once, in several processes, each round has one that comes first
                # and is done.
                again, is_alone = await self._restore_once(record, author, to, path, source)
                restored = replace(restored, seq=again.seq, complete=again.complete)
        return restored

    async def _restore_once(
        self, record: DocumentRecord, author: Author, to: int | State, path: tuple[str, ...], source: str
    ) -> tuple[Restored, bool]:
        """What was done, and whether nobody else restored between the plan and its commit."""
        now = await self._log.open(record.tenant_id, record.name, create=False)
        if now.epoch != record.epoch:
            raise WrongEpoch(f"it is {now.epoch} now")
        planned = await self._plan(now, to, path)
        if not planned.changes:
            return Restored(now.head_seq, (), planned.complete), True
        name = f"before restoring {source}"
        safety = await self._keep(now, author, VersionKind.SAFETY, name, now.head_seq)
        committed = await self._commit(now, author, planned.edit)
        is_alone = not await self._others_restored(now, committed, planned.edit.update)
        return Restored(committed, planned.changes, planned.complete, safety), is_alone

    async def _plan(self, record: DocumentRecord, to: int | State, path: tuple[str, ...]) -> _Planned:
        async with self._plans:
            now = await self._states.at(record, record.head_seq)
            then = to if isinstance(to, State) else await self._states.at(record, to)
            return await in_history_thread(_plan, now, then, path, secrets.randbits(CLIENT_ID_BITS))

    async def _commit(self, record: DocumentRecord, author: Author, edit: Edit) -> int:
        async with self._hub.enter(record.tenant_id, record.name) as runner:
            if runner.record.epoch != record.epoch:
                raise WrongEpoch(f"it is {runner.record.epoch} now")
            member = Member(
                self._hub.next_connection_id(), owner=f"{ACTOR_PREFIX}{author.name}", device=author.device
            )
            await runner.exchange(member, Exchange(edit.state_vector, edit.update))
            return runner.seq

    async def _others_restored(self, planned: DocumentRecord, committed: int, own: bytes) -> bool:
        """Whether a restore by another process lies between the state of the plan and the commit."""
        after = planned.head_seq
        while after < committed:
            try:
                rows = await self._log.read(
                    planned.tenant_id, planned.id, after_seq=after, size=BYTES_AT_ONCE
                )
            except Trimmed:
                return True  # nobody can tell any more, and planning again does no harm
            if any(row.actor.startswith(ACTOR_PREFIX) and row.payload != own for row in rows):
                return True
            after = rows[-1].seq if rows else committed
        return False

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
