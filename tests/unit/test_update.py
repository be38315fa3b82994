from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text, merge_updates

from tests.golden import HALVED, UPDATES, GoldenHalved, GoldenUpdate
from tests.strategies import History, histories, updates
from webhost_sync.errors import MalformedUpdate
from webhost_sync.sync.lib0 import write_bytes, write_string, write_uint
from webhost_sync.sync.protocol import decode_state_vector
from webhost_sync.sync.update import (
    RootKind,
    UpdateSummary,
    covers,
    halved_pairs,
    is_ready,
    read_update,
    without_pairs,
)

EMPTY = b"\x00\x00"
TEXT_INSERT = b"\x01\x01\x05\x00\x04\x01\x01t\x02hi\x00"


def of_struct(struct: bytes, *, clock: int = 0, count: int = 1) -> bytes:
    """Return an update of client 5 with these structs and nothing deleted."""
    return b"\x01" + write_uint(count) + b"\x05" + write_uint(clock) + struct + b"\x00"


@given(updates())
def test_every_update_of_pycrdt_is_read(update: bytes) -> None:
    read_update(update)


@given(updates(), st.data())
def test_an_update_that_is_cut_short_or_too_long_is_refused(update: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(update) - 1))
    for bad in (update[:end], update + b"\x00"):
        with pytest.raises(MalformedUpdate):
            read_update(bad)


@given(histories())
def test_a_document_covers_all_that_it_applied(history: History) -> None:
    state = decode_state_vector(history.document.get_state())
    assert all(covers(state, read_update(update)) for update in history.updates)


@given(histories(), st.data())
def test_updates_applied_when_they_are_ready_are_covered_at_once(
    history: History, data: st.DataObject
) -> None:
    document: Doc[Any] = Doc()
    waiting = data.draw(st.permutations(history.updates))
    while waiting:
        state = decode_state_vector(document.get_state())
        update = next(update for update in waiting if is_ready(state, read_update(update)))
        waiting.remove(update)
        document.apply_update(update)
        assert covers(decode_state_vector(document.get_state()), read_update(update))
    assert document.get_state() == history.document.get_state()


@given(histories())
def test_the_ranges_of_a_whole_state_are_its_state_vector(history: History) -> None:
    summary = read_update(history.document.get_update())
    assert {client: end for client, _, end in summary.structs} == decode_state_vector(
        history.document.get_state()
    )
    assert all(first == 0 for _, first, _ in summary.structs)
    assert summary.client_ids == frozenset(decode_state_vector(history.document.get_state()))


@pytest.mark.parametrize("golden", UPDATES, ids=lambda golden: golden.name)
def test_an_update_of_yjs_is_read(golden: GoldenUpdate) -> None:
    summary = read_update(golden.update)
    if golden.state_vector is not None:
        state = decode_state_vector(golden.state_vector)
        assert {client: end for client, _, end in summary.structs} == state
        assert is_ready({}, summary)
        assert covers(state, summary)


def test_pycrdt_takes_what_is_not_marked_and_has_the_state_of_yjs_then() -> None:
    for golden in UPDATES:
        if golden.state_vector is not None and not read_update(golden.update).has_unsupported:
            document: Doc[Any] = Doc()
            document.apply_update(golden.update)
            state = decode_state_vector(document.get_state())
            assert state == decode_state_vector(golden.state_vector), golden.name


def test_what_pycrdt_does_not_take_of_yjs_is_known() -> None:
    marked = [golden.name for golden in UPDATES if read_update(golden.update).has_unsupported]
    assert marked == ["a format with half a pair", "XML hook", "old JSON"]


def test_what_pycrdt_takes_and_writes_otherwise_is_known() -> None:
    lossy = {golden.name for golden in UPDATES if read_update(golden.update).has_lossy}
    assert lossy == {"map", "every value", "a document in a document"}


def test_pycrdt_rounds_a_bigint() -> None:
    """When this fails, pycrdt has learned to keep them, and `has_lossy` can forget about them."""
    update = of_struct(b"\x08\x01\x01r\x01\x7a" + b"\x00" * 7 + b"\x07")
    assert read_update(update).has_lossy
    assert merge_updates(update, EMPTY) != update
    assert merge_updates(TEXT_INSERT, EMPTY) == TEXT_INSERT


def test_pycrdt_forgets_what_waits_for_a_gap_that_something_else_has_jumped() -> None:
    """When this fails, pycrdt may be given updates that are not ready."""
    first, second = (of_struct(b"\x04\x01\x01t\x04text"), of_struct(b"\x84\x05\x03\x04more", clock=4))
    third = of_struct(b"\x28\x01\x01m\x01k\x01\x7e", clock=8)
    document: Doc[Any] = Doc()
    for update in (second, third, first):
        document.apply_update(update)
    assert decode_state_vector(document.get_state()) == {5: 4}


def test_merged_updates_of_yjs_keep_their_gaps() -> None:
    gaps = next(golden for golden in UPDATES if golden.name == "merged with gaps")
    assert read_update(gaps.update).structs == ((9, 0, 1), (9, 2, 3), (9, 5, 6))


def test_an_insert_is_summed_up() -> None:
    assert read_update(TEXT_INSERT) == UpdateSummary(
        structs=((5, 0, 2),),
        deletes=(),
        causes=(),
        pairs=(),
        cuts=(),
        places=((5, 0, 5, -1, 1),),
        roots={"t": RootKind.TEXT},
        has_unsupported=False,
        has_lossy=False,
    )


def test_the_empty_update_changes_nothing() -> None:
    summary = read_update(EMPTY)
    assert summary.is_empty
    assert covers({}, summary)


def test_the_length_of_text_counts_utf_16_units() -> None:
    update = of_struct(b"\x04\x01\x01t" + write_string("ž🚚"))
    assert read_update(update).structs == ((5, 0, 3),)


def test_a_skip_is_a_gap_between_two_ranges() -> None:
    update = of_struct(b"\x00\x02" + b"\x0a\x03" + b"\x00\x01\x00\x01", clock=10, count=4)
    assert read_update(update).structs == ((5, 10, 12), (5, 15, 17))
    assert not covers({5: 16}, read_update(update))
    assert covers({5: 17}, read_update(update))


def test_an_update_is_ready_when_its_clocks_causes_and_deletes_follow_the_document() -> None:
    follows_another = of_struct(b"\x84\x07\x03\x01a", clock=2)
    summary = read_update(follows_another)
    assert summary.causes == ((7, 4),)
    assert is_ready({5: 2, 7: 4}, summary)
    assert is_ready({5: 9, 7: 9}, summary)
    assert not is_ready({5: 1, 7: 4}, summary)
    assert not is_ready({5: 2, 7: 3}, summary)
    deletes = read_update(b"\x00\x01\x05\x01\x03\x02")
    assert (is_ready({5: 4}, deletes), is_ready({5: 5}, deletes)) == (False, True)


def test_causes_may_come_with_the_update_itself() -> None:
    update = b"\x02\x01\x07\x00\x04\x01\x01t\x01a\x01\x05\x00\x84\x07\x00\x01b\x01\x05\x01\x00\x01"
    assert is_ready({}, read_update(update))


def test_a_gap_inside_an_update_is_not_ready_until_it_is_filled() -> None:
    summary = read_update(of_struct(b"\x00\x02" + b"\x0a\x03" + b"\x00\x01", count=3))
    assert (is_ready({}, summary), is_ready({5: 5}, summary)) == (False, True)


def test_overwritten_values_of_a_key_may_be_one_struct() -> None:
    """Yjs without garbage collection writes them so."""
    update = bytes.fromhex("010205002801016d0161027d017d02a80501017d030105010002")
    assert read_update(update).structs == ((5, 0, 3),)
    assert not read_update(update).has_unsupported


TRUCK = of_struct(b"\x04\x01\x01t" + write_string("a🚚b"))
CUTS = {
    "insert between": (of_struct(b"\xc4\x05\x01\x05\x02\x01x", clock=4), True),
    "insert before": (of_struct(b"\xc4\x05\x00\x05\x01\x01x", clock=4), False),
    "insert behind": (of_struct(b"\xc4\x05\x02\x05\x03\x01x", clock=4), False),
    "delete the first half": (b"\x00\x01\x05\x01\x01\x01", True),
    "delete the second half": (b"\x00\x01\x05\x01\x02\x01", True),
    "delete both": (b"\x00\x01\x05\x01\x01\x02", False),
}


@pytest.mark.parametrize(("update", "halves"), CUTS.values(), ids=CUTS.keys())
def test_an_update_that_halves_a_surrogate_pair_is_found(update: bytes, halves: bool) -> None:
    pairs = frozenset(read_update(TRUCK).pairs)
    assert pairs == {(5, 2)}
    assert halved_pairs(pairs, read_update(update)) == (pairs if halves else frozenset())
    assert not halved_pairs(frozenset(), read_update(update))


def test_an_update_may_halve_a_pair_of_its_own() -> None:
    text = b"\x04\x01\x01t" + write_string("🚚")
    assert halved_pairs(frozenset(), read_update(of_struct(text + b"\x84\x05\x00\x01x", count=2))) == {(5, 1)}
    assert not halved_pairs(frozenset(), read_update(of_struct(text + b"\x84\x05\x01\x01x", count=2)))


def test_a_pair_is_replaced_without_moving_a_clock() -> None:
    mended = without_pairs(of_struct(b"\x04\x01\x01t" + write_string("🚗a🚚")), {(5, 4)})
    assert mended == of_struct(b"\x04\x01\x01t" + write_string("🚗a\ufffd\ufffd"))
    assert without_pairs(TRUCK, frozenset()) == TRUCK


@pytest.mark.parametrize("golden", HALVED, ids=lambda golden: golden.name)
def test_pycrdt_follows_yjs_through_halved_pairs_when_they_are_replaced_first(golden: GoldenHalved) -> None:
    document: Doc[Any] = Doc()
    for update in golden.updates:
        state = document.get_update()
        halved = halved_pairs(frozenset(read_update(state).pairs), read_update(update))
        if halved:
            document = Doc()
            document.apply_update(without_pairs(state, halved))
        document.apply_update(without_pairs(update, halved))
    assert str(document.get("t", type=Text)) == golden.text
    assert decode_state_vector(document.get_state()) == decode_state_vector(golden.state_vector)
    assert covers(decode_state_vector(golden.state_vector), read_update(document.get_update()))


def test_deletes_are_covered_only_when_what_they_delete_is_there() -> None:
    summary = read_update(b"\x00\x01\x05\x01\x03\x02")
    assert summary.deletes == ((5, 3, 2),)
    assert (covers({5: 4}, summary), covers({5: 5}, summary), summary.is_empty) == (False, True, False)


ROOTS = {
    "array of values": (b"\x08\x01\x01r\x01\x7e", RootKind.ARRAY),
    "array of bytes": (b"\x03\x01\x01r" + write_bytes(b"\x00"), RootKind.ARRAY),
    "array of old JSON": (
        b"\x02\x01\x01r\x02" + write_string("undefined") + write_string("[1]"),
        RootKind.ARRAY,
    ),
    "array of maps": (b"\x07\x01\x01r\x01", RootKind.ARRAY),
    "array of documents": (b"\x09\x01\x01r" + write_string("guid") + b"\x76\x00", RootKind.ARRAY),
    "map of text": (b"\x27\x01\x01r\x01k\x02", RootKind.MAP),
    "deleted map value": (b"\x21\x01\x01r\x01k\x01", RootKind.MAP),
    "text": (b"\x04\x01\x01r\x01a", RootKind.TEXT),
    "format": (b"\x06\x01\x01r\x04bold\x04true", RootKind.TEXT),
    "embed": (b"\x05\x01\x01r\x02{}", RootKind.TEXT),
    "element": (b"\x07\x01\x01r\x03\x01p", RootKind.XML_FRAGMENT),
    "xml text": (b"\x07\x01\x01r\x06", RootKind.XML_FRAGMENT),
    "deleted": (b"\x01\x01\x01r\x01", RootKind.UNKNOWN),
}


@pytest.mark.parametrize(("struct", "kind"), ROOTS.values(), ids=ROOTS.keys())
def test_the_kind_of_a_root_shows_in_its_items(struct: bytes, kind: RootKind) -> None:
    assert read_update(of_struct(struct)).roots == {"r": kind}


def test_the_telling_item_decides_the_kind_of_a_root() -> None:
    deleted, text = ROOTS["deleted"][0], ROOTS["text"][0]
    assert read_update(of_struct(deleted + text + deleted, count=3)).roots == {"r": RootKind.TEXT}


UNSUPPORTED = {
    "a hook": b"\x07\x01\x01r\x05\x01h",
    "old JSON": b"\x02\x01\x01r\x01\x011",
    "half a pair": b"\x05\x01\x01r" + write_string('"\\ud83d"'),
    "the other half": b"\x06\x01\x01r\x01k" + write_string('{"a":"\\uDE9A\\uD83D"}'),
    "a number beyond a double": b"\x05\x01\x01r" + write_string("[1e400]"),
    "a very long number": b"\x05\x01\x01r" + write_string("1" * 400),
}


@pytest.mark.parametrize("struct", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_yjs_reads_and_pycrdt_does_not_is_read_and_marked(struct: bytes) -> None:
    summary = read_update(of_struct(struct))
    assert summary.has_unsupported
    assert summary.structs == ((5, 0, 1),)


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude9a"', '"\\\\ud83d"', "1e21", "1.7976931348623157e308", "1" * 300]
)
def test_unusual_json_that_pycrdt_reads_is_not_marked(text: str) -> None:
    update = of_struct(b"\x05\x01\x01r" + write_string(text))
    assert not read_update(update).has_unsupported
    Doc().apply_update(update)


REFUSED = {
    "nothing": b"",
    "a huge count of clients": b"\xff\xff\xff\xff\x0f\x00",
    "a huge count of structs": of_struct(b"\x00\x01", count=2**40),
    "one client twice": b"\x02\x01\x05\x00\x00\x01\x01\x05\x01\x00\x01\x00",
    "one client twice in deletes": b"\x00\x02\x05\x01\x00\x01\x05\x01\x02\x01",
    "a collected struct of no length": of_struct(b"\x00\x00"),
    "a skip of no length": of_struct(b"\x0a\x00"),
    "an empty text": of_struct(b"\x04\x01\x01t\x00"),
    "no values": of_struct(b"\x08\x01\x01r\x00"),
    "a delete of no length": b"\x00\x01\x05\x01\x00\x00",
    "a clock above 32 bits": of_struct(b"\x00" + write_uint(2**32)),
    "a last clock above 32 bits": of_struct(b"\x00\x02", clock=2**32 - 2),
    "a delete above 32 bits": b"\x00\x01\x05\x01" + write_uint(2**32 - 1) + b"\x01",
    "the kind of yrs' moves": of_struct(b"\x0b\x01\x01r\x00"),
    "an unknown kind": of_struct(b"\x1f\x01\x01r\x00"),
    "a collected struct with an origin": of_struct(b"\x80\x06\x00\x01"),
    "a parent that is neither root nor item": of_struct(b"\x04\x02\x01t\x01a"),
    "an unknown type": of_struct(b"\x07\x01\x01r\x07"),
    "options that are no object": of_struct(b"\x09\x01\x01r\x01g\x7e"),
    "an item that follows itself": of_struct(b"\x84\x05\x00\x01a"),
    "an item inside a later one": of_struct(b"\x04\x00\x05\x09\x01a", clock=3),
    "a format that is no JSON": of_struct(b"\x06\x01\x01t\x01b\x01]"),
    "no UTF-8": of_struct(b"\x04\x01\x01t\x01\xff"),
    "a live map entry of several values": of_struct(b"\x28\x01\x01m\x01k\x02\x7e\x7e"),
    "a map entry that is partly live": b"\x01\x01\x05\x00\x28\x01\x01m\x01k\x02\x7e\x7e\x01\x05\x01\x00\x01",
    "a map entry with a right origin": of_struct(b"\xe8\x06\x00\x06\x01\x01\x7e"),
    "a live map entry of text": of_struct(b"\x24\x01\x01m\x01k\x02ab"),
    "deep nesting": of_struct(b"\x08\x01\x01r\x01" + b"\x75\x01" * 10_000 + b"\x7e"),
}


@pytest.mark.parametrize("update", REFUSED.values(), ids=REFUSED.keys())
def test_a_malformed_update_is_refused(update: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        read_update(update)


def test_a_refusal_says_where_and_what() -> None:
    with pytest.raises(MalformedUpdate, match="the update can't be decoded: a length of 0 at byte 6 of 7"):
        read_update(of_struct(b"\x00\x00"))
