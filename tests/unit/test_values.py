"""Keys and values survive the document, and what would not is refused at the write."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from tests.golden.notation import from_notation, to_notation
from tests.golden.read import golden
from webhost_sync.fleet.json_text import canonical_json, number_text, parse_json
from webhost_sync.fleet.keys import Key, decode_key, encode_key
from webhost_sync.fleet.layout import LayoutError
from webhost_sync.fleet.values import (
    UNDEFINED,
    BigInt,
    BinaryView,
    MapEntries,
    SetItems,
    decode_field_name,
    decode_value,
    encode_field_name,
    encode_row,
    encode_value,
    json_value,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = TEXTS | st.sampled_from(["$t", "$$t", "$v", "t"])
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0, fold=0))
VIEWS = st.builds(BinaryView, st.sampled_from(["Float32Array", "DataView"]), st.binary(max_size=8))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    FRACTIONS,
    TEXTS,
    TIMES,
    st.binary(max_size=8),
    st.integers(-(2**80), 2**80).map(BigInt),
    VIEWS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner | st.just(UNDEFINED), max_size=4),
        st.dictionaries(NAMES, inner, max_size=4),
        st.lists(st.tuples(inner, inner), max_size=3).map(tuple).map(MapEntries),
        st.lists(inner, max_size=3).map(tuple).map(SetItems),
    ),
    max_leaves=12,
)
KEYS = st.recursive(
    TEXTS | st.sampled_from(["#", "#n5", "##"]) | INTEGERS | FRACTIONS | TIMES | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


def as_pycrdt_reads(stored: Any) -> Any:
    """The same value as it comes out of a document: every number a float, bytes as a bytearray."""
    match stored:
        case bool():
            return stored
        case int():
            return float(stored)
        case bytes():
            return bytearray(stored)
        case list():
            return [as_pycrdt_reads(item) for item in stored]
        case dict():
            return {name: as_pycrdt_reads(item) for name, item in stored.items()}
    return stored


def as_tuples(key: Any) -> Any:
    return tuple(as_tuples(part) for part in key) if isinstance(key, list) else key


@pytest.mark.parametrize("vector", golden("layout.json", "keys", "good"), ids=lambda vector: vector["text"])
def test_a_key_is_spelled_as_in_the_golden_file(vector: dict[str, Any]) -> None:
    key = as_tuples(from_notation(vector["key"]))
    assert encode_key(key) == vector["text"]
    assert decode_key(vector["text"]) == key


@pytest.mark.parametrize("vector", golden("layout.json", "keys", "bad"), ids=lambda vector: vector["text"])
def test_a_key_of_another_spelling_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(LayoutError) as refusal:
        decode_key(vector["text"])
    assert refusal.value.problem == vector["problem"]


@pytest.mark.parametrize("key", [None, True, math.nan, 2**53, datetime(2026, 1, 1), "\ud800", {}, (None,)])
def test_what_can_be_no_key_is_refused(key: Any) -> None:
    with pytest.raises(LayoutError):
        encode_key(key)


@given(KEYS)
def test_any_key_survives_its_spelling(key: Key) -> None:
    decoded = decode_key(encode_key(key))
    assert decoded == key
    assert repr(decoded) == repr(key)


@given(TEXTS.map(lambda text: f"#{text}") | st.text('#nabd[]"0123456789.-e,', max_size=12))
def test_a_spelling_is_refused_or_the_only_one(text: str) -> None:
    try:
        key = decode_key(text)
    except LayoutError:
        return
    assert encode_key(key) == text


@pytest.mark.parametrize("vector", golden("layout.json", "values", "good"), ids=str)
def test_a_value_is_stored_as_in_the_golden_file(vector: dict[str, Any]) -> None:
    value, stored = from_notation(vector["value"]), from_notation(vector["stored"])
    assert to_notation(encode_value(value, "value")) == vector["stored"]
    assert to_notation(decode_value(as_pycrdt_reads(stored), "value")) == vector["value"]


@given(VALUES)
def test_any_value_survives_a_real_document(value: object) -> None:
    written, read = Doc[Any](), Doc[Any]()
    written.get("rows", type=Map)["bus-7"] = Map({"field": encode_value(value, "value")})
    read.apply_update(written.get_update())
    stored = read.get("rows", type=Map).to_py() or {}
    assert to_notation(decode_value(stored["bus-7"]["field"], "value")) == to_notation(value)


@pytest.mark.parametrize("vector", golden("layout.json", "values", "bad"), ids=str)
def test_a_stored_value_of_no_known_form_is_refused_with_its_path(vector: dict[str, Any]) -> None:
    with pytest.raises(LayoutError) as refusal:
        decode_value(from_notation(vector["stored"]), "value")
    assert (refusal.value.path, refusal.value.problem) == (vector["path"], vector["problem"])


@pytest.mark.parametrize("vector", golden("layout.json", "values", "refused"), ids=str)
def test_a_value_that_others_could_not_read_is_refused_at_the_write(vector: dict[str, Any]) -> None:
    with pytest.raises(LayoutError) as refusal:
        encode_value(from_notation(vector["value"]), "value")
    assert (refusal.value.path, refusal.value.problem) == (vector["path"], vector["problem"])


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, {1, 2}, 2**53, datetime(2026, 1, 1), "\ud800", {"\ud800": 1}]
)
def test_what_python_alone_has_is_refused_at_the_write(value: object) -> None:
    with pytest.raises(LayoutError):
        encode_value(value, "value")


def test_a_refused_field_is_named_with_table_and_key() -> None:
    with pytest.raises(LayoutError, match=r"vehicles\['bus-7'\]\.tags\[1\]\.since is a time without a zone"):
        encode_row("vehicles", "bus-7", {"tags": [1, {"since": datetime(2026, 1, 1)}]})


@pytest.mark.parametrize("row", [{5: 1}, {"\ud800": 1}])
def test_a_field_name_that_is_no_text_is_refused(row: dict[Any, object]) -> None:
    with pytest.raises(LayoutError, match=r"vehicles\['bus-7'\]"):
        encode_row("vehicles", "bus-7", row)


def test_a_field_named_like_the_tag_is_escaped() -> None:
    assert encode_row("vehicles", "bus-7", {"$t": 1, "t": 2}) == {"$$t": 1, "t": 2}


@given(VALUES)
def test_any_value_survives_the_document(value: object) -> None:
    stored = encode_value(value, "value")
    assert to_notation(decode_value(as_pycrdt_reads(stored), "value")) == to_notation(value)


@given(VALUES)
def test_the_json_form_is_json_and_reads_back_as_the_value(value: object) -> None:
    stored = parse_json(canonical_json(json_value(value)))
    assert to_notation(decode_value(stored, "value")) == to_notation(value)


@given(NAMES)
def test_any_field_name_survives_its_escape(name: str) -> None:
    assert decode_field_name(encode_field_name(name)) == name
    assert encode_field_name(name) != "$t"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: [inner],
        lambda inner: {"a": inner},
        lambda inner: SetItems((inner,)),
        lambda inner: MapEntries(((1, inner),)),
        lambda inner: [MapEntries(((1, inner),))],
    ],
)
def test_a_value_nested_too_deep_is_refused_at_the_write(wrap: Callable[[object], object]) -> None:
    nested: object = []
    for _ in range(80):
        nested = wrap(nested)
    with pytest.raises(LayoutError, match="nested more than 64 deep"):
        encode_value(nested, "value")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: [inner],
        lambda inner: {"a": inner},
        lambda inner: {"$t": "s", "v": [inner]},
        lambda inner: {"$t": "m", "v": [[1.0, inner]]},
        lambda inner: [{"$t": "m", "v": [[inner, 1.0]]}],
    ],
)
def test_a_stored_value_nested_without_end_is_refused(wrap: Callable[[object], object]) -> None:
    nested: object = []
    for _ in range(50_000):
        nested = wrap(nested)
    with pytest.raises(LayoutError, match="nested more than 64 deep"):
        decode_value(nested, "value")


def test_the_deepest_value_that_can_be_written_can_be_read() -> None:
    nested: object = datetime(2026, 11, 23, tzinfo=UTC)
    for _ in range(64):
        nested = [nested]
    assert decode_value(encode_value(nested, "value"), "value") == nested
    with pytest.raises(LayoutError, match="nested more than 64 deep"):
        encode_value([nested], "value")


def test_a_bigint_that_no_reader_takes_is_refused_at_the_write() -> None:
    longest = BigInt(10**1000 - 1)
    assert decode_value(encode_value(longest, "value"), "value") == longest
    for longer in (longest + 1, -longest - 1):
        with pytest.raises(LayoutError, match="BigInt of more than 1000 digits"):
            encode_value(BigInt(longer), "value")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_so_that_it_reads_back_exactly(number: float) -> None:
    assert float(number_text(number)) == number


@pytest.mark.parametrize(
    "text", ["[" * 65 + "]" * 65, "[" * 100_000, "1e999", "NaN", '"\\ud800"', '{"\\udc00":1}', "", "[1,]"]
)
def test_json_that_others_could_not_store_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_canonical_json_sorts_keys_by_their_utf16_units() -> None:
    assert canonical_json({"\ufb33": 1, "😀": 2, "10": 3, "9": 4.0}) == '{"10":3,"9":4,"😀":2,"\ufb33":1}'
