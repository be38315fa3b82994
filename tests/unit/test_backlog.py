"""What one socket may have waiting: bounded, little for strangers, in order for each document."""

from __future__ import annotations

import asyncio

from webhost_sync.config import Settings
from webhost_sync.sync.backlog import FRAME_OVERHEAD, Backlog, Inbox


def backlog(**limits: int) -> Backlog:
    return Backlog(Settings(_env_file=None).model_copy(update=limits))  # type: ignore[call-arg]


def test_frames_and_bytes_of_a_stranger_are_counted_for_all_its_documents() -> None:
    few = backlog(stranger_frames_limit=3)
    one, other = Inbox(few), Inbox(few)
    one.put(b"a")
    other.put(b"b")
    assert few.fits(b"c")
    one.put(b"c")
    assert not few.fits(b"d")

    small = backlog(stranger_bytes_limit=10 * FRAME_OVERHEAD)
    Inbox(small).put(bytes(8 * FRAME_OVERHEAD))
    assert small.fits(b"")
    assert not small.fits(b"x")


def test_who_was_let_in_may_send_more_but_not_without_end() -> None:
    known = backlog(stranger_frames_limit=1, backlog_limit=10 * FRAME_OVERHEAD)
    inbox = Inbox(known)
    inbox.put(b"")
    assert not known.fits(b"")
    known.admit()
    for _ in range(9):
        assert known.fits(b"")
        inbox.put(b"")
    assert not known.fits(b"")


def test_one_frame_always_fits() -> None:
    assert backlog(backlog_limit=10).fits(bytes(1000))


async def test_frames_come_out_in_order_and_make_room_when_they_are_done() -> None:
    little = backlog(stranger_frames_limit=2)
    inbox = Inbox(little)
    for body in (b"a", b"b"):
        inbox.put(body)
    assert await inbox.first() == b"a"
    assert not little.fits(b"c")
    changed = asyncio.create_task(little.change())
    await asyncio.sleep(0)
    inbox.done()
    await changed
    assert little.fits(b"c")
    assert await inbox.first() == b"b"


async def test_dropping_keeps_what_is_wanted_and_all_behind_it() -> None:
    inbox = Inbox(backlog())
    for body in (b"a", b"t", b"b"):
        inbox.put(body)
    assert inbox.skip_until(lambda body: body == b"t")
    assert inbox.take_all() == (b"t", b"b")
    assert not inbox.skip_until(lambda body: True)
