"""Finds the changes that lead from one content of a document to another.

Two trees of nodes in, changes out, in the order in which they are to be done. Maps are compared by their
keys, arrays and XML by what they hold, texts by words or characters; a plain value is replaced whole.
What stays is never touched, so that the changes merge with what others do meanwhile. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from webhost_sync.errors import InvalidRequest
from webhost_sync.history.changes import (
    Added,
    AttributeChanged,
    Change,
    Removed,
    Replaced,
    Spliced,
    TextEdited,
)
from webhost_sync.history.matching import Block, matching_blocks
from webhost_sync.history.nodes import ElementNode, ListNode, MapNode, Node, TextNode, find
from webhost_sync.history.paths import Path, pointer_of
from webhost_sync.history.texts import compare_texts


def diff(before: MapNode, after: MapNode, *, by_characters: bool = False) -> tuple[Change, ...]:
    """The changes from one content to the other; texts by words, or by characters to edit with them."""
    return tuple(_maps((), before, after, by_characters))


def graft(now: MapNode, then: MapNode, path: tuple[str, ...]) -> MapNode:
    """The content of now, but with what lies at the path as it was then, or gone if it wasn't there.

    Raises: InvalidRequest where the path leads through something that isn't there now, or isn't a map.
    """
    if not path:
        return then
    return _grafted(now, find(then, path), path, path)


def _grafted(now: Node | None, then: Node | None, path: tuple[str, ...], whole: Path) -> MapNode:
    if not isinstance(now, MapNode):
        above = pointer_of(whole[: len(whole) - len(path)])
        what = "isn't there now" if now is None else "is no map"
        raise InvalidRequest(
            f"path {pointer_of(whole)!r}: {above!r} {what}; restore that, or what is above it"
        )
    key, *rest = path
    if not rest:
        return now.with_entry(key, then)
    return now.with_entry(key, _grafted(now.get(key), then, tuple(rest), whole))


def _maps(path: Path, before: MapNode, after: MapNode, by_characters: bool) -> Iterator[Change]:
    was, is_now = dict(before.entries), dict(after.entries)
    for key in sorted(was.keys() | is_now.keys()):
        where = (*path, key)
        if key not in is_now:
            yield Removed(where, was[key])
        elif key not in was:
            yield Added(where, is_now[key])
        elif was[key] != is_now[key]:
            if _is_same_thing(was[key], is_now[key]):
                yield from _inner(where, was[key], is_now[key], by_characters)
            else:
                yield Replaced(where, was[key], is_now[key])


def _inner(path: Path, before: Node, after: Node, by_characters: bool) -> Iterator[Change]:
    """Both are of one kind, and differ within."""
    match before, after:
        case MapNode(), MapNode():
            yield from _maps(path, before, after, by_characters)
        case ListNode(items), ListNode(others):
            yield from _sequences(path, items, others, by_characters)
        case TextNode(), TextNode():
            yield TextEdited(path, compare_texts(before, after, by_characters=by_characters))
        case ElementNode(), ElementNode():
            yield from _attributes(path, before, after)
            yield from _sequences(path, before.children, after.children, by_characters)


def _is_same_thing(before: Node, after: Node) -> bool:
    """Whether the one can become the other by changes within it."""
    match before, after:
        case (MapNode(), MapNode()) | (ListNode(), ListNode()):
            return True
        case TextNode(_, is_xml), TextNode(_, other_is_xml):
            return is_xml == other_is_xml
        case ElementNode(tag), ElementNode(other_tag):
            return tag == other_tag
        case _:
            return False


def _attributes(path: Path, before: ElementNode, after: ElementNode) -> Iterator[Change]:
    was, is_now = dict(before.attributes), dict(after.attributes)
    for name in sorted(was.keys() | is_now.keys()):
        if was.get(name) != is_now.get(name):
            yield AttributeChanged(path, name, was.get(name), is_now.get(name))


def _sequences(
    path: Path, before: tuple[Node, ...], after: tuple[Node, ...], by_characters: bool
) -> Iterator[Change]:
    """From left to right, so that all before the place in hand is as it will be."""
    at, other_at = 0, 0
    for block in (*matching_blocks(before, after), Block(len(before), len(after), 0)):
        old, new = before[at : block.first], after[other_at : block.second]
        yield from _stretch(path, other_at, old, new, by_characters)
        at, other_at = block.first + block.length, block.second + block.length


def _stretch(
    path: Path, start: int, old: tuple[Node, ...], new: tuple[Node, ...], by_characters: bool
) -> Iterator[Change]:
    """What stands between things that stayed: item by item as long as they can become each other."""
    place = 0
    while place < min(len(old), len(new)) and _is_same_thing(old[place], new[place]):
        yield from _inner((*path, start + place), old[place], new[place], by_characters)
        place += 1
    if old[place:] or new[place:]:
        yield Spliced(path, start + place, old[place:], new[place:])
