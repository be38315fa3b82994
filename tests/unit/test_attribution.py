"""Whatever a document shows, it is told who wrote it: values and letters here say so themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment, XmlText

from store.contract import LoggedUpdate
from tests.strategies import History, histories
from tests.trace import ROOT, blog_post
from webhost_sync.errors import InvalidRequest
from webhost_sync.history.attribution import Mark, attribute
from webhost_sync.history.authorship import Authorship
from webhost_sync.history.content import read_state
from webhost_sync.history.items import read_items
from webhost_sync.history.nodes import LeafNode, TextNode, find
from webhost_sync.history.outline import Outline
from webhost_sync.history.replay import NOTHING, State, advance
from webhost_sync.history.touched import touched
from webhost_sync.sync.update import read_update

LETTERS = "aż😀"


@dataclass
class Log:
    """Three writers and the rows that their edits make, in the order of their making."""

    docs: list[Doc[Any]] = field(default_factory=lambda: [Doc(client_id=10 + who) for who in range(3)])
    updates: list[bytes] = field(default_factory=list)
    writers: list[int] = field(default_factory=list)

    def edit(self, who: int, kind: int, key: str, place: int) -> None:
        doc, made = self.docs[who], list[bytes]()

        def note(event: TransactionEvent) -> None:
            made.append(event.update)

        subscription = doc.observe(note)
        EDITS[kind](doc, who, key, place, f"{who} wrote {len(self.updates)}")
        doc.unobserve(subscription)
        self.updates += made
        self.writers += [who] * len(made)

    def exchange(self) -> None:
        for doc in self.docs:
            for other in self.docs:
                doc.apply_update(other.get_update(doc.get_state()))

    def state(self) -> State:
        rows = [
            LoggedUpdate(seq, update, "", "", (), datetime(2026, 5, 1, tzinfo=UTC))
            for seq, update in enumerate(self.updates, 1)
        ]
        return advance(NOTHING, rows, document_id=1, is_wanted=lambda _: False)[-1]

    def writer_of(self, seq: int) -> int:
        return self.writers[seq - 1] if seq <= len(self.writers) else 0

    def authorship(self) -> Authorship:
        found = Authorship()
        for seq, update in enumerate(self.updates, 1):
            found.note(seq, read_update(update).structs)
        return found


def _set(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    doc.get("map", type=Map)[key] = value


def _unset(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    doc.get("map", type=Map).pop(key, None)


def _add_row(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    doc.get("rows", type=Map)[key] = Map({"made": value, "notes": Text(LETTERS[who]), "tags": Array([value])})


def _set_field(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    rows = doc.get("rows", type=Map)
    for name in list(rows.keys())[:1]:
        rows[name][key] = value


def _insert_item(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    items = doc.get("list", type=Array)
    items.insert(place % (len(items) + 1), value)


def _delete_item(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    items = doc.get("list", type=Array)
    if len(items):
        del items[place % len(items)]


def _type(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    text = doc.get("text", type=Text)
    text.insert(_byte(str(text), place), LETTERS[who] * 3)


def _format(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    text = doc.get("text", type=Text)
    text.format(0, _byte(str(text), place), {"bold": bool(place % 2) or None})


def _erase(doc: Doc[Any], who: int, key: str, place: int, value: str) -> None:
    text = doc.get("text", type=Text)
    start = _byte(str(text), place)
    end = _byte(str(text), place + 2)
    if start < end:
        del text[start:end]


def _byte(text: str, place: int) -> int:
    return len(text[: min(place, len(text))].encode())


EDITS = (_set, _unset, _add_row, _set_field, _insert_item, _delete_item, _type, _type, _format, _erase)
steps = st.tuples(
    st.integers(0, 2),
    st.integers(0, len(EDITS) - 1),
    st.sampled_from("xyz"),
    st.integers(0, 12),
    st.booleans(),
)


@given(st.lists(steps, max_size=25))
def test_every_field_item_and_letter_has_its_writer(steps: list[tuple[int, int, str, int, bool]]) -> None:
    log = Log()
    for who, kind, key, place, exchanges in steps:
        log.edit(who, kind, key, place)
        if exchanges:
            log.exchange()
    state = log.state()
    content = read_state(state.update, state.kinds)
    marks = attribute(state, log.authorship(), (), log.writer_of)
    seen: dict[object, int] = {}
    for mark in marks:
        node = find(content, mark.path)
        writer = log.writers[mark.seq - 1]
        if isinstance(node, LeafNode):
            assert str(node.value).startswith(f"{writer} wrote")
        elif isinstance(node, TextNode) and mark.start is not None:
            assert mark.end is not None
            part = node.text.encode("utf-16-le")[2 * mark.start : 2 * mark.end].decode("utf-16-le")
            assert set(part) == {LETTERS[writer]}
            assert seen.get(mark.path, 0) == mark.start  # without a hole
            seen[mark.path] = mark.end
    text = content.get("text")
    if isinstance(text, TextNode):
        assert seen["text",] == len(text.text.encode("utf-16-le")) // 2


def test_every_letter_of_a_real_history_has_its_author() -> None:
    steps = blog_post()[:4000]
    log = Log(updates=[step.update for step in steps])
    marks = attribute(log.state(), log.authorship(), (ROOT,), lambda seq: seq)
    assert marks[0].start == 0
    assert marks[-1].end == len(steps[-1].text)
    text = steps[-1].text
    for mark in marks:
        assert mark.start is not None
        # What a row brought stands in the text right after it.
        assert text[mark.start : mark.end] in steps[mark.seq - 1].text
    assert {steps[mark.seq - 1].author for mark in marks} == {f"author {number}" for number in range(1, 6)}


def test_one_path_is_asked_for_and_no_other() -> None:
    log = Log()
    log.edit(0, EDITS.index(_add_row), "a/b", 0)
    log.edit(1, EDITS.index(_set), "x", 0)
    state, authorship = log.state(), log.authorship()
    assert attribute(state, authorship, ("rows", "a/b", "made"), log.writer_of) == (
        Mark(("rows", "a/b", "made"), 1),
    )
    assert attribute(state, authorship, ("rows", "a/b", "notes"), log.writer_of) == (
        Mark(("rows", "a/b", "notes"), 1),
        Mark(("rows", "a/b", "notes"), 1, 0, 1),
    )
    assert attribute(state, authorship, ("rows", "a/b", "tags", "0"), log.writer_of)[-1] == Mark(
        ("rows", "a/b", "tags", 0), 1
    )
    assert attribute(state, authorship, ("map",), log.writer_of) == (Mark(("map", "x"), 2),)
    with pytest.raises(InvalidRequest, match="nothing lies there at seq 2"):
        attribute(state, authorship, ("rows", "nobody"), log.writer_of)


def test_xml_has_the_last_of_its_writers() -> None:
    log = Log()
    doc = log.docs[0]
    page = doc.get("page", type=XmlFragment)
    page.children.append(XmlElement("p", {}, [XmlText("one")]))
    first = doc.get_update()
    page.children[0].children[0].insert(3, " two")
    log.updates = [first, doc.get_update()]
    assert attribute(log.state(), log.authorship(), ("page",), log.writer_of) == (Mark(("page",), 2),)


@given(histories())
def test_any_document_can_be_attributed(history: History) -> None:
    log = Log(updates=list(history.updates))
    state = log.state()
    for mark in attribute(state, log.authorship(), (), log.writer_of):
        assert 0 < mark.seq <= len(log.updates)
        assert find(read_state(state.update, state.kinds), mark.path) is not None


ranges = st.tuples(st.integers(1, 2), st.integers(0, 9), st.integers(1, 5)).map(
    lambda r: (r[0], r[1], r[1] + r[2])
)


@given(st.lists(st.lists(ranges, max_size=3), max_size=8))
def test_a_clock_belongs_to_the_first_row_that_brought_it(rows: list[list[tuple[int, int, int]]]) -> None:
    authorship, model = Authorship(), dict[tuple[int, int], int]()
    for seq, structs in enumerate(rows, 1):
        authorship.note(seq, structs)
        for client, first, end in structs:
            for clock in range(first, end):
                model.setdefault((client, clock), seq)
    for client in (1, 2):
        assert [authorship.seq_of((client, clock)) for clock in range(16)] == [
            model.get((client, clock), 0) for clock in range(16)
        ]
        cut = authorship.stretches(client, 0, 16)
        assert [seq for start, end, seq in cut for _ in range(start, end)] == [
            model.get((client, clock), 0) for clock in range(16)
        ]


def test_what_was_touched_is_named_by_root_and_key() -> None:
    log = Log()
    for kind, key in (
        (_add_row, "bus/7"),
        (_set_field, "name"),
        (_type, "x"),
        (_erase, "x"),
        (_insert_item, "x"),
    ):
        log.edit(0, EDITS.index(kind), key, 0)
    outline = Outline(read_items(log.state().update))
    names = [touched(outline, [update], limit=5).names for update in log.updates]
    assert names == [("/rows/bus~17",), ("/rows/bus~17",), ("/text",), ("/text",), ("/list",)]
    together = touched(outline, log.updates, limit=2)
    assert (together.names, together.more) == (("/rows/bus~17", "/text"), True)


def test_a_deleted_row_is_still_named() -> None:
    log = Log()
    log.edit(0, EDITS.index(_set), "x", 0)
    log.edit(1, EDITS.index(_set), "y", 0)
    log.exchange()
    log.edit(1, EDITS.index(_unset), "x", 0)
    outline = Outline(read_items(log.state().update))
    assert touched(outline, [log.updates[-1]], limit=5).names == ("/map/x",)
