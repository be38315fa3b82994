"""Primary keys as the string keys of a Y.Map.

In comes a key as an IndexedDB table has it, out goes its one spelling, and back. Knows no table.

    text      as it is, a leading # doubled        bus-7      ##7
    number    #n and the number as JavaScript      #n5        #n-0.5     #n1e+21
    date      #d and milliseconds since 1970       #d1700000000000
    compound  #a and a JSON array of spellings     #a["bus-7","#n1"]
    bytes     #b and base64 with padding           #bAAE=

One key has one spelling: what `encode_key` would have written otherwise is refused, for else one row
could stand in a document twice.
"""

from __future__ import annotations

import re
from datetime import datetime

from webhost_sync.fleet.json_text import (
    canonical_json,
    number_text,
    parse_json,
    require_whole_characters,
    restore_integer,
)
from webhost_sync.fleet.layout import (
    LayoutError,
    base64_from_bytes,
    bytes_from_base64,
    milliseconds_from_time,
    time_from_milliseconds,
)

_MILLISECONDS = re.compile("0|-?[1-9][0-9]{0,15}")

Key = str | int | float | datetime | bytes | tuple["Key", ...]


def encode_key(key: Key) -> str:
    """Spell a primary key.

    Raises: LayoutError for what can't be a key (None, bool, NaN, a time without a zone, ...).
    """
    try:
        return _encode(key)
    except ValueError as error:
        raise LayoutError(f"key {key!r:.80}", str(error)) from None


def decode_key(text: str) -> Key:
    """Read a key's spelling; compound keys come back as tuples, dates as times in UTC.

    Raises: LayoutError for anything that `encode_key` doesn't write.
    """
    try:
        key = _decode(text)
        spelling = _encode(key)
    except ValueError as error:
        raise LayoutError(f"key {text!r:.80}", str(error)) from None
    if spelling != text:
        raise LayoutError(f"key {text!r:.80}", f"is spelled {spelling!r:.80}")
    return key


def _encode(key: Key) -> str:
    if isinstance(key, str):
        require_whole_characters(key)
        return f"#{key}" if key.startswith("#") else key
    if isinstance(key, bool):
        raise ValueError("is a bool, which can't be a key")
    if isinstance(key, int | float):
        if key != key:  # NaN is the one number that equals nothing, not even itself
            raise ValueError("is NaN, which can't be a key")
        return f"#n{number_text(key)}"
    if isinstance(key, datetime):
        return f"#d{milliseconds_from_time(key)}"
    if isinstance(key, bytes):
        return f"#b{base64_from_bytes(key)}"
    if isinstance(key, tuple):
        return f"#a{canonical_json([_encode(part) for part in key])}"
    raise ValueError(f"is a {type(key).__name__}, which can't be a key")


def _decode(text: str) -> Key:
    if not text.startswith("#"):
        return text
    kind, rest = text[1:2], text[2:]
    match kind:
        case "#":
            return text[1:]
        case "n":
            return _number(rest)
        case "d":
            return _time(rest)
        case "a":
            return _decode_parts(rest)
        case "b":
            return bytes_from_base64(rest)
    raise ValueError("starts with # but with none of ## #n #d #a #b")


def _number(text: str) -> int | float:
    try:
        return restore_integer(float(text))
    except ValueError:
        raise ValueError("holds no number after #n") from None


def _time(text: str) -> datetime:
    if not _MILLISECONDS.fullmatch(text):
        raise ValueError("holds no whole milliseconds after #d")
    return time_from_milliseconds(int(text))


def _decode_parts(text: str) -> tuple[Key, ...]:
    parts = parse_json(text)
    if not isinstance(parts, list):
        raise ValueError("is compound but no JSON array")
    keys: list[Key] = []
    for part in parts:
        if not isinstance(part, str):
            raise ValueError("is compound with a part that is no key's spelling")
        keys.append(_decode(part))
    return tuple(keys)
