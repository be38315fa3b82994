"""Field values as a Y.Map holds them.

In come an app's values, out go values that every Yjs client reads alike, and back. Knows no document
and no column. JSON values and bytes stay as they are; the rest is an object with the key `$t`:

    {"$t": "d", "v": milliseconds}                a time             datetime in UTC
    {"$t": "n", "v": "12345678901234567890"}      a BigInt           BigInt
    {"$t": "b", "k": "Float32Array", "v": base64} a binary view      BinaryView, little-endian
    {"$t": "m", "v": [[key, value], ...]}         a Map              MapEntries
    {"$t": "s", "v": [item, ...]}                 a Set              SetItems
    {"$t": "u"}                                   undefined in an array

A user's own key of the form `$t`, `$$t`, ... gets one more `$`. Paths in errors look like `tags[2].since`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from webhost_sync.fleet.json_text import require_whole_characters, restore_integer
from webhost_sync.fleet.layout import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    LayoutError,
    base64_from_bytes,
    bytes_from_base64,
    milliseconds_from_time,
    time_from_milliseconds,
)

TAG = "$t"
VIEW_KINDS = frozenset(
    {"ArrayBuffer", "DataView", "Int8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array"}
    | {"Uint32Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array"}
)

MAX_DIGITS = 1000
"""A BigInt may have this many; reading and writing longer ones takes time that grows with their square."""

_LOOKS_LIKE_TAG = re.compile(r"\$+t")
_ESCAPED_TAG = re.compile(r"\$\$+t")
_INTEGER = re.compile(rf"0|-?[1-9][0-9]{{0,{MAX_DIGITS - 1}}}")


class BigInt(int):
    """An integer that JavaScript holds as a BigInt, so that it stays one when it is written back."""


@dataclass(frozen=True, slots=True)
class BinaryView:
    """The bytes of a typed array other than Uint8Array, and which one it is."""

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class MapEntries:
    """The entries of a JavaScript Map, whose keys may be anything, in their order."""

    entries: tuple[tuple[object, object], ...]


@dataclass(frozen=True, slots=True)
class SetItems:
    """The items of a JavaScript Set in their order."""

    items: tuple[object, ...]


class Undefined(Enum):
    """JavaScript's undefined as an array's item."""

    UNDEFINED = "undefined"


UNDEFINED = Undefined.UNDEFINED

Container = list[object] | tuple[object, ...] | Mapping[Any, object] | MapEntries | SetItems


def encode_value(value: object, path: str) -> object:
    """Turn an app's value into what is stored; `path` (table, key and field) is for the error.

    Raises: LayoutError for what can't be stored, naming the innermost place.
    """
    return _encode(value, path, MAX_DEPTH)


def decode_value(stored: object, path: str) -> object:
    """Turn a stored value, as pycrdt's `to_py` gives it, into Python's; integers are restored.

    Raises: LayoutError for what `encode_value` doesn't write.
    """
    return _decode(stored, path, MAX_DEPTH)


def encode_field_name(name: str) -> str:
    """Give a name that looks like `$t` one more `$`; others stay as they are."""
    return f"${name}" if _LOOKS_LIKE_TAG.fullmatch(name) else name


def decode_field_name(name: str) -> str:
    """The name before `encode_field_name`."""
    return name[1:] if _ESCAPED_TAG.fullmatch(name) else name


def encode_row(table: str, key: str, row: Mapping[str, object]) -> dict[str, object]:
    """Encode every field of a row; an error names table, key and field.

    Raises: LayoutError for the first field that can't be stored.
    """
    path = f"{table}[{key!r}]"
    try:
        return _encode_fields(row, path, MAX_DEPTH + 1)
    except ValueError as error:
        raise LayoutError(path, str(error)) from None


def json_value(value: object) -> object:
    """The JSON form of a decoded value, for a jsonb column or an answer: its stored form, with bytes
    as a `b` object. `decode_value` reads it back."""
    return _as_json(encode_value(value, "value"))


def _as_json(stored: object) -> object:
    if isinstance(stored, bytes):
        return {TAG: "b", "k": "Uint8Array", "v": base64_from_bytes(stored)}
    if isinstance(stored, list):
        return [_as_json(item) for item in stored]
    if isinstance(stored, dict):
        return {name: _as_json(item) for name, item in stored.items()}
    return stored


def _encode(value: object, path: str, depth: int) -> object:
    try:
        if isinstance(value, list | tuple | Mapping | MapEntries | SetItems):
            _require_depth(depth)
            return _encode_container(value, path, depth)
        return _encode_scalar(value)
    except ValueError as error:
        raise LayoutError(path, str(error)) from None


def _encode_scalar(value: object) -> object:
    match value:
        case None | bool():
            return value
        case str():
            require_whole_characters(value)
            return value
        case BigInt():
            return {TAG: "n", "v": _digits(value)}
        case int():
            return _safe(value)
        case float():
            return _finite(value)
        case datetime():
            return {TAG: "d", "v": milliseconds_from_time(value)}
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case BinaryView(kind, data):
            if kind not in VIEW_KINDS:
                raise ValueError(f"is a binary view of unknown kind {kind!r}")
            return {TAG: "b", "k": kind, "v": base64_from_bytes(data)}
        case Undefined():
            raise ValueError("is undefined outside an array; leave the field out")
    raise ValueError(f"is a {type(value).__name__}, which can't be stored")


def _encode_container(value: Container, path: str, depth: int) -> object:
    match value:
        case MapEntries(entries):
            return {TAG: "m", "v": [_encode_items(entry, path, depth - 1) for entry in entries]}
        case SetItems(items):
            return {TAG: "s", "v": _encode_items(items, path, depth)}
        case list() | tuple():
            return _encode_items(value, path, depth)
    return _encode_fields(value, path, depth)


def _encode_fields(fields: Mapping[Any, object], path: str, depth: int) -> dict[str, object]:
    encoded: dict[str, object] = {}
    for name, item in fields.items():
        if not isinstance(name, str):
            raise ValueError(f"has a key that is no text: {name!r:.80}")
        require_whole_characters(name)
        encoded[encode_field_name(name)] = _encode(item, f"{path}.{name}", depth - 1)
    return encoded


def _encode_items(items: Sequence[object], path: str, depth: int) -> list[object]:
    return [
        {TAG: "u"} if item is UNDEFINED else _encode(item, f"{path}[{index}]", depth - 1)
        for index, item in enumerate(items)
    ]


def _require_depth(depth: int) -> None:
    if depth <= 0:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")


def _digits(integer: int) -> str:
    if abs(integer) >= 10**MAX_DIGITS:
        raise ValueError(f"is a BigInt of more than {MAX_DIGITS} digits")
    return str(int(integer))


def _finite(number: float) -> int | float:
    if not math.isfinite(number):
        raise ValueError("is no finite number")
    return restore_integer(number)


def _safe(integer: int) -> int:
    if abs(integer) > MAX_SAFE_INTEGER:
        raise ValueError("is an integer beyond 2**53 - 1; write it as a BigInt")
    return integer


def _decode(stored: object, path: str, depth: int) -> object:
    try:
        match stored:
            case None | bool() | str():
                return stored
            case int():
                return _safe(stored)
            case float():
                return _finite(stored)
            case bytes() | bytearray():
                return bytes(stored)
        match stored:
            case list():
                _require_depth(depth)
                return _decode_items(stored, path, depth)
            case dict() if TAG in stored:
                return _decode_tagged(stored, path, depth)
            case dict():
                _require_depth(depth)
                return {
                    decode_field_name(name): _decode(item, f"{path}.{name}", depth - 1)
                    for name, item in stored.items()
                }
    except ValueError as error:
        raise LayoutError(path, str(error)) from None
    raise LayoutError(path, f"is a {type(stored).__name__}, which the layout has not")


def _decode_items(stored: list[object], path: str, depth: int) -> list[object]:
    return [
        UNDEFINED if item == {TAG: "u"} else _decode(item, f"{path}[{index}]", depth - 1)
        for index, item in enumerate(stored)
    ]


def _decode_tagged(stored: dict[str, object], path: str, depth: int) -> object:
    match stored:
        case {"$t": "d", "v": bool()}:
            pass  # to a pattern, True is an int
        case {"$t": "d", "v": int() | float() as milliseconds, **rest} if not rest:
            return time_from_milliseconds(_whole(milliseconds))
        case {"$t": "n", "v": str(digits), **rest} if not rest and _INTEGER.fullmatch(digits):
            return BigInt(digits)
        case {"$t": "b", "k": "Uint8Array", "v": str(text), **rest} if not rest:
            return bytes_from_base64(text)
        case {"$t": "b", "k": str(kind), "v": str(text), **rest} if not rest and kind in VIEW_KINDS:
            return BinaryView(kind, bytes_from_base64(text))
        case {"$t": "m", "v": list(entries), **rest} if not rest:
            _require_depth(depth)
            return MapEntries(tuple(_decode_entry(entry, path, depth - 1) for entry in entries))
        case {"$t": "s", "v": list(items), **rest} if not rest:
            _require_depth(depth)
            return SetItems(tuple(_decode_items(items, path, depth)))
        case {"$t": "u", **rest} if not rest:
            raise ValueError("is undefined outside an array")
    raise ValueError(f"has the tag {stored[TAG]!r:.40}, which the codec doesn't know in this form")


def _decode_entry(entry: object, path: str, depth: int) -> tuple[object, object]:
    match entry:
        case [stored_key, stored_value]:
            key, value = _decode_items([stored_key, stored_value], path, depth)
            return key, value
    raise ValueError("holds a Map's entry that is no pair")


def _whole(number: float) -> int:
    if isinstance(number, float) and not number.is_integer():
        raise ValueError("is a time with a fraction of a millisecond")
    return int(number)
