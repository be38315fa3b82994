"""The way out to a client that counts its answers, when it does not read them."""

from __future__ import annotations

from tests.server.rooms import TakenTransport
from webhost_sync.errors import NotAllowed, StoreUnavailable
from webhost_sync.sync.collab_dialect import HocuspocusDialect
from webhost_sync.sync.document import EMPTY_STATE_VECTOR
from webhost_sync.sync.effects import Acknowledge, CatchUp, Greeting, Refuse, Send
from webhost_sync.sync.extension import Extension
from webhost_sync.sync.hocuspocus import Address, Message, Stateless, SyncStatus, decode, prefix_of, split
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, encode
from webhost_sync.sync.transport import Frames

DEPOT = Address("depot")
QUESTION, ANSWER = Send(1, SyncStep1(b"\x00")), Send(1, SyncStep2(b"\x00\x00"))
NEWS = Frames(encode(SyncUpdate(b"\x00\x00")))


class Reader:
    """The client at the other end: `stuck` while it does not read."""

    def __init__(self, *, send_only: bool = False) -> None:
        self.transport = TakenTransport()
        dialect = HocuspocusDialect(DEPOT, Extension(send_only=send_only))
        self.outbox = Outbox(self.transport, limit=100, dialect=dialect)

    def stuck(self, is_stuck: bool) -> None:
        self.transport.blocked = 1000 if is_stuck else 0

    def messages(self) -> list[Message]:
        return [decode(split(frame)[1]) for frame in self.transport.frames]


async def test_no_answer_that_is_counted_is_dropped() -> None:
    reader = Reader()
    reader.stuck(True)
    reader.outbox.show(NEWS, b"before")
    reader.outbox.deliver(Acknowledge(1, None))
    reader.outbox.deliver(Refuse(1, NotAllowed()))
    applied, why, refused = reader.messages()
    assert (applied, refused) == (SyncStatus(True), SyncStatus(False))
    assert isinstance(why, Stateless)


async def test_what_was_skipped_is_asked_for_again() -> None:
    reader = Reader()
    reader.stuck(True)
    reader.outbox.deliver(QUESTION)
    reader.outbox.deliver(ANSWER)
    assert reader.messages() == []
    await reader.outbox.fell_behind()
    reader.stuck(False)
    assert reader.outbox.resume_with() == (Greeting(), SyncStep1(EMPTY_STATE_VECTOR))
    reader.outbox.deliver(QUESTION)
    reader.outbox.deliver(ANSWER)
    await reader.outbox.delivered()
    assert reader.messages() == [QUESTION.message, ANSWER.message]


async def test_who_missed_only_news_is_caught_up_from_before_them() -> None:
    reader = Reader()
    reader.stuck(True)
    reader.outbox.show(NEWS, b"before")
    reader.outbox.show(NEWS, b"later")
    assert reader.outbox.resume_with() == (CatchUp(b"before"),)


async def test_who_missed_only_our_question_is_sent_no_content_for_it() -> None:
    reader = Reader(send_only=True)
    reader.stuck(True)
    reader.outbox.show(NEWS, b"before")
    reader.outbox.mention(NEWS)
    reader.outbox.deliver(QUESTION)
    assert reader.outbox.resume_with() == (Greeting(),)


async def test_nothing_is_answered_after_the_end() -> None:
    reader = Reader()
    reader.outbox.close(StoreUnavailable())
    reader.outbox.deliver(Acknowledge(1, None))
    assert reader.messages() == []


async def test_members_with_the_same_address_share_one_frame() -> None:
    assert NEWS.behind(prefix_of(DEPOT)) is NEWS.behind(prefix_of(Address("depot")))
    assert NEWS.behind(b"") is NEWS.behind(b"")
    assert NEWS.behind(prefix_of(DEPOT)).payload == prefix_of(DEPOT) + NEWS.message
