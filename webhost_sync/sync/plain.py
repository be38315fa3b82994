"""Shared types as plain Python values, without what pycrdt does to them on the way.

Whole floats were integers in JavaScript's one number type, and bytearrays were bytes. XML has no
plain form, so it is shown as its text; a sub-document is shown as its guid.
"""

from __future__ import annotations

from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from webhost_sync.sync.content import RootKind

LARGEST_INTEGER = 2**53
_ROOT_TYPES: dict[RootKind, type[Any]] = {
    RootKind.ARRAY: Array,
    RootKind.MAP: Map,
    RootKind.TEXT: Text,
    RootKind.XML_FRAGMENT: XmlFragment,
}


def plain(value: object) -> object:
    """dict, list, str, int, float, bool, None or bytes."""
    match value:
        case bool() | None | str() | int():
            return value
        case float():
            return int(value) if value.is_integer() and abs(value) < LARGEST_INTEGER else value
        case bytearray():
            return bytes(value)
        case Map():
            return {key: plain(item) for key, item in value.items()}
        case Array():
            return [plain(item) for item in value]
        case Text() | XmlElement() | XmlFragment() | XmlText():
            return str(value)
        case Doc():
            return {"subdocument": value.guid}
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def shared_root(doc: Doc[Any], name: str, kind: RootKind) -> Any:
    """A root as the type that its content was written with: Array, Map, Text or XmlFragment.

    Of an unknown one the start of its content is deleted, and with it what told the kind: so see what
    it reads as.
    """
    if kind is not RootKind.UNKNOWN:
        return doc.get(name, type=_ROOT_TYPES[kind])
    text = doc.get(name, type=Text)
    if str(text):
        return text
    items = doc.get(name, type=Array)
    if any(isinstance(item, XmlElement | XmlText) for item in items):
        return doc.get(name, type=XmlFragment)
    return items
