"""What is found to differ between two contents leads from the one to the other, in memory and in Yjs."""

from __future__ import annotations

import json
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from tests.strategies import histories
from tests.unit.nodes import contents, letters, runs
from webhost_sync.errors import InvalidRequest
from webhost_sync.history.changes import Added, Removed, Replaced, Spliced, TextEdited, apply
from webhost_sync.history.content import read_state
from webhost_sync.history.difference import diff, graft
from webhost_sync.history.editing import edit_state
from webhost_sync.history.json_form import change_json
from webhost_sync.history.matching import gaps, matching_blocks
from webhost_sync.history.nodes import (
    EMPTY,
    ListNode,
    MapNode,
    Run,
    find,
    formats_of,
    leaf,
    map_node,
    text_node,
)
from webhost_sync.history.paths import path_of, pointer_of
from webhost_sync.history.texts import Piece, PieceKind, compare_texts, edit_text
from webhost_sync.sync.content import RootKind
from webhost_sync.sync.document import Document
from webhost_sync.sync.parts import EMPTY_UPDATE

KINDS = {
    "list": RootKind.ARRAY,
    "map": RootKind.MAP,
    "page": RootKind.XML_FRAGMENT,
    "text": RootKind.TEXT,
}
sequences = st.lists(st.integers(0, 3), max_size=14)


@given(sequences, sequences)
def test_blocks_are_equal_stretches_in_rising_order(one: list[int], other: list[int]) -> None:
    blocks = matching_blocks(one, other)
    for block in blocks:
        assert block.length > 0
        assert one[block.first :][: block.length] == other[block.second :][: block.length]
    for before, after in pairwise(blocks):
        assert before.first + before.length <= after.first
        assert before.second + before.length <= after.second
    covered = sum(block.length for block in blocks)
    missing = gaps(blocks, len(one), len(other))
    assert sum(end - start for start, end, _, _ in missing) == len(one) - covered
    assert sum(end - start for _, _, start, end in missing) == len(other) - covered


@given(st.lists(st.sampled_from("ab"), max_size=12), st.lists(st.sampled_from("ab"), max_size=12))
def test_without_anchors_as_much_is_matched_as_can_be(one: list[str], other: list[str]) -> None:
    one, other = [*"xxyy", *one, *"yxxy"], [*"yyxx", *other, *"xyyx"]  # no letter occurs once
    if any(one.count(letter) == 1 and other.count(letter) == 1 for letter in "ab"):
        return
    assert sum(block.length for block in matching_blocks(one, other)) == longest_common(one, other)


def longest_common(one: list[str], other: list[str]) -> int:
    row = [0] * (len(other) + 1)
    for item in one:
        above = row[:]
        for place, candidate in enumerate(other):
            row[place + 1] = above[place] + 1 if item == candidate else max(above[place + 1], row[place])
    return row[-1]


def test_two_large_texts_without_anything_in_common_are_compared_in_no_time() -> None:
    one, other = text_node([Run("ab" * 50_000)]), text_node([Run("ca" * 50_000)])
    pieces = compare_texts(one, other, by_characters=True)
    assert edit_text(one, pieces) == other


def test_two_texts_of_50_000_formats_are_compared_in_no_time() -> None:
    bold = formats_of({"bold": True})
    one = text_node([Run(f"{place} ", bold if place % 2 else ()) for place in range(50_000)])
    other = text_node([Run(f"{place} ", () if place % 2 else bold) for place in range(0, 50_000, 2)])
    began = process_time()
    pieces = compare_texts(one, other, by_characters=True)
    assert edit_text(one, pieces) == other
    assert process_time() - began < 20


@given(st.lists(runs, max_size=6).map(text_node), st.lists(runs, max_size=6).map(text_node), st.booleans())
def test_the_pieces_of_a_text_make_the_other(one: object, other: object, by_characters: bool) -> None:
    pieces = compare_texts(one, other, by_characters=by_characters)  # type: ignore[arg-type]
    assert edit_text(one, pieces) == other  # type: ignore[arg-type]


def test_a_word_is_a_word_to_a_reader_and_letters_to_an_editor() -> None:
    one, other = text_node([Run("so far so good\nend\n")]), text_node([Run("so fat so good\nend\n")])
    read = compare_texts(one, other, by_characters=False)
    edited = compare_texts(one, other, by_characters=True)
    assert [(piece.kind.value, piece.runs[0].content) for piece in read[1:3]] == [
        ("deleted", "far"),
        ("inserted", "fat"),
    ]
    assert [(piece.kind.value, piece.runs[0].content) for piece in edited[1:3]] == [
        ("deleted", "r"),
        ("inserted", "t"),
    ]


@given(contents(), contents(), st.booleans())
def test_the_changes_lead_from_one_content_to_the_other(
    before: MapNode, after: MapNode, by_characters: bool
) -> None:
    changes = diff(before, after, by_characters=by_characters)
    assert apply(changes, before) == after
    assert bool(changes) == (before != after)
    json.dumps([change_json(change) for change in changes], allow_nan=False)


@given(contents(), contents())
def test_the_changes_do_the_same_to_a_yjs_document(before: MapNode, after: MapNode) -> None:
    first = edit_state(EMPTY_UPDATE, KINDS, diff(EMPTY, before), client_id=7)
    assert first.content == before
    made = document_of(first.update)
    changes = diff(before, after, by_characters=True)
    second = edit_state(made.encode(), KINDS, changes, client_id=8)
    assert second.content == after
    made.apply(second.update)
    assert read_state(made.encode(), KINDS) == after


@given(histories(), histories())
def test_whatever_was_edited_can_become_whatever_else(one: object, other: object) -> None:
    before, after = document_of(*one.updates), document_of(*other.updates)  # type: ignore[attr-defined]
    now = read_state(before.encode(), before.root_kinds)
    then = read_state(after.encode(), after.root_kinds)
    kinds = {**after.root_kinds, **before.root_kinds}
    edit = edit_state(before.encode(), kinds, diff(now, then, by_characters=True), client_id=9)
    if "OpaqueNode" not in repr(then):
        assert edit.content == then
    before.apply(edit.update)
    assert before.kept == document_of(*one.updates).kept  # type: ignore[attr-defined]
    assert read_state(before.encode(), {**kinds, **before.root_kinds}) == edit.content


def document_of(*updates: bytes) -> Document:
    document = Document(client_id=1)
    for update in updates:
        document.apply(update)
    return document


def test_nothing_is_touched_that_stays() -> None:
    """What a change doesn't name keeps its identity: whoever edits it meanwhile loses nothing."""
    doc: Doc[Map[object]] = Doc(client_id=3)
    rows = doc.get("rows", type=Map)
    rows.update({"a": Map({"name": "A", "tags": Text("one two three")}), "b": Map({"name": "B"})})
    document = document_of(doc.get_update())
    now = read_state(document.encode(), document.root_kinds)
    then = now.with_entry("rows", now.get("rows").with_entry("b", None))  # type: ignore[union-attr]
    edit = edit_state(document.encode(), document.root_kinds, diff(now, then), client_id=4)
    rows["a"]["tags"].insert(4, "and ")  # type: ignore[index]
    doc.apply_update(edit.update)
    assert str(rows["a"]["tags"]) == "one and two three"  # type: ignore[index]
    assert list(rows.keys()) == ["a"]


def test_each_kind_of_change_says_where_it_is() -> None:
    before = map_node(
        {
            "rows": map_node({"x/1": leaf(1), "gone": leaf(None)}),
            "list": ListNode((leaf(1), leaf(2), map_node({"deep": leaf("a")}))),
            "text": text_node([Run("one two")]),
        }
    )
    after = map_node(
        {
            "rows": map_node({"x/1": leaf(True), "new": leaf(b"\x01")}),
            "list": ListNode((leaf(2), map_node({"deep": leaf("b")}))),
            "text": text_node([Run("one too")]),
        }
    )
    shown = [change_json(change) for change in diff(before, after)]
    assert shown == [
        {"change": "spliced", "path": "/list", "index": 0, "removed": [1], "added": []},
        {"change": "replaced", "path": "/list/1/deep", "before": "a", "after": "b"},
        {"change": "removed", "path": "/rows/gone", "before": None},
        {"change": "added", "path": "/rows/new", "after": {"$t": "b", "k": "Uint8Array", "v": "AQ=="}},
        {"change": "replaced", "path": "/rows/x~11", "before": 1, "after": True},
        {
            "change": "text",
            "path": "/text",
            "pieces": [
                {"piece": "kept", "text": "one "},
                {"piece": "deleted", "text": "two"},
                {"piece": "inserted", "text": "too"},
            ],
        },
    ]


def test_one_row_or_field_of_then_is_put_into_now() -> None:
    row = map_node({"name": leaf("A"), "plate": leaf("WA 1")})
    then = map_node({"rows": map_node({"a": row})})
    now = map_node({"rows": map_node({"a": map_node({"name": leaf("B")}), "b": row})})
    field = graft(now, then, ("rows", "a", "plate"))
    assert find(field, ("rows", "a")) == map_node({"name": leaf("B"), "plate": leaf("WA 1")})
    assert find(graft(now, then, ("rows", "a")), ("rows", "a")) == row
    assert find(graft(now, then, ("rows", "b")), ("rows", "b")) is None
    assert graft(now, then, ()) == then
    with pytest.raises(InvalidRequest, match="'/rows/c' isn't there now; restore that"):
        graft(now, then, ("rows", "c", "name"))
    with pytest.raises(InvalidRequest, match="'/rows/a/name' is no map"):
        graft(now, then, ("rows", "a", "name", "x"))


@pytest.mark.parametrize(
    "change",
    [
        Added(("rows", "a"), leaf(2)),
        Removed(("rows", "a"), leaf(2)),
        Replaced(("rows", "b"), leaf(2), leaf(3)),
        Spliced(("list",), 0, (leaf(9),), ()),
        TextEdited(("text",), (Piece(PieceKind.DELETED, (Run("x"),)),)),
        TextEdited(("rows",), ()),
        Added(("nowhere", "a"), leaf(1)),
    ],
)
def test_a_change_that_does_not_fit_is_refused(change: object) -> None:
    content = map_node(
        {"rows": map_node({"a": leaf(1)}), "list": ListNode((leaf(1),)), "text": text_node([Run("abc")])}
    )
    with pytest.raises(ValueError):
        apply([change], content)  # type: ignore[list-item]


@given(st.lists(letters | st.just("~1"), max_size=4).map(tuple))
def test_a_path_is_read_as_it_was_written(path: tuple[str, ...]) -> None:
    assert path_of(pointer_of(path)) == path


@pytest.mark.parametrize("pointer", ["rows", "/a~", "/a~2b", "/" + "x" * 2000])
def test_a_bad_path_is_refused(pointer: str) -> None:
    with pytest.raises(InvalidRequest):
        path_of(pointer)
