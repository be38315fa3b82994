"""What a room decides: messages of its members in, ordered effects out.

A room is one document and the connections that share it. The runner hands it messages and carries
its effects out; time is an argument, and nothing here waits. Knows no socket, no log and no loop.

The life of a sync message, which is what keeps the promise "durable before visible":

    receive()   it waits
    begin()     everything that waits is applied at once, and becomes one `Batch`
                (the log is written; newer messages wait meanwhile, so the document in memory is what
                is committed or being committed, and never more)
                the batch's effects are shown after the commit: one broadcast, then each answer

Awareness is never stored, so it passes by all this and leaves coalesced, by `flush_presence()`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from webhost_sync.errors import MalformedUpdate, NotAllowed, ProtocolError, SyncError, TooLarge
from webhost_sync.sync.awareness import AwarenessTable, Elsewhere
from webhost_sync.sync.contributions import Taken, rows_of
from webhost_sync.sync.document import BrokenDocument, Document, Outcome
from webhost_sync.sync.effects import (
    Acknowledge,
    Answer,
    Batch,
    Broadcast,
    CatchUp,
    Effect,
    Exchange,
    Greeting,
    Member,
    Refuse,
    Request,
    Send,
    Tell,
    Unreadable,
    is_update,
    size_of,
    update_of,
)
from webhost_sync.sync.parts import EMPTY_UPDATE, merge
from webhost_sync.sync.protocol import (
    AwarenessUpdate,
    KnownMessage,
    Message,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)
from webhost_sync.sync.turns import Slices

ANSWER_BYTES = 32 * 1024 * 1024
"""What the answers of one batch may come to: they are made in memory, all at once."""
MAX_KEPT = 500
"""Updates that may wait for what they build on: looking through them is paid for by all others."""


class Room:
    """The members of one document, and what waits to be told to it.

    Invariants:
    1. The document changes only in `begin()`, `learn()` and `replace_document()`.
    2. An update reaches another member only by the effects of the batch that stores it.
    3. What a member without the right to write sends never reaches the document.
    4. Every sync message ends as acknowledged, answered or refused; one member's bad message
       changes nothing for the others.
    """

    def __init__(
        self,
        document: Document,
        presence: AwarenessTable,
        *,
        size: int = 0,
        size_limit: int = 2**63,
        read_only: SyncError | None = None,
    ) -> None:
        """`size` is the document's bytes when loaded; `read_only` is why nobody may write, if so."""
        self._document = document
        self._presence = presence
        self._size = size
        self._size_is_exact = False
        self._size_limit = size_limit
        self._read_only = read_only
        self._held: SyncError | None = None
        self._members: dict[int, Member] = {}
        self._waiting: deque[tuple[Member, Request]] = deque()
        self._waiting_bytes = 0
        self._culprit: int | None = None

    @property
    def document(self) -> Document:
        return self._document

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members.values())

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of updates and state vectors that wait for the next batch."""
        return self._waiting_bytes

    def hold(self, reason: SyncError | None) -> None:
        """Take nothing new from now on, for this reason, or take it again. What waits is refused in turn."""
        self._held = reason

    def join(self, member: Member) -> None:
        self._members[member.connection_id] = member
        self._wait(member, Greeting())

    def leave(self, connection_id: int, now: float) -> None:
        """Forget a member. What it sent before is still stored: it has arrived."""
        if self._members.pop(connection_id, None) is not None:
            self._presence.leave(connection_id, now)

    def receive(self, member: Member, message: Message | Request, now: float) -> list[Effect]:
        """Take one message. Raises: ClientFault when it breaks the protocol; nothing has changed then."""
        match message:
            case AwarenessUpdate(entries):
                if member.can_show_presence:
                    self._presence.receive(member.connection_id, member.owner, entries, now)
            case QueryAwareness():
                return [Send(member.connection_id, AwarenessUpdate(self._presence.entries()))]
            case SyncStep1() | SyncStep2() | SyncUpdate():
                self._wait(member, message)
            case Greeting() | Exchange() | CatchUp() | Unreadable():
                self._wait(member, message)
            case _:
                pass  # permission messages mean nothing towards a server; unknown types are for others
        return []

    def has_stale_presence(self, now: float) -> bool:
        """Whether `flush_presence` would let somebody go."""
        expiry = self._presence.next_expiry
        return expiry is not None and expiry <= now

    def flush_presence(self, now: float) -> list[Broadcast | Tell]:
        """Everything that changed in presence since the last call, as one message for the members, and what
        of it changed here for other processes."""
        self._presence.expire(now)
        told = self._presence_here(changed=True)
        changes = self._presence.take_changes()
        return [] if changes is None else [Broadcast(changes), *told]

    def present_here(self) -> list[Tell]:
        """Everybody who is present here, for other processes."""
        return self._presence_here(changed=False)

    def hear_of(self, process: str, owner: str, update: AwarenessUpdate, now: float) -> None:
        """Take presence from another process. Raises: TooLarge (its limits are wider)."""
        self._presence.receive(Elsewhere(process, owner), owner, update.entries, now)

    def _presence_here(self, *, changed: bool) -> list[Tell]:
        by_owner = self._presence.entries_here(changed=changed)
        return [Tell(owner, AwarenessUpdate(entries)) for owner, entries in by_owner.items()]

    def begin(self) -> Slices[Batch]:
        """Apply everything that waits, but for what asks for more than can be answered at once.

        In slices of an update or an answer: between two of them members may come and go and messages arrive,
        which wait for the next batch; nothing else may be asked of the document.

        Raises: BrokenDocument; then the message that did it will be refused in its turn, all others
        still wait, and the document must be replaced before anything else.
        """
        before = self._document.state_vector()
        taken: list[Taken] = []
        outcomes: list[Outcome | SyncError] = []
        requests = list(islice(self._waiting, self._answerable()))
        for member, request in requests:
            try:
                outcomes.append(self._take(member, request, taken))
            except BrokenDocument as broken:
                self._culprit = self._set_aside(broken.update)
                raise
            yield
        for _ in requests:
            self._next()
        shown = merge(applied.part for _, applied in taken) if taken else ()
        effects: list[Effect] = [Broadcast(SyncUpdate(update)) for update in shown]
        for (member, request), outcome in zip(requests, outcomes, strict=True):
            effects += self._answer(member, request, outcome)
            yield
        return Batch(before, rows_of(taken), tuple(effects))

    @property
    def culprit(self) -> int | None:
        """The connection whose message last broke the document; None where it was in the log already."""
        return self._culprit

    def replace_document(self, document: Document, size: int) -> None:
        """Go on with a document that was rebuilt from the log."""
        self._document.close()
        self._document = document
        self._size, self._size_is_exact = size, False

    def learn(self, updates: Sequence[bytes]) -> Slices[Batch]:
        """Take updates that another process has committed; they are only shown. In slices, as `begin`."""
        before = self._document.state_vector()
        parts = []
        for update in updates:
            parts.append(self._document.apply(update).part)
            yield
        self._grow(sum(len(update) for update in updates))
        return Batch(before, (), tuple(Broadcast(SyncUpdate(update)) for update in merge(parts)))

    def _grow(self, count: int) -> None:
        self._size += count
        self._size_is_exact = False

    def _set_aside(self, update: bytes) -> int | None:
        """Have the message with this update refused in its turn; returns whose it was.

        Not at once: its sender may count its answers, and those to its earlier messages come first.
        """
        for place, (member, request) in enumerate(self._waiting):
            if update_of(request) == update:
                error = MalformedUpdate("its content makes no sense")
                self._waiting[place] = member, Unreadable(error, is_update(request))
                self._waiting_bytes -= size_of(request)
                return member.connection_id
        return None

    def _wait(self, member: Member, request: Request) -> None:
        self._waiting.append((member, request))
        self._waiting_bytes += size_of(request)

    def _next(self) -> None:
        _, request = self._waiting.popleft()
        self._waiting_bytes -= size_of(request)

    def _answerable(self) -> int:
        """How many of those that wait make a batch: each question may be answered by the whole document."""
        left = ANSWER_BYTES
        for place, (_, request) in enumerate(self._waiting):
            if isinstance(request, SyncStep1 | CatchUp | Exchange):
                if place and left < self._size:
                    return place
                left -= self._size
        return len(self._waiting)

    def _take(self, member: Member, request: Request, taken: list[Taken]) -> Outcome | SyncError:
        """Apply the update of a request, if it has one, or say why not."""
        if isinstance(request, Unreadable):
            return request.error
        update = update_of(request)
        if update in (b"", EMPTY_UPDATE):
            return Outcome.NOTHING_NEW
        try:
            if refusal := self._refusal(member, update):
                return refusal
            applied = self._document.apply(update, may_wait=len(self._document.kept) < MAX_KEPT)
        except (ProtocolError, TooLarge) as error:
            return error
        if applied.outcome is not Outcome.NOTHING_NEW:
            taken.append((member, applied))
            self._grow(len(update))
        return applied.outcome

    def _refusal(self, member: Member, update: bytes) -> SyncError | None:
        """Why the update may not be applied, if so. Raises: MalformedUpdate."""
        closed = self._read_only or self._held
        if not member.can_write or closed is not None:
            news = self._document.brings_news(update)
            return (closed or NotAllowed("it is read-only here")) if news else None
        if self._size + len(update) > self._size_limit and not self._size_is_exact:
            self._size, self._size_is_exact = self._document.held_bytes(), True
        if self._size + len(update) > self._size_limit:
            return TooLarge(f"the document may hold {self._size_limit} bytes")
        return None

    def _answer(self, member: Member, request: Request, outcome: Outcome | SyncError) -> list[Effect]:
        connection_id = member.connection_id
        if isinstance(outcome, SyncError):
            return [Refuse(connection_id, outcome, is_update(request))]
        try:
            match request:
                case Greeting():
                    return self._greet(connection_id)
                case SyncStep1(state_vector):
                    *first, last = self._document.diff(state_vector)
                    messages: list[KnownMessage] = [
                        *(SyncUpdate(update) for update in first),
                        SyncStep2(last),
                    ]
                    return [Send(connection_id, message) for message in messages]
                case CatchUp(state_vector):
                    missed = self._document.diff(state_vector)
                    return [Send(connection_id, SyncUpdate(update)) for update in missed]
                case Exchange(state_vector):
                    document = self._document
                    update = document.integrated_diff(state_vector)
                    return [Answer(connection_id, document.state_vector(), update, len(document.kept))]
                case SyncStep2():
                    return [Acknowledge(connection_id, None)]
                case SyncUpdate(update):
                    return self._acknowledge(connection_id, update, outcome)
                case Unreadable():
                    return []  # its outcome was the error that it carries
        except ProtocolError as error:
            return [Refuse(connection_id, error, is_update(request))]

    def _greet(self, connection_id: int) -> list[Effect]:
        effects: list[Effect] = [Send(connection_id, SyncStep1(self._document.state_vector()))]
        if entries := self._presence.entries():
            effects.append(Send(connection_id, AwarenessUpdate(entries)))
        return effects

    def _acknowledge(self, connection_id: int, update: bytes, outcome: Outcome) -> list[Effect]:
        if outcome is Outcome.NOTHING_NEW:
            return [Acknowledge(connection_id, update)]
        effects: list[Effect] = [Acknowledge(connection_id, None)]
        if outcome is Outcome.GAP:
            # Only after an update: a step 2 already was the answer to this question.
            effects.append(Send(connection_id, SyncStep1(self._document.state_vector())))
        return effects
