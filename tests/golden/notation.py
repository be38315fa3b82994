"""Values that JSON lacks, written in the golden files as objects with the key `@`.

{"@": "date", "ms": 5}                    {"@": "bigint", "digits": "5"}
{"@": "bytes", "hex": "00ff"}             {"@": "view", "kind": "Float32Array", "hex": "0000803f"}
{"@": "map", "entries": [[1, 2]]}         {"@": "set", "items": [1]}
{"@": "undefined"}                        {"@": "number", "text": "NaN"}
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from webhost_sync.fleet.layout import milliseconds_from_time, time_from_milliseconds
from webhost_sync.fleet.values import UNDEFINED, BigInt, BinaryView, MapEntries, SetItems, Undefined


def from_notation(noted: Any) -> Any:
    """The Python value of what a golden file says."""
    match noted:
        case {"@": "date", "ms": milliseconds}:
            return time_from_milliseconds(milliseconds)
        case {"@": "bigint", "digits": digits}:
            return BigInt(digits)
        case {"@": "bytes", "hex": digits}:
            return bytes.fromhex(digits)
        case {"@": "view", "kind": kind, "hex": digits}:
            return BinaryView(kind, bytes.fromhex(digits))
        case {"@": "map", "entries": entries}:
            return MapEntries(tuple((from_notation(key), from_notation(value)) for key, value in entries))
        case {"@": "set", "items": items}:
            return SetItems(tuple(from_notation(item) for item in items))
        case {"@": "undefined"}:
            return UNDEFINED
        case {"@": "number", "text": text}:
            return float(text)
        case list():
            return [from_notation(item) for item in noted]
        case dict():
            return {name: from_notation(item) for name, item in noted.items()}
    return noted


def to_notation(value: Any) -> Any:
    """What a golden file says for a Python value."""
    match value:
        case datetime():
            return {"@": "date", "ms": milliseconds_from_time(value)}
        case BigInt():
            return {"@": "bigint", "digits": str(int(value))}
        case bytes():
            return {"@": "bytes", "hex": value.hex()}
        case BinaryView(kind, data):
            return {"@": "view", "kind": kind, "hex": data.hex()}
        case MapEntries(entries):
            return {"@": "map", "entries": [[to_notation(key), to_notation(item)] for key, item in entries]}
        case SetItems(items):
            return {"@": "set", "items": [to_notation(item) for item in items]}
        case Undefined():
            return {"@": "undefined"}
        case float() if value != value or value in {float("inf"), float("-inf")}:
            return {"@": "number", "text": {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")}
        case list() | tuple():
            return [to_notation(item) for item in value]
        case dict():
            return {name: to_notation(item) for name, item in value.items()}
    return value
