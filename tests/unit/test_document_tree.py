"""What a document holds, as it is drawn: fields, tables and texts, each value with its writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from webhost_sync.dashboard.documents.differences import draw
from webhost_sync.dashboard.documents.lanes import LANES, lanes
from webhost_sync.dashboard.documents.prose import Prose, Units
from webhost_sync.dashboard.documents.tree import SHOWN, Fields, Table, Value, tree
from webhost_sync.dashboard.documents.values import value_words
from webhost_sync.dashboard.documents.writers import Marks, Writers
from webhost_sync.history.difference import diff
from webhost_sync.history.nodes import MapNode, Node, Run, TextNode, leaf, map_node, text_node

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Mark:
    path: str
    seq: int | None
    actor: str | None
    start: int | None = None
    end: int | None = None
    device: str | None = ""
    at: datetime | None = AT


def row(**fields: object) -> MapNode:
    return map_node({name: leaf(value) for name, value in fields.items()})


def rows(count: int) -> MapNode:
    return map_node({f"bus-{number:03}": row(name=f"Bus {number}", seats=40.0) for number in range(count)})


def text(content: str) -> TextNode:
    return text_node([Run(content)])


def test_a_map_of_maps_is_a_table_with_a_row_for_each() -> None:
    shown = tree(map_node({"b": row(name="B", plate="TX"), "a": row(name="A", seats=4.0)}), ("rows",))
    assert isinstance(shown, Table)
    assert shown.columns == ("name", "plate", "seats")
    assert [line.key for line in shown.rows] == ["a", "b"]
    first = [
        cell and isinstance(cell.branch, Value) and cell.branch.words.text for cell in shown.rows[0].cells
    ]
    assert first == ["A", None, "4"]


def test_the_roots_of_a_document_are_never_rows_and_what_a_table_says_of_itself_comes_last() -> None:
    shown = tree(map_node({"meta": row(layout=1.0), "rows": rows(2)}))
    assert isinstance(shown, Fields)
    assert [entry.key for entry in shown.entries] == ["rows", "meta"]


def test_what_is_long_is_shown_in_parts() -> None:
    many = rows(SHOWN + 30)
    first, rest = tree(many, ("rows",)), tree(many, ("rows",), first=SHOWN)
    assert isinstance(first, Table)
    assert isinstance(rest, Table)
    assert (len(first.rows), len(rest.rows), rest.first, rest.total) == (SHOWN, 30, SHOWN, SHOWN + 30)


def test_a_value_has_its_writer_and_a_value_within_it_has_the_same() -> None:
    writers = Writers()
    marks = Marks([Mark("/options/hours", 4, "ada"), Mark("/options/gates", None, None)], writers)
    shown = tree(row(hours={"from": "04:30", "days": [{"day": 1.0}]}, gates=4.0), ("options",), marks)
    assert isinstance(shown, Fields)
    gates, hours = shown.entries
    assert gates.written is not None
    assert gates.written.writer is None
    assert isinstance(hours.branch, Fields)
    for entry in (hours, *hours.branch.entries):
        assert entry.written is not None
        assert entry.written.writer == writers.of("ada", "")


def test_a_text_is_cut_where_its_writer_changes_counted_in_utf_16() -> None:
    marks = Marks(
        [Mark("/t", 1, "ada", 0, 3), Mark("/t", 2, "bob", 3, 6), Mark("/t", 1, "ada", 6, 7)], Writers()
    )
    shown = tree(text("a🚍b🚍c"), ("t",), marks)
    assert isinstance(shown, Prose)
    found = [
        (part.text, part.written and part.written.writer and part.written.writer.actor)
        for part in shown.parts
    ]
    assert found == [("a🚍", "ada"), ("b🚍", "bob"), ("c", "ada")]


def test_units_are_those_of_javascript() -> None:
    assert len(Units("a🚍")) == 3
    assert Units("a🚍b").part(1, 4) == "🚍b"
    assert Units("aéb").part(1, 3) == "éb"


def test_values_are_told_in_a_few_words() -> None:
    shown = {
        None: ("nothing", "null"), True: ("flag", "yes"), "text": ("text", "text"), 2.0: ("number", "2"),
        0.5: ("number", "0.5"), b"12": ("bytes", "2 B of bytes"),
    }  # fmt: skip
    for value, (sort, words) in shown.items():
        assert (value_words(value).sort, value_words(value).text) == (sort, words)
    assert value_words({"$t": "d", "v": 1_777_636_800_000}).text == "2026-05-01 12:00:00 UTC"
    assert value_words({"$t": "n", "v": "12"}).text == "12"
    assert value_words({"$t": "?", "v": "12"}).sort == "json"
    assert len(value_words("x" * 1000).text) == 301


def drawn(
    before: Mapping[str, Node], after: Mapping[str, Node]
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    found = draw(diff(map_node(before), map_node(after)))
    return [
        (group.pointer, group.sign, [(change.sign, change.name) for change in group.changes])
        for group in found.groups
    ]


def test_changes_of_a_row_stand_together() -> None:
    before = {"rows": map_node({"a": row(name="A", plate="1"), "b": row(name="B")})}
    after = {"rows": map_node({"a": row(name="AA", seats=4.0), "c": row(name="C")})}
    assert drawn(before, after) == [
        ("/rows/a", "replaced", [("replaced", "name"), ("removed", "plate"), ("added", "seats")]),
        ("/rows/b", "removed", [("removed", "")]),
        ("/rows/c", "added", [("added", "")]),
    ]


def test_of_a_long_text_only_what_stands_beside_a_change_is_shown() -> None:
    words = "word " * 500
    [group] = draw(
        diff(map_node({"t": text(f"{words}old {words}")}), map_node({"t": text(f"{words}new {words}")}))
    ).groups
    pieces = group.changes[0].pieces
    assert [piece.kind for piece in pieces] == ["skipped", "kept", "deleted", "inserted", "kept", "skipped"]
    assert (pieces[2].text, pieces[3].text) == ("old", "new")
    assert sum(piece.skipped for piece in pieces) + sum(len(pieces[n].text) for n in (1, 4)) == 5001
    assert all(len(piece.text) < 100 for piece in pieces)


@dataclass(frozen=True)
class Share:
    actor: str
    part: int
    updates: int
    device: str = ""


def test_whoever_wrote_most_has_a_lane_and_the_others_share_one() -> None:
    shares = [Share(f"writer {number:02}", number % 5, 100 - number) for number in range(30)]
    shown = lanes(shares, 5, Writers())
    assert len(shown) == LANES
    assert sum(lane.updates for lane in shown) == sum(share.updates for share in shares)
    assert shown[-1].writer.actor == "others"
    assert str(shown[0].strip).count("M") == 1
