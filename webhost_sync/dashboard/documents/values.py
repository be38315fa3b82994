"""A plain value of a document as a few words, and what sort of value it is. Pure.

In: what a shared type holds: JSON, bytes, or a tagged object of the layout (docs/layout.md, section 4).
Out: text for people. What is written in no way of the layout is shown as it is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from webhost_sync.dashboard import words
from webhost_sync.fleet.layout import LayoutError
from webhost_sync.fleet.values import TAG, BinaryView, decode_value
from webhost_sync.history.json_form import plain_json

LONGEST = 300
"""Characters of a value that stands in a line or cell; all of it is in the JSON."""


@dataclass(frozen=True, slots=True)
class Words:
    """`sort` is text, number, flag, nothing, time, bytes or json."""

    sort: str
    text: str


def value_words(value: object) -> Words:
    """The value as it stands in a line."""
    match value:
        case None:
            return Words("nothing", "null")
        case bool():
            return Words("flag", "yes" if value else "no")
        case str():
            return Words("text", _shortened(value))
        case int() | float():
            return Words("number", _number(value))
        case bytes():
            return Words("bytes", f"{words.byte_size(len(value))} of bytes")
        case dict() if TAG in value:
            return _tagged(value)
        case _:
            return _as_json(value)


def _tagged(value: dict[str, object]) -> Words:
    try:
        decoded = decode_value(value, "value")
    except LayoutError:
        return _as_json(value)
    match decoded:
        case datetime():
            at_midnight = (decoded.hour, decoded.minute, decoded.second, decoded.microsecond) == (0, 0, 0, 0)
            return Words("time", f"{decoded:%Y-%m-%d}" if at_midnight else words.moment(decoded))
        case int():
            return Words("number", _shortened(str(decoded)))
        case bytes():
            return value_words(decoded)
        case BinaryView(kind, data):
            return Words("bytes", f"{kind} of {words.byte_size(len(data))}")
    return _as_json(value)


def _as_json(value: object) -> Words:
    return Words("json", _shortened(json.dumps(plain_json(value), ensure_ascii=False)))


def _number(value: float) -> str:
    """As JavaScript would write it; pycrdt reads every number as a float."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return str(int(value)) if whole else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
