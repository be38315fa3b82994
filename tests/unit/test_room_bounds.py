"""What a room keeps for its members is bounded, whatever they send."""

from __future__ import annotations

from pycrdt import Doc, Map

from tests.slices import at_once
from tests.unit.test_document import BIGINT, updates_of
from webhost_sync.errors import DocumentQuarantined, SyncError, TooLarge
from webhost_sync.sync import room as room_module
from webhost_sync.sync.awareness import AwarenessLimits, AwarenessTable
from webhost_sync.sync.document import EMPTY_STATE_VECTOR, Document
from webhost_sync.sync.effects import Member, Refuse, Send
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate
from webhost_sync.sync.room import Room

WRITER = Member(1, "ada")


def room(*, size_limit: int = 2**63, read_only: SyncError | None = None) -> Room:
    presence = AwarenessTable(AwarenessLimits())
    return Room(Document(client_id=1), presence, size_limit=size_limit, read_only=read_only)


def refusals(full: Room, *updates: bytes) -> list[SyncError]:
    for update in updates:
        full.receive(WRITER, SyncUpdate(update), 0.0)
    return [effect.error for effect in at_once(full.begin()).effects if isinstance(effect, Refuse)]


def test_state_vectors_count_among_the_bytes_that_wait() -> None:
    asked = room()
    asked.receive(WRITER, SyncStep1(bytes(1000)), 0.0)
    assert asked.waiting_bytes == 1000
    at_once(asked.begin())
    assert asked.waiting_bytes == 0


def test_what_waits_for_its_causes_counts_towards_the_size() -> None:
    full = room(size_limit=3000)
    orphans = [updates_of("cause", "x" * 900, client_id=number)[1] for number in range(5, 15)]
    errors = refusals(full, *orphans)
    assert errors
    assert all(isinstance(error, TooLarge) for error in errors)
    assert sum(map(len, full.document.kept)) <= 3000


def test_what_is_answered_as_it_came_counts_towards_the_size() -> None:
    full = room(size_limit=3000)
    doc: Doc[Map[object]] = Doc(client_id=9)
    rows = doc.get("rows", type=Map)
    overwritten = []
    for number in range(10):
        before = doc.get_state()
        rows["key"] = f"{number}" * 900
        overwritten.append(doc.get_update(before))
    assert any(isinstance(error, TooLarge) for error in refusals(full, BIGINT, *overwritten))


def test_content_that_is_overwritten_does_not_count() -> None:
    doc: Doc[Map[object]] = Doc(client_id=9)
    rows = doc.get("rows", type=Map)
    full = room(size_limit=3000)
    for number in range(20):
        before = doc.get_state()
        rows["key"] = f"{number % 10}" * 900
        assert refusals(full, doc.get_update(before)) == []


def test_more_questions_than_can_be_answered_at_once_wait_for_the_next_batch() -> None:
    asked = room()
    update = updates_of("x" * 1000)[0]
    with_document = Document(client_id=1)
    with_document.apply(update)
    asked.replace_document(with_document, room_module.ANSWER_BYTES // 2)
    for _ in range(5):
        asked.receive(WRITER, SyncStep1(EMPTY_STATE_VECTOR), 0.0)
    answered = []
    while asked.waiting:
        effects = at_once(asked.begin()).effects
        answered.append([effect.message for effect in effects if isinstance(effect, Send)])
    assert [len(batch) for batch in answered] == [2, 2, 1]
    assert answered[0][0] == SyncStep2(update)


def test_a_refusal_that_is_repeated_keeps_nothing_of_the_earlier_ones() -> None:
    reason = DocumentQuarantined()
    shown = room(read_only=reason)
    assert refusals(shown, *updates_of("a", "b")) == [reason, reason]
    assert reason.__traceback__ is None
