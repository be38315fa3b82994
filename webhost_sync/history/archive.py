"""What can be asked of a document's past: its state at any time, what changed, by whom, and when.

Routes and commands ask; the log, the history's tables and the cache of states are read. Writes nothing,
and asks no live room. Whether the asker may know is settled before.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.contract import Document as DocumentRecord
from store.contract import LoggedUpdate, UnknownDocument, UpdateLog
from store.history_contract import (
    ALL_ACTIVITIES,
    Activity,
    ActivityFilter,
    Forgotten,
    History,
    Moment,
    Share,
    Span,
    UnknownVersion,
    Version,
    VersionKey,
)
from webhost_sync.errors import DocumentNotFound, InvalidRequest, VersionNotFound
from webhost_sync.history.attribution import Mark, attribute
from webhost_sync.history.authorship import BEFORE, Authorship
from webhost_sync.history.changes import Change
from webhost_sync.history.content import joint_kinds, read_state, read_values
from webhost_sync.history.difference import diff
from webhost_sync.history.items import read_items
from webhost_sync.history.nodes import MapNode
from webhost_sync.history.outline import Outline
from webhost_sync.history.replay import State
from webhost_sync.history.states import States, gone
from webhost_sync.history.touched import Touched, touched
from webhost_sync.history.workers import in_history_thread
from webhost_sync.sync.update import read_update

NAMES_PER_ACTIVITY = 20
UPDATES_PER_ACTIVITY = 200
"""Updates that are looked into to name what an activity has touched."""
LARGEST_OUTLINE = 4 * 1024 * 1024
"""Bytes of a state above which its items aren't gone through to name what was touched."""
PAGE = 1000
PAGE_BYTES = 16 * 1024 * 1024
"""Bytes of updates that are read at once: to find out who wrote what, or what was touched."""
QUESTIONS_AT_ONCE = 4
"""Each holds a state or two while it is worked on; the others wait without any."""
ATTRIBUTIONS = 8
"""Answers that are kept for whoever asks for their next page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The content of a document after row `seq`; not `complete` where something of it can't be shown."""

    seq: int
    at: datetime
    roots: dict[str, object]
    complete: bool


@dataclass(frozen=True, slots=True)
class Content:
    """A state as nodes; `gaps` are updates that aren't part of it, since they wait for their causes or
    can't be read here. `update` is all the rest, as one update, and the whole state where it is exact."""

    moment: Moment
    roots: MapNode
    gaps: int
    update: bytes
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from one state to another; either may be the older one."""

    before: Moment
    after: Moment
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Who appended a row of the log, and when."""

    seq: int
    actor: str
    device: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who wrote what the state at `seq` shows. A mark whose row isn't among `rows` is older than the log."""

    seq: int
    marks: tuple[Mark, ...]
    rows: Mapping[int, Row]


@dataclass(frozen=True, slots=True)
class NamedActivity:
    """An activity, and what it has touched; `more` where not all of that is named."""

    activity: Activity
    names: tuple[str, ...]
    more: bool


class Archive:
    """The past of every document of this process's database.

    Every method raises Unavailable and UnknownDocument as well, and HistoryGone where what was asked for
    is not kept any more.
    """

    def __init__(self, log: UpdateLog, history: History, states: States) -> None:
        self._log = log
        self._history = history
        self._states = states
        self._turns = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        # So that the pages of one long answer are cut out of the same work.
        self._attributions: OrderedDict[tuple[int, UUID, int, tuple[str, ...]], Attribution] = OrderedDict()

    async def document(self, tenant_id: int, name: str) -> DocumentRecord:
        """The document of that name as it is now. Raises: DocumentNotFound."""
        try:
            return await self._log.open(tenant_id, name, create=False)
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error

    async def seq_at(self, record: DocumentRecord, at: int | datetime | None) -> int:
        """The seq of a state that is asked for by its seq or by a time; None is now.

        Raises: InvalidRequest for a seq that isn't reached yet.
        """
        if at is None:
            return record.head_seq
        if isinstance(at, datetime):
            try:
                return min(await self._history.seq_at(record.tenant_id, record.id, at), record.head_seq)
            except Forgotten as error:
                raise gone(error.span) from error
        if at > record.head_seq:
            raise InvalidRequest(f"the document has no update {at}; it ends at {record.head_seq}")
        return at

    async def show(self, record: DocumentRecord, seq: int) -> Shown:
        async with self._turns:
            state = await self._states.at(record, seq)
            roots = await in_history_thread(read_values, state.update, state.kinds)
        moment = await self.moment(record, seq)
        return Shown(seq, moment.at, roots, not state.kept)

    async def state(self, record: DocumentRecord, seq: int) -> State:
        """Everything the document held after row `seq`, as one update and what is beside it."""
        return await self._states.at(record, seq)

    async def content(self, record: DocumentRecord, seq: int) -> Content:
        """The state as nodes, which tell a shared text from a string, and a shared map from an object."""
        async with self._turns:
            state = await self._states.at(record, seq)
            roots = await in_history_thread(read_state, state.update, state.kinds)
        moment = await self.moment(record, seq)
        return Content(moment, roots, len(state.kept), state.update, state.is_exact)

    async def moment(self, record: DocumentRecord, seq: int) -> Moment:
        """When the document came to this state, as well as is known."""
        return await self._history.moment(record.tenant_id, record.id, seq)

    async def span(self, record: DocumentRecord) -> Span:
        """How far back every state can be made."""
        return await self._history.span(record.tenant_id, record.id)

    async def shares(self, record: DocumentRecord, *, first: int, parts: int) -> tuple[Share, ...]:
        """As `History.shares`, of the rows from `first` to the head."""
        return await self._history.shares(
            record.tenant_id, record.id, first=first, last=record.head_seq, parts=parts
        )

    async def difference(self, record: DocumentRecord, before: int, after: int) -> Difference:
        async with self._turns:
            then, now = await self._states.at(record, before), await self._states.at(record, after)
            changes = await in_history_thread(_compare, then, now)
        return Difference(await self.moment(record, before), await self.moment(record, after), changes)

    async def attribution(self, record: DocumentRecord, seq: int, path: tuple[str, ...]) -> Attribution:
        """Who wrote what lies at a path. Raises: InvalidRequest (nothing does)."""
        key = (record.id, record.epoch, seq, path)
        async with self._turns:
            if key not in self._attributions:
                self._attributions[key] = await self._attribute(record, seq, path)
                if len(self._attributions) > ATTRIBUTIONS:
                    self._attributions.popitem(last=False)
            self._attributions.move_to_end(key)
            return self._attributions[key]

    async def _attribute(self, record: DocumentRecord, seq: int, path: tuple[str, ...]) -> Attribution:
        state = await self._states.at(record, seq)
        span = await self._history.span(record.tenant_id, record.id)
        authorship, rows = Authorship(), dict[int, Row]()
        first = min(span.first_seq, seq)
        if first > 0:
            # What was there before the rows that are kept may have come again in one of them.
            oldest = await self._states.at(record, first)
            await in_history_thread(_note_all, authorship, BEFORE, oldest.update)
        while first < seq:
            page = await self._log.read(
                record.tenant_id, record.id, after_seq=first, limit=PAGE, size=PAGE_BYTES
            )
            wanted = [row for row in page if row.seq <= seq]
            await in_history_thread(_note_rows, authorship, wanted)
            rows |= {row.seq: Row(row.seq, row.actor, row.device, row.received_at) for row in wanted}
            first = page[-1].seq if page else seq

        def writer_of(seq: int) -> tuple[str, str] | None:
            return (rows[seq].actor, rows[seq].device) if seq in rows else None

        marks = await in_history_thread(attribute, state, authorship, path, writer_of)
        return Attribution(seq, marks, {mark.seq: rows[mark.seq] for mark in marks if mark.seq in rows})

    async def activities(
        self,
        record: DocumentRecord,
        *,
        up_to: int,
        before: int | None,
        limit: int,
        wanted: ActivityFilter = ALL_ACTIVITIES,
    ) -> list[NamedActivity]:
        """As `History.activities`, with names of what was touched."""
        key = (record.tenant_id, record.id)
        found = await self._history.activities(*key, up_to=up_to, before=before, limit=limit, wanted=wanted)
        if not found:
            return []
        async with self._turns:
            payloads = await self._history.payloads(*key, found, limit=UPDATES_PER_ACTIVITY, size=PAGE_BYTES)
            state = await self._states.at(record, up_to)
            names = await in_history_thread(_names, state, payloads)
        return [
            NamedActivity(activity, each.names, each.more or activity.updates > len(seen))
            for activity, each, seen in zip(found, names, payloads, strict=True)
        ]

    async def versions(
        self, record: DocumentRecord, *, before: VersionKey | None, limit: int
    ) -> list[Version]:
        """As `History.versions`."""
        return await self._history.versions(record.tenant_id, record.id, before=before, limit=limit)

    async def version(self, record: DocumentRecord, version_id: UUID) -> Version:
        """Raises: VersionNotFound."""
        try:
            return await self._history.version(record.tenant_id, record.id, version_id)
        except UnknownVersion as error:
            raise VersionNotFound(str(version_id)) from error


def _compare(before: State, after: State) -> tuple[Change, ...]:
    kinds = joint_kinds(before.kinds, after.kinds)
    return diff(read_state(before.update, kinds), read_state(after.update, kinds))


def _note_rows(authorship: Authorship, rows: list[LoggedUpdate]) -> None:
    for row in rows:
        _note_all(authorship, row.seq, row.payload)


def _note_all(authorship: Authorship, seq: int, update: bytes) -> None:
    authorship.note(seq, read_update(update).structs)


def _names(state: State, payloads: tuple[tuple[bytes, ...], ...]) -> list[Touched]:
    if len(state.update) > LARGEST_OUTLINE:
        return [Touched((), more=True) for _ in payloads]
    outline = Outline(read_items(state.update))
    return [touched(outline, updates, limit=NAMES_PER_ACTIVITY) for updates in payloads]
