"""A room, its log and a few peers, driven at random: whatever happens, nothing shown is lost and all agree.

Frames from peers may come twice, in another order, or never; commits may fail; the server may restart
between any two steps. Frames to a peer come in order, as a socket gives them, until it leaves.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pycrdt import Array, Doc, Map, Text

from tests.lengths import rounds
from tests.slices import at_once
from webhost_sync.sync.awareness import AwarenessLimits, AwarenessTable
from webhost_sync.sync.document import Document
from webhost_sync.sync.effects import Acknowledge, Batch, Broadcast, Effect, Member, Send
from webhost_sync.sync.protocol import KnownMessage, SyncStep1, SyncStep2, SyncUpdate, decode_state_vector
from webhost_sync.sync.room import Room
from webhost_sync.sync.turns import Slices
from webhost_sync.sync.update import read_update

PEERS = 3


class Peer:
    """A replica that edits while it is offline, and speaks y-websocket when it has joined."""

    def __init__(self, number: int) -> None:
        self.member = Member(number, owner=f"peer {number}")
        self.replica = Document(client_id=number)
        self.client_id = 1000 + number
        self.joined = False
        self.outgoing: deque[KnownMessage] = deque()
        self.incoming: deque[KnownMessage] = deque()

    def edit(self, kind: int, value: int) -> bytes:
        """Make one change on top of what the replica shows; returns its update."""
        doc: Doc[Any] = Doc(client_id=self.client_id)
        doc.apply_update(self.replica.encode())
        before = doc.get_state()
        if kind == 0:
            doc.get("rows", type=Map)[f"row {value % 3}"] = value
        elif kind == 1:
            text = doc.get("text", type=Text)
            # pycrdt counts text in bytes of UTF-8, so only the start is a safe place beside non-ASCII.
            text.insert(0, "né"[: 1 + value % 2])
            text.insert(len(text) if value % 3 else 0, "x")
        elif kind == 2:
            rows = doc.get("rows", type=Map)
            if f"row {value % 3}" in rows:
                del rows[f"row {value % 3}"]
        else:
            doc.get("list", type=Array).append({"value": value})
        return doc.get_update(before)

    def take(self, message: KnownMessage) -> None:
        match message:
            case SyncStep1(state_vector):
                self.outgoing += (SyncStep2(update) for update in self.replica.diff(state_vector))
            case SyncStep2(update) | SyncUpdate(update):
                self.replica.apply(update)
            case _:
                pass


class RoomMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.log: list[bytes] = []
        self.peers = [Peer(number) for number in range(PEERS)]
        self.shown: list[bytes] = []
        self.checked = 0
        self.work: Slices[Batch] | None = None
        self.batch: Batch | None = None
        self.load()

    def load(self) -> None:
        document = Document(client_id=1)
        for payload in self.log:
            document.apply(payload)
        self.room = Room(document, AwarenessTable(AwarenessLimits()))

    @rule(number=st.integers(0, PEERS - 1), kind=st.integers(0, 3), value=st.integers(0, 9))
    def edit(self, number: int, kind: int, value: int) -> None:
        peer = self.peers[number]
        update = peer.edit(kind, value)
        peer.replica.apply(update)
        if peer.joined:
            peer.outgoing.append(SyncUpdate(update))

    @rule(number=st.integers(0, PEERS - 1))
    def join(self, number: int) -> None:
        peer = self.peers[number]
        if not peer.joined:
            peer.joined = True
            self.room.join(peer.member)
            peer.outgoing.append(SyncStep1(peer.replica.state_vector()))

    @rule(number=st.integers(0, PEERS - 1))
    def leave(self, number: int) -> None:
        self.disconnect(self.peers[number])

    @rule(number=st.integers(0, PEERS - 1), which=st.integers(0, 5))
    def deliver_to_room(self, number: int, which: int) -> None:
        """Any of the frames under way may be the next: the order is not kept."""
        peer = self.peers[number]
        if peer.outgoing:
            peer.outgoing.rotate(-(which % len(peer.outgoing)))
            self.receive(peer, peer.outgoing.popleft())

    @rule(number=st.integers(0, PEERS - 1))
    def duplicate(self, number: int) -> None:
        peer = self.peers[number]
        if peer.outgoing:
            self.receive(peer, peer.outgoing[0])

    @rule(number=st.integers(0, PEERS - 1))
    def drop(self, number: int) -> None:
        peer = self.peers[number]
        if peer.outgoing:
            peer.outgoing.popleft()

    @rule(number=st.integers(0, PEERS - 1))
    def deliver_to_peer(self, number: int) -> None:
        peer = self.peers[number]
        if peer.incoming:
            peer.take(peer.incoming.popleft())

    @precondition(lambda self: self.work is None and self.batch is None)
    @rule()
    def begin(self) -> None:
        self.work = self.room.begin()

    @precondition(lambda self: self.work is not None)
    @rule(slices=st.integers(1, 3) | st.just(1000))
    def compute(self, slices: int) -> None:
        """Some of a batch; the rest waits for another turn, and anything may come before it."""
        assert self.work is not None
        try:
            for _ in range(slices):
                next(self.work)
        except StopIteration as ended:
            self.work, self.batch = None, ended.value

    @precondition(lambda self: self.batch is not None)
    @rule()
    def commit(self) -> None:
        self.finish()

    @precondition(lambda self: self.batch is not None)
    @rule(stored=st.booleans())
    def fail(self, stored: bool) -> None:
        """The commit gets no answer; it may have happened all the same."""
        assert self.batch is not None
        if stored:
            self.log += (row.payload for row in self.batch.rows)
        self.restart()

    @rule()
    def restart(self) -> None:
        """Everything that is only in memory is gone."""
        self.work = self.batch = None
        self.load()
        for peer in self.peers:
            self.disconnect(peer)

    @invariant()
    def what_was_shown_is_in_the_log(self) -> None:
        if self.shown:
            replayed = self.replay()
            assert not any(replayed.brings_news(update) for update in self.shown)
            self.shown.clear()

    @invariant()
    def the_log_replays_to_the_live_document(self) -> None:
        if self.work is None and self.batch is None and self.checked != len(self.log):
            self.checked = len(self.log)
            self.assert_equal(self.replay(), self.room.document)

    def teardown(self) -> None:
        """Everybody comes back and is patient: all replicas and the log end equal."""
        if not hasattr(self, "peers"):
            return
        self.restart()
        for number in range(PEERS):
            self.join(number)
        while self.room.waiting or any(peer.outgoing or peer.incoming for peer in self.peers):
            for peer in self.peers:
                while peer.outgoing:
                    self.receive(peer, peer.outgoing.popleft())
            self.batch = at_once(self.room.begin())
            self.finish()
            for peer in self.peers:
                while peer.incoming:
                    peer.take(peer.incoming.popleft())
        for peer in self.peers:
            self.assert_equal(peer.replica, self.replay())
            assert not peer.replica.kept

    def disconnect(self, peer: Peer) -> None:
        self.room.leave(peer.member.connection_id, now=0.0)
        peer.joined = False
        peer.outgoing.clear()
        peer.incoming.clear()

    def receive(self, peer: Peer, message: KnownMessage) -> None:
        self.show(self.room.receive(peer.member, message, now=0.0))

    def finish(self) -> None:
        assert self.batch is not None
        batch, self.batch = self.batch, None
        self.log += (row.payload for row in batch.rows)
        self.show(batch.effects)

    def show(self, effects: list[Effect] | tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Broadcast(message):
                    self.note(message)
                    for peer in self.peers:
                        if peer.joined:
                            peer.incoming.append(message)
                case Send(connection_id, message):
                    self.note(message)
                    if self.peers[connection_id].joined:
                        self.peers[connection_id].incoming.append(message)
                case Acknowledge():
                    pass
                case _:
                    raise AssertionError(f"nobody did anything wrong, yet: {effect}")

    def note(self, message: KnownMessage) -> None:
        if isinstance(message, SyncStep2 | SyncUpdate):
            self.shown.append(message.update)

    def replay(self) -> Document:
        document = Document(client_id=3)
        for payload in self.log:
            document.apply(payload)
        return document

    def assert_equal(self, one: Document, other: Document) -> None:
        left, right = read_update(one.encode()), read_update(other.encode())
        assert sorted(left.structs) == sorted(right.structs)
        assert sorted(left.deletes) == sorted(right.deletes)
        assert one.values() == other.values()
        assert decode_state_vector(one.state_vector()) == decode_state_vector(other.state_vector())
        assert {*one.kept} == {*other.kept}


RoomMachine.TestCase.settings = settings(
    max_examples=rounds(500, in_fuzz=2000), stateful_step_count=30, deadline=None
)
test_room_machine = RoomMachine.TestCase
