"""A chunk gives its fixes back exactly, and anything else is refused as one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.read import golden
from tests.unit.fixes import FIX_RUNS
from webhost_sync.fleet.chunk import Fix, decode_chunk, encode_chunk
from webhost_sync.fleet.layout import LayoutError
from webhost_sync.fleet.varint import ChunkError


def fixes_of(vector: list[dict[str, Any]]) -> tuple[Fix, ...]:
    return tuple(Fix(**fields) for fields in vector)


def about(vector: dict[str, Any]) -> str:
    return str(vector["about"])


@pytest.mark.parametrize("vector", golden("layout.json", "chunks", "good"), ids=about)
def test_a_chunk_has_the_bytes_of_the_golden_file(vector: dict[str, Any]) -> None:
    assert encode_chunk(fixes_of(vector["fixes"])).hex() == vector["hex"]
    assert decode_chunk(bytes.fromhex(vector["hex"])) == fixes_of(vector["decoded"])


@pytest.mark.parametrize("vector", golden("layout.json", "chunks", "bad"), ids=about)
def test_a_broken_chunk_is_refused_with_offset_and_reason(vector: dict[str, Any]) -> None:
    with pytest.raises(ChunkError) as refusal:
        decode_chunk(bytes.fromhex(vector["hex"]))
    assert (refusal.value.offset, refusal.value.reason) == (vector["offset"], vector["reason"])


@pytest.mark.parametrize(
    ("fixes", "path"),
    [
        ([], "fixes"),
        ([Fix(0, 0, 0, 0)] * 1001, "fixes"),
        ([Fix(1, 0, 0, 0), Fix(3, 0, 0, 0)], "fix 3"),
        ([Fix(-1, 0, 0, 0)], "fix -1"),
        ([Fix(2**53, 0, 0, 0)], f"fix {2**53}"),
        ([Fix(0, 2**50, 0, 0)], "fix 0: fix_time_ms"),
        ([Fix(0, 0, float("nan"), 0)], "fix 0: latitude"),
        ([Fix(0, 0, 0, 1e10)], "fix 0: longitude"),
        ([Fix(0, 0, 0, 0, speed_mps=float("inf"))], "fix 0: speed_mps"),
        ([Fix(0, 0, 0, 0, attributes={"a": object()})], "fix 0: attributes"),
    ],
)
def test_fixes_that_do_not_fit_are_refused_with_the_field_named(fixes: list[Fix], path: str) -> None:
    with pytest.raises(LayoutError) as refusal:
        encode_chunk(fixes)
    assert refusal.value.path == path


@given(FIX_RUNS)
def test_a_chunk_gives_its_fixes_back(fixes: list[Fix]) -> None:
    assert decode_chunk(encode_chunk(fixes)) == tuple(fixes)


@given(FIX_RUNS)
def test_reading_and_writing_a_chunk_changes_no_byte(fixes: list[Fix]) -> None:
    chunk = encode_chunk(fixes)
    assert encode_chunk(decode_chunk(chunk)) == chunk


def decode_or_none(data: bytes) -> tuple[Fix, ...] | None:
    try:
        return decode_chunk(data)
    except ChunkError:
        return None


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"\x01" + rest))
def test_arbitrary_bytes_are_refused_or_the_only_spelling(data: bytes) -> None:
    fixes = decode_or_none(data)
    # Only the JSON of attributes has more than one spelling.
    assert fixes is None or encode_chunk(fixes) == data or b"{" in data


@pytest.mark.parametrize("vector", golden("layout.json", "chunks", "good"), ids=about)
def test_every_changed_byte_is_another_chunk_or_refused(vector: dict[str, Any]) -> None:
    chunk = bytes.fromhex(vector["hex"])
    original = decode_chunk(chunk)
    for offset in range(len(chunk)):
        for byte in range(256):
            mangled = chunk[:offset] + bytes([byte]) + chunk[offset + 1 :]
            assert mangled == chunk or decode_or_none(mangled) != original


@pytest.mark.parametrize("vector", golden("layout.json", "chunks", "good"), ids=about)
def test_every_chunk_cut_short_or_run_on_is_refused(vector: dict[str, Any]) -> None:
    chunk = bytes.fromhex(vector["hex"])
    for length in range(len(chunk)):
        with pytest.raises(ChunkError):
            decode_chunk(chunk[:length])
    with pytest.raises(ChunkError):
        decode_chunk(chunk + b"\0")


def test_attributes_may_be_written_in_any_order_and_with_spaces() -> None:
    text = b'{ "b": 1.0, "a": [] }'
    chunk = bytes.fromhex("0101004000000001") + bytes([len(text)]) + text
    assert decode_chunk(chunk)[0].attributes == {"b": 1, "a": []}


def test_a_second_of_driving_costs_at_most_ten_bytes() -> None:
    fixes = [Fix(i, 1000 * i, 48 + i * 1.2e-4, 11 - i * 9e-5, speed_mps=14 + i % 3 / 10) for i in range(300)]
    assert len(encode_chunk(fixes)) <= 10 * len(fixes)
