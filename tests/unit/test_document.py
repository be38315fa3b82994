"""The document against pycrdt as the writer: what each update means, and what a side lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment

from tests.golden import HALVED, UPDATES, GoldenHalved, GoldenUpdate
from tests.strategies import History, histories
from webhost_sync.errors import MalformedUpdate, TooLarge
from webhost_sync.sync.document import EMPTY_STATE_VECTOR, BrokenDocument, Document, Outcome
from webhost_sync.sync.parts import EMPTY_UPDATE, merge
from webhost_sync.sync.protocol import decode_state_vector
from webhost_sync.sync.update import RootKind, read_update

# yjs 13.6.33, client id 77: `getXmlFragment('x').insert(0, [new Y.XmlHook('hooky')])`
HOOK = bytes.fromhex("01014d00070101780505686f6f6b7900")

# yjs 13.6.33, client id 77: `getMap('m').set('big', 7n)`
BIGINT = bytes.fromhex("01014d002801016d03626967017a000000000000000700")


def updates_of(*edits: str, client_id: int = 7) -> list[bytes]:
    """One update for each key that is set, by one writer."""
    doc: Doc[Map[object]] = Doc(client_id=client_id)
    updates: list[bytes] = []

    def keep(event: TransactionEvent) -> None:
        updates.append(event.update)

    subscription = doc.observe(keep)
    root = doc.get("rows", type=Map)
    for key in edits:
        root[key] = f"value of {key}"
    doc.unobserve(subscription)
    return updates


def canonical(document: Document) -> str:
    """What a document shows, with NaN equal to itself and maps in one order."""
    return json.dumps(document.values(), sort_keys=True, default=repr)


def deletion() -> tuple[bytes, bytes]:
    """An update that writes a text, and one that only deletes from it."""
    doc: Doc[Text] = Doc(client_id=9)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    text = doc.get("text", type=Text)
    text += "hello"
    del text[0:2]
    doc.unobserve(subscription)
    return updates[0], updates[1]


def test_an_update_that_adds_something_changes_the_document() -> None:
    document = Document(1)
    [update] = updates_of("a")
    assert document.apply(update).outcome is Outcome.CHANGED
    assert document.apply(update).client_ids == (7,)
    assert document.values() == {"rows": {"a": "value of a"}}


def test_the_same_update_twice_is_nothing_new() -> None:
    document = Document(1)
    [update] = updates_of("a")
    document.apply(update)
    assert document.apply(update).outcome is Outcome.NOTHING_NEW
    assert document.apply(EMPTY_UPDATE).outcome is Outcome.NOTHING_NEW


def test_an_update_without_its_cause_is_a_gap_until_the_cause_comes() -> None:
    document = Document(1)
    first, second = updates_of("a", "b")
    assert document.apply(second).outcome is Outcome.GAP
    assert document.kept == (second,)
    assert document.apply(second).outcome is Outcome.NOTHING_NEW
    assert document.apply(first).outcome is Outcome.CHANGED
    assert not document.kept
    assert document.values() == {"rows": {"a": "value of a", "b": "value of b"}}


def test_a_joiner_gets_the_gap_too() -> None:
    document, joiner = Document(1), Document(2)
    first, second = updates_of("a", "b")
    document.apply(second)
    for update in document.diff(joiner.state_vector()):
        joiner.apply(update)
    joiner.apply(first)
    assert joiner.values() == {"rows": {"a": "value of a", "b": "value of b"}}


def test_a_deletion_that_comes_before_what_it_deletes_is_not_lost() -> None:
    document = Document(1)
    write, delete = deletion()
    assert document.apply(delete).outcome is Outcome.GAP
    assert document.apply(delete).outcome is Outcome.NOTHING_NEW
    document.apply(write)
    assert document.values() == {"text": "llo"}
    assert document.kept == ()


def test_an_update_that_pycrdt_cannot_read_is_kept_and_passed_on() -> None:
    document = Document(1)
    assert document.apply(HOOK).outcome is Outcome.UNSUPPORTED
    assert document.apply(HOOK).outcome is Outcome.NOTHING_NEW
    assert HOOK in document.diff(b"\x00")
    assert not document.brings_news(HOOK)


def test_a_client_that_has_the_unreadable_part_is_not_asked_for_it_again() -> None:
    document = Document(1)
    document.apply(HOOK)
    assert document.state_vector() == bytes([1, 77, 1])


@pytest.mark.parametrize("update", [b"", b"\x01", b"\xff" * 20, b"\x00\x00junk"])
def test_bad_bytes_are_refused_and_change_nothing(update: bytes) -> None:
    document = Document(1)
    before = document.encode()
    with pytest.raises(MalformedUpdate):
        document.apply(update)
    assert document.encode() == before


def test_news_is_seen_without_applying() -> None:
    document = Document(1)
    first, second = updates_of("a", "b")
    write, delete = deletion()
    document.apply(first)
    document.apply(write)
    assert not document.brings_news(first)
    assert document.brings_news(second)
    assert document.brings_news(delete)
    document.apply(delete)
    assert not document.brings_news(delete)
    assert not document.brings_news(document.encode())


def test_whole_numbers_come_back_as_integers_and_bytes_as_bytes() -> None:
    doc: Doc[Map[object]] = Doc(client_id=7)
    root = doc.get("m", type=Map)
    root["whole"], root["half"], root["bytes"], root["list"] = 3, 0.5, b"\x00\x01", [1, {"a": 2}]
    document = Document(1)
    document.apply(doc.get_update())
    assert document.values() == {"m": {"whole": 3, "half": 0.5, "bytes": b"\x00\x01", "list": [1, {"a": 2}]}}


def test_the_kind_of_a_root_is_found_in_its_content() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    doc.get("list", type=Array).append(1)
    doc.get("map", type=Map)["k"] = 1
    text = doc.get("text", type=Text)
    text += "héllo 😀"
    document = Document(1)
    document.apply(doc.get_update())
    assert document.values() == {"list": [1], "map": {"k": 1}, "text": "héllo 😀"}
    assert document.root("nothing", RootKind.MAP) == {}


@given(st.permutations(updates_of("a", "b", "c", "d", client_id=7) + updates_of("a", "x", client_id=8)))
def test_the_order_of_updates_does_not_matter(updates: list[bytes]) -> None:
    document, reference = Document(1), Document(2)
    for update in updates:
        document.apply(update)
    for update in sorted(updates):
        reference.apply(update)
    assert document.kept == ()
    assert document.values() == reference.values()
    assert sorted(read_update(document.encode()).structs) == sorted(read_update(reference.encode()).structs)


def test_merging_keeps_apart_only_what_cannot_be_merged() -> None:
    document = Document(1)
    first, second, hook = (document.apply(update).part for update in (*updates_of("a", "b"), HOOK))
    assert len(merge([first, second])) == 1
    assert merge([first, hook, second]) == (first.update, hook.update, second.update)
    assert merge([]) == (EMPTY_UPDATE,)


def test_what_pycrdt_would_round_is_answered_as_it_came() -> None:
    document = Document(1)
    [before] = updates_of("a", client_id=3)
    [after] = updates_of("z", client_id=8)
    document.apply(before)
    assert document.is_exact
    document.apply(BIGINT)
    document.apply(after)
    assert not document.is_exact
    assert document.values() == {"m": {"big": 7}, "rows": {"a": "value of a", "z": "value of z"}}
    assert BIGINT in document.diff(EMPTY_STATE_VECTOR)
    assert document.diff(EMPTY_STATE_VECTOR) == (before, BIGINT, after)


def test_what_has_no_plain_form_does_not_hide_the_rest() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    root = doc.get("m", type=Map)
    root["sub"], root["n"] = Doc(guid="inner"), 1
    fragment = doc.get("x", type=XmlFragment)
    fragment.children.append(XmlElement("p"))
    fragment.children.append(XmlElement("q"))
    del fragment.children[0]
    document = Document(1)
    document.apply(doc.get_update())
    assert document.values() == {
        "m": {"sub": {"subdocument": "inner"}, "n": 1},
        "x": "<q></q>",
    }


@pytest.mark.parametrize("golden", HALVED, ids=lambda golden: golden.name)
def test_an_edit_that_halves_an_emoji_leaves_what_yjs_has(golden: GoldenHalved) -> None:
    document = Document(1)
    for update in golden.updates:
        assert document.apply(update).outcome is Outcome.CHANGED
    assert document.values() == {"t": golden.text}
    assert document.state_vector() == golden.state_vector


@pytest.mark.parametrize("golden", UPDATES, ids=lambda golden: golden.name)
def test_what_yjs_writes_is_taken_and_never_asked_for_again(golden: GoldenUpdate) -> None:
    document, joiner = Document(1), Document(2)
    document.apply(golden.update)
    assert document.apply(golden.update).outcome is Outcome.NOTHING_NEW
    assert not document.brings_news(golden.update)
    for update in document.diff(b"\x00"):
        joiner.apply(update)
    assert decode_state_vector(joiner.state_vector()) == decode_state_vector(document.state_vector())
    assert canonical(joiner) == canonical(document)
    if golden.state_vector is not None:
        assert decode_state_vector(document.state_vector()) == decode_state_vector(golden.state_vector)


# An item that is put into an emoji: well formed, and nonsense.
NONSENSE = bytes.fromhex(
    "0204010004010004f09f9a9a05000100022d304801000174010005010173032278220203008101030343010102000100"
)


def test_an_update_that_makes_no_sense_breaks_the_document_loudly() -> None:
    document = Document(1)
    with pytest.raises(BrokenDocument):
        document.apply(NONSENSE)


def test_an_update_that_makes_no_sense_breaks_the_document_among_others_too() -> None:
    first, second = updates_of("a", "b")
    with pytest.raises(BrokenDocument):
        Document(1).apply_all([first, NONSENSE, second])


@pytest.mark.parametrize("golden", HALVED, ids=lambda golden: golden.name)
def test_updates_that_halve_an_emoji_may_come_together(golden: GoldenHalved) -> None:
    document = Document(1)
    document.apply_all(golden.updates)
    assert document.values() == {"t": golden.text}
    assert document.state_vector() == golden.state_vector


@given(
    histories(edits=12), st.lists(st.sampled_from([each.update for each in UPDATES]), max_size=1), st.data()
)
def test_updates_that_come_together_mean_what_they_mean_one_by_one(
    history: History, others: list[bytes], data: st.DataObject
) -> None:
    updates = [*history.updates, *others]
    if data.draw(st.booleans()):
        updates = data.draw(st.permutations(updates))
    cut = data.draw(st.integers(0, len(updates)))
    together, singly = Document(1), Document(1)
    together.apply_all(updates[:cut])
    together.apply_all(updates[cut:])
    for update in updates:
        singly.apply(update)
    assert canonical(together) == canonical(singly)
    assert decode_state_vector(together.state_vector()) == decode_state_vector(singly.state_vector())
    assert (together.kept, together.is_lossy, together.root_kinds) == (
        singly.kept,
        singly.is_lossy,
        singly.root_kinds,
    )
    assert read_update(together.encode()).deletes == read_update(singly.encode()).deletes


def test_an_update_that_may_not_wait_is_refused_and_changes_nothing() -> None:
    document = Document(1)
    first, second = updates_of("a", "b")
    with pytest.raises(TooLarge):
        document.apply(second, may_wait=False)
    assert not document.kept
    assert document.apply(first, may_wait=False).outcome is Outcome.CHANGED
