from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import json_values, uints
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.lib0 import (
    MAX_INTEGER,
    MAX_NESTING,
    Reader,
    write_bytes,
    write_string,
    write_uint,
)


@given(uints)
def test_an_integer_is_read_as_it_was_written(value: int) -> None:
    reader = Reader(write_uint(value) + b"\x07")
    assert (reader.read_uint(), reader.remaining) == (value, 1)


@given(st.text(), st.binary())
def test_strings_and_bytes_are_read_as_they_were_written(text: str, data: bytes) -> None:
    reader = Reader(write_string(text) + write_bytes(data))
    assert (reader.read_string(), reader.read_bytes(), reader.remaining) == (text, data, 0)


def test_the_length_of_a_string_counts_bytes() -> None:
    assert write_string("ž🚚") == b"\x06\xc5\xbe\xf0\x9f\x9a\x9a"


@pytest.mark.parametrize("value", [-1, MAX_INTEGER + 1])
def test_no_integer_is_written_that_javascript_could_not_hold(value: int) -> None:
    with pytest.raises(ValueError, match="53 bits"):
        write_uint(value)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "unexpected end"),
        (b"\x80", "unexpected end"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x10", "above 53 bits"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "above 53 bits"),
        (b"\x80\x00", "padded"),
    ],
)
def test_a_bad_integer_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(ProtocolError, match=fault):
        Reader(data).read_uint()


def test_the_largest_integer_is_read() -> None:
    assert Reader(b"\xff\xff\xff\xff\xff\xff\xff\x0f").read_uint() == MAX_INTEGER


@pytest.mark.parametrize(
    ("data", "value"), [(b"\x00", 0), (b"\x41", -1), (b"\xbf\x01", 127), (b"\xff\x01", -127), (b"\x40", 0)]
)
def test_a_signed_integer_has_its_sign_in_the_first_byte(data: bytes, value: int) -> None:
    assert Reader(data).read_int() == value


@pytest.mark.parametrize("length", [3, 2**20, 2**40, MAX_INTEGER])
def test_a_length_beyond_the_end_allocates_nothing(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"{length} bytes announced, 2 left"):
        Reader(write_uint(length) + b"ab").read_bytes()


@pytest.mark.parametrize("encoded", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"])
def test_only_strict_utf_8_is_a_string(encoded: bytes) -> None:
    with pytest.raises(ProtocolError, match="no UTF-8"):
        Reader(write_bytes(encoded)).read_string()


def test_an_error_says_where_it_is() -> None:
    reader = Reader(b"\x01\x02\x05a")
    reader.read_uint()
    reader.read_uint()
    with pytest.raises(ProtocolError, match="at byte 3 of 4") as caught:
        reader.read_string()
    assert caught.value.fields == {"position": 3}


ANY_VALUES = {
    "undefined": b"\x7f",
    "null": b"\x7e",
    "integer": b"\x7d\xc1\x02",
    "float32": b"\x7c" + struct.pack(">f", 0.5),
    "float64": b"\x7b" + struct.pack(">d", float("inf")),
    "bigint": b"\x7a" + struct.pack(">q", -(2**63)),
    "false": b"\x79",
    "true": b"\x78",
    "string": b"\x77" + write_string("ž"),
    "object": b"\x76\x01" + write_string("key") + b"\x75\x02\x7e\x7f",
    "array": b"\x75\x02\x7d\x05\x76\x00",
    "bytes": b"\x74" + write_bytes(b"\x00\xff"),
}


@pytest.mark.parametrize("value", ANY_VALUES.values(), ids=ANY_VALUES.keys())
def test_every_kind_of_value_is_read_to_its_end(value: bytes) -> None:
    reader = Reader(value + b"\x00")
    assert (reader.skip_any(), reader.remaining) == (value[0], 1)


@pytest.mark.parametrize("value", ANY_VALUES.values(), ids=ANY_VALUES.keys())
def test_every_kind_of_value_cut_short_is_refused(value: bytes) -> None:
    for end in range(len(value)):
        with pytest.raises(ProtocolError):
            Reader(value[:end]).skip_any()


@pytest.mark.parametrize("tag", [0, 115, 128, 255])
def test_a_value_of_an_unknown_kind_is_refused(tag: int) -> None:
    with pytest.raises(ProtocolError, match=f"unknown tag {tag}"):
        Reader(bytes([tag])).skip_any()


def test_values_nest_to_a_fixed_depth() -> None:
    assert Reader(b"\x75\x01" * MAX_NESTING + b"\x7e").skip_any() == 0x75
    with pytest.raises(ProtocolError, match="nested deeper"):
        Reader(b"\x75\x01" * 100_000).skip_any()


@given(json_values)
def test_json_keeps_its_text(value: object) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    assert Reader(write_string(text)).read_json() == text


@pytest.mark.parametrize("text", ["", "undefined", "NaN", "-Infinity", "{'a':1}", "[1,]", "1 2", "\ufeff1"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="no JSON"):
        Reader(write_string(text)).read_json()


def test_only_an_old_list_may_say_undefined() -> None:
    assert Reader(write_string("undefined")).read_json(or_undefined=True) == "undefined"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_nests_to_a_fixed_depth(opening: str, closing: str) -> None:
    text = opening * MAX_NESTING + "1" + closing * MAX_NESTING
    assert Reader(write_string(text)).read_json() == text
    for depth in (MAX_NESTING + 1, 100_000):
        with pytest.raises(ProtocolError, match="JSON"):
            Reader(write_string(opening * depth + "1" + closing * depth)).read_json()


def test_json_may_be_wide() -> None:
    text = json.dumps([[]] * 1000)
    assert Reader(write_string(text)).read_json() == text
