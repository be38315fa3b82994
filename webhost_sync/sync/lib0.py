"""Reads and writes lib0's binary primitives, the alphabet of every Yjs message.

Bytes from a stranger come in; integers, strings and byte arrays go out, or one `ProtocolError`
that says where and what. Knows no message and no update.

The format is lib0's `encoding.js` and `decoding.js`: an unsigned integer has seven bits a byte, the
low group first, the high bit meaning "more follows", and ends at 2**53 - 1 as JavaScript's numbers
do. Strings are UTF-8 behind their length in bytes. `Any` is a tag byte from 116 to 127 and a value.
"""

from __future__ import annotations

import json
from itertools import chain

from webhost_sync.errors import ProtocolError

MAX_INTEGER = 2**53 - 1
MAX_NESTING = 100
"""How deep an `Any` or JSON value may nest. yrs reads both by recursion and JSON to 127 levels."""

BYTES, ARRAY, OBJECT, STRING, BIGINT, INTEGER = 116, 117, 118, 119, 122, 125
"""Some of the tags of `Any`."""
_ANY_WIDTHS = {127: 0, 126: 0, 121: 0, 120: 0, 124: 4, 123: 8, BIGINT: 8}
"""Any tags with a fixed size: undefined, null, false, true, float32, float64, bigint."""


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


class Reader:
    """A cursor over received bytes.

    Invariants:
    1. Every read either moves `position` past what it returns or raises `ProtocolError`.
    2. A length is held against what is left before anything is allocated for it.
    3. An integer has one form only: padded ones (`80 00`) are refused, so that what was read and is
       written again has the same bytes.
    """

    __slots__ = ("_data", "_end", "has_bigint", "position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._end = len(data)
        self.position = 0
        self.has_bigint = False
        """Whether `skip_any` has come across a bigint."""

    @property
    def remaining(self) -> int:
        """Bytes that are not read yet."""
        return self._end - self.position

    def error(self, what: str) -> ProtocolError:
        """Return the error for a fault at the current position, for the caller to raise."""
        return ProtocolError(f"{what} at byte {self.position} of {self._end}", position=self.position)

    def read_byte(self) -> int:
        """Read one byte."""
        position = self.position
        if position == self._end:
            raise self.error("unexpected end")
        self.position = position + 1
        return self._data[position]

    def read_uint(self) -> int:
        """Read an unsigned integer of at most 53 bits."""
        position = self.position
        if position == self._end:
            raise self.error("unexpected end")
        byte = self._data[position]
        self.position = position + 1
        # Nearly every integer of a message is below 128.
        return byte if byte < 0x80 else self._continue(byte & 0x7F, 7)

    def read_int(self) -> int:
        """Read a signed integer of at most 53 bits; its second bit is the sign."""
        byte = self.read_byte()
        value = byte & 0x3F if byte < 0x80 else self._continue(byte & 0x3F, 6)
        return -value if byte & 0x40 else value

    def _continue(self, value: int, shift: int) -> int:
        """Read the bytes after the first one of an integer."""
        data, position, end = self._data, self.position, self._end
        while position < end:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0:
                    raise self.error("padded integer")
                if value > MAX_INTEGER:
                    raise self.error("integer above 53 bits")
                self.position = position
                return value
            shift += 7
            if shift > 53:
                raise self.error("integer above 53 bits")
        raise self.error("unexpected end")

    def take(self, count: int) -> bytes:
        """Read exactly `count` bytes."""
        position = self.position
        end = position + count
        if end > self._end:
            raise self.error(f"{count} bytes announced, {self._end - position} left")
        self.position = end
        return self._data[position:end]

    def read_bytes(self) -> bytes:
        """Read a byte array behind its length."""
        return self.take(self.read_uint())

    def read_string(self) -> str:
        """Read a string behind its length in bytes; only strict UTF-8 is one."""
        encoded = self.take(self.read_uint())
        try:
            return encoded.decode()
        except UnicodeDecodeError as fault:
            raise self.error(f"no UTF-8: {fault.reason}") from fault

    def read_json(self, *, or_undefined: bool = False) -> str:
        """Read a string that holds one JSON value and return its text as it came."""
        text = self.read_string()
        if or_undefined and text == "undefined":
            return text
        try:
            value = _JSON.decode(text)
        except (ValueError, RecursionError) as fault:
            raise self.error("no JSON") from fault
        if text.count("[") + text.count("{") > MAX_NESTING and _is_deep(value):
            raise self.error(f"JSON nested deeper than {MAX_NESTING}")
        return text

    def skip_any(self, depth: int = 0) -> int:
        """Read one `Any` value, keep nothing of it, and return its tag."""
        tag = self.read_byte()
        if tag in _ANY_WIDTHS:
            self.take(_ANY_WIDTHS[tag])
            self.has_bigint |= tag == BIGINT
        elif tag == INTEGER:
            self.read_int()
        elif tag == STRING:
            self.read_string()
        elif tag == BYTES:
            self.take(self.read_uint())
        elif tag in (ARRAY, OBJECT):
            if depth == MAX_NESTING:
                raise self.error(f"a value nested deeper than {MAX_NESTING}")
            for _ in range(self.read_uint()):
                if tag == OBJECT:
                    self.read_string()
                self.skip_any(depth + 1)
        else:
            raise self.error(f"unknown tag {tag} of a value")
        return tag


def _is_deep(value: object) -> bool:
    """Tell whether a JSON value is nested deeper than `MAX_NESTING`, without recursion."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        lists = (item for item in level if isinstance(item, list))
        objects = (item.values() for item in level if isinstance(item, dict))
        level = list(chain.from_iterable(chain(lists, objects)))
    return bool(level)


def write_uint(value: int) -> bytes:
    """Encode an unsigned integer. Raises ValueError outside 0 to 2**53 - 1."""
    if not 0 <= value <= MAX_INTEGER:
        raise ValueError(f"{value} is no unsigned integer of 53 bits")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def write_bytes(value: bytes) -> bytes:
    """Encode a byte array: its length, then the bytes."""
    return write_uint(len(value)) + value


def write_string(value: str) -> bytes:
    """Encode a string: its length in bytes of UTF-8, then those bytes."""
    return write_bytes(value.encode())
