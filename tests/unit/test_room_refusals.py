"""What a room refuses is refused in its turn: whoever counts the answers can tell what each one is for."""

from __future__ import annotations

import pytest

from tests.slices import at_once
from tests.unit.test_document import NONSENSE, updates_of
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.awareness import AwarenessLimits, AwarenessTable
from webhost_sync.sync.document import BrokenDocument, Document
from webhost_sync.sync.effects import Acknowledge, Broadcast, Effect, Member, Refuse, Unreadable
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate
from webhost_sync.sync.room import Room

WRITER = Member(1, "ada")


def room() -> Room:
    return Room(Document(client_id=1), AwarenessTable(AwarenessLimits()))


def answers(room: Room) -> list[Effect]:
    return [effect for effect in at_once(room.begin()).effects if not isinstance(effect, Broadcast)]


def test_an_unreadable_message_is_refused_behind_what_came_before_it() -> None:
    busy, error = room(), ProtocolError("no message")
    first, second = updates_of("a", "b")
    busy.receive(WRITER, SyncUpdate(first), 0.0)
    busy.receive(WRITER, Unreadable(error, was_update=True), 0.0)
    busy.receive(WRITER, SyncStep2(second), 0.0)
    assert answers(busy) == [Acknowledge(1, None), Refuse(1, error), Acknowledge(1, None)]


def test_an_update_that_breaks_the_document_is_refused_behind_what_came_before_it() -> None:
    busy = room()
    first, second = updates_of("a", "b")
    for update in (first, NONSENSE, second):
        busy.receive(WRITER, SyncUpdate(update), 0.0)
    with pytest.raises(BrokenDocument):
        at_once(busy.begin())
    busy.replace_document(Document(client_id=1), 0)
    before, refused, behind = answers(busy)
    assert isinstance(refused, Refuse)
    assert before == behind == Acknowledge(1, None)
    assert busy.waiting_bytes == 0


def test_only_what_brings_an_update_is_refused_as_one() -> None:
    busy = room()
    busy.receive(WRITER, SyncStep1(b"\xff"), 0.0)
    busy.receive(WRITER, Unreadable(ProtocolError(), was_update=False), 0.0)
    busy.receive(WRITER, SyncUpdate(b"\xff"), 0.0)
    refusals = [effect for effect in answers(busy) if isinstance(effect, Refuse)]
    assert [refusal.of_update for refusal in refusals] == [False, False, True]
