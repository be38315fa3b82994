"""How acknowledgements, refusals and ends are worded for clients of `/collab`."""

from __future__ import annotations

import json

from webhost_sync.errors import (
    DocumentNotFound,
    MalformedUpdate,
    NotAllowed,
    StoreUnavailable,
    TokenExpired,
    TooLarge,
)
from webhost_sync.sync.collab_dialect import MAX_HELD_STATUSES, RESET, HocuspocusDialect
from webhost_sync.sync.effects import Acknowledge, Refuse
from webhost_sync.sync.extension import Extension
from webhost_sync.sync.hocuspocus import Address, Close, Message, Stateless, SyncStatus, decode, split
from webhost_sync.sync.protocol import PermissionDenied

DONE = Acknowledge(1, None)
READ_ONLY = Refuse(1, NotAllowed())
YES, NO = SyncStatus(True), SyncStatus(False)


def stock() -> HocuspocusDialect:
    return HocuspocusDialect(Address("depot", "s"))


def ours() -> HocuspocusDialect:
    return HocuspocusDialect(Address("depot"), Extension())


def read(frames: object) -> list[Message]:
    assert isinstance(frames, list | tuple)
    return [decode(split(frame)[1]) for frame in frames]


def test_every_frame_bears_the_address_of_its_client() -> None:
    [frame] = stock().farewell(TokenExpired(), was_open=True)
    assert split(frame)[0] == Address("depot", "s")


def test_no_status_comes_before_the_one_of_the_answer_to_our_step_1() -> None:
    dialect = stock()
    dialect.expect_status(answers_step_1=False)
    assert read(dialect.acknowledge(DONE)) == []
    dialect.expect_status(answers_step_1=False)
    assert read(dialect.refuse(READ_ONLY)) == []
    dialect.expect_status(answers_step_1=True)
    assert read(dialect.acknowledge(DONE)) == [YES, NO, YES]
    dialect.expect_status(answers_step_1=False)
    assert read(dialect.acknowledge(DONE)) == [YES]


def test_statuses_are_not_held_back_without_end() -> None:
    dialect = stock()
    told = [read(dialect.acknowledge(DONE)) for _ in range(MAX_HELD_STATUSES)]
    assert sum(map(len, told)) == len(told[-1]) == MAX_HELD_STATUSES


def test_a_client_of_ours_counts_from_its_first_update_and_hears_why() -> None:
    dialect = ours()
    assert read(dialect.acknowledge(DONE)) == [YES]
    why, refused = read(dialect.refuse(READ_ONLY))
    assert refused == NO
    assert isinstance(why, Stateless)
    assert json.loads(why.payload)["code"] == "not_allowed"


def test_what_is_no_update_has_no_status() -> None:
    broken = Refuse(1, MalformedUpdate(), of_update=False)
    assert read(stock().refuse(broken)) == read(ours().refuse(broken)) == []


def test_a_malformed_update_is_refused_at_once() -> None:
    dialect = stock()
    dialect.acknowledge(DONE)
    assert read(dialect.refuse(Refuse(1, MalformedUpdate()))) == [NO]


def test_only_a_question_of_rights_is_denied_to_a_stock_provider() -> None:
    dialect = stock()
    assert read(dialect.farewell(MalformedUpdate(), was_open=True)) == [Close(RESET)]
    for error in (StoreUnavailable(), TooLarge()):
        assert read(dialect.farewell(error, was_open=False)) == [Close(error.reason)]
    assert read(dialect.farewell(TokenExpired(), was_open=True)) == [PermissionDenied(str(TokenExpired()))]


def test_a_client_of_ours_hears_why_before_it_is_denied() -> None:
    for error in (DocumentNotFound(), StoreUnavailable()):
        why, denied = read(ours().farewell(error, was_open=False))
        assert isinstance(why, Stateless)
        assert json.loads(why.payload)["retry"] is error.retry
        assert isinstance(denied, PermissionDenied)
    assert read(ours().farewell(StoreUnavailable(), was_open=True)) == [Close(StoreUnavailable().reason)]


def test_who_only_sends_does_not_hear_the_others() -> None:
    assert stock().hears
    assert ours().hears
    assert not HocuspocusDialect(Address("depot"), Extension(send_only=True)).hears
