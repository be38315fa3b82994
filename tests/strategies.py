"""Hypothesis strategies for what travels: integers, messages, edits and the updates they make.

`messages` and `clocks` are made of plain values. `histories` and `updates` come from real edits of
pycrdt documents: text with formats and embeds, maps, arrays, nested types, XML and sub-documents, by
several writers who exchange what they have now and then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment, XmlText, merge_updates

from webhost_sync.sync.hocuspocus import (
    Address,
    Authenticated,
    BroadcastStateless,
    Close,
    Known,
    Stateless,
    SyncReply,
    SyncStatus,
    Token,
    TokenWanted,
)
from webhost_sync.sync.lib0 import MAX_INTEGER
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    KnownMessage,
    PermissionDenied,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
)

uints = st.integers(0, 300) | st.integers(0, 2**32) | st.integers(0, MAX_INTEGER)
texts = st.text(max_size=12)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | floats | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
"""Whatever JSON can say and JavaScript can hold."""

clocks = st.dictionaries(uints, uints, max_size=6)
"""State vectors before they are encoded."""

awareness_entries = st.builds(AwarenessEntry, uints, uints, json_values.map(json.dumps))
messages: st.SearchStrategy[KnownMessage] = st.one_of(
    st.builds(SyncStep1, st.binary(max_size=40)),
    st.builds(SyncStep2, st.binary(max_size=40)),
    st.builds(SyncUpdate, st.binary(max_size=200)),
    st.builds(AwarenessUpdate, st.lists(awareness_entries, max_size=4).map(tuple)),
    st.builds(QueryAwareness),
    st.builds(PermissionDenied, texts),
)

addresses = st.builds(
    Address,
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12),
    st.just("") | st.just("s1"),
)
collab_messages: st.SearchStrategy[Known] = st.one_of(
    messages,
    st.builds(Token, texts, st.none() | texts),
    st.builds(TokenWanted),
    st.builds(Authenticated, st.sampled_from(("read-write", "readonly"))),
    st.builds(
        SyncReply,
        st.builds(SyncStep1, st.binary(max_size=40)) | st.builds(SyncUpdate, st.binary(max_size=40)),
    ),
    st.builds(Stateless, texts),
    st.builds(BroadcastStateless, texts),
    st.builds(Close, st.none() | texts),
    st.builds(SyncStatus, st.booleans()),
)
"""Whatever the Hocuspocus protocol can say."""

AnyDoc = Doc[Any]


@dataclass(frozen=True, slots=True)
class History:
    """What some writers did: every update in the order of its making, and the document of them all."""

    updates: tuple[bytes, ...]
    document: AnyDoc


Edit = Callable[[AnyDoc, object], None]


def _append_text(document: AnyDoc, value: object) -> None:
    text = document.get("text", type=Text)
    text += str(value)


def _prepend_text(document: AnyDoc, value: object) -> None:
    document.get("text", type=Text).insert(0, str(value), {"bold": True, "note": {"by": "Zoë 🚚"}})


def _format_text(document: AnyDoc, value: object) -> None:
    text = document.get("text", type=Text)
    text.format(0, len(text), {"color": "red" if value else None})


def _embed(document: AnyDoc, value: object) -> None:
    document.get("text", type=Text).insert_embed(0, {"image": str(value)})


def _clear_text(document: AnyDoc, value: object) -> None:
    document.get("text", type=Text).clear()


def _set_field(document: AnyDoc, value: object) -> None:
    document.get("rows", type=Map)["field"] = value


def _set_row(document: AnyDoc, value: object) -> None:
    document.get("rows", type=Map)["row"] = Map({"name": value, "tags": Array([value, "x"])})


def _delete_row(document: AnyDoc, value: object) -> None:
    document.get("rows", type=Map).pop("row", None)


def _append_item(document: AnyDoc, value: object) -> None:
    document.get("list", type=Array).append(value)


def _append_chunk(document: AnyDoc, value: object) -> None:
    document.get("list", type=Array).append(str(value).encode())


def _delete_item(document: AnyDoc, value: object) -> None:
    items = document.get("list", type=Array)
    if len(items):
        items.pop(0)


def _append_element(document: AnyDoc, value: object) -> None:
    element = XmlElement("p", {"title": str(value)}, [XmlText(str(value))])
    document.get("page", type=XmlFragment).children.append(element)


def _add_document(document: AnyDoc, value: object) -> None:
    document.get("rows", type=Map)["file"] = Doc()


EDITS: tuple[Edit, ...] = (
    _append_text,
    _prepend_text,
    _format_text,
    _embed,
    _clear_text,
    _set_field,
    _set_row,
    _delete_row,
    _append_item,
    _append_chunk,
    _delete_item,
    _append_element,
    _add_document,
)


@st.composite
def histories(draw: st.DrawFn, *, writers: int = 3, edits: int = 8) -> History:
    """Draw what up to `writers` writers do in up to `edits` steps, and some exchange in between."""
    updates: list[bytes] = []
    documents: list[AnyDoc] = [Doc(client_id=100 + number) for number in range(draw(st.integers(1, writers)))]

    def keep(event: TransactionEvent) -> None:
        updates.append(event.update)

    step = st.tuples(st.sampled_from(documents), st.sampled_from(EDITS), json_values, st.booleans())
    for document, edit, value, exchanges in draw(st.lists(step, min_size=1, max_size=edits)):
        subscription = document.observe(keep)
        edit(document, value)
        document.unobserve(subscription)
        if exchanges:
            documents[0].apply_update(document.get_update())
            document.apply_update(documents[0].get_update())
    for document in documents[1:]:
        documents[0].apply_update(document.get_update())
    return History(tuple(updates), documents[0])


@st.composite
def updates(draw: st.DrawFn) -> bytes:
    """Draw one update: a single change, some changes merged (with gaps or not) or a whole state."""
    history = draw(histories())
    if not history.updates or draw(st.booleans()):
        return history.document.get_update()
    some = draw(st.lists(st.sampled_from(history.updates), min_size=1, max_size=5))
    return some[0] if len(some) == 1 else merge_updates(*some)
