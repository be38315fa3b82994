"""The bytes of one round trip: what is written is read, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.errors import ProtocolError
from webhost_sync.sync.document import Document
from webhost_sync.sync.round_trip import (
    NOTHING,
    RoundTripAnswer,
    RoundTripRequest,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

parts = st.binary(max_size=300)


@given(parts.filter(bool), parts)
def test_a_request_is_read_as_it_was_written(state_vector: bytes, update: bytes) -> None:
    request = RoundTripRequest(state_vector, update)
    assert decode_request(encode_request(request)) == request


@given(parts, parts)
def test_an_answer_is_read_as_it_was_written(state_vector: bytes, diff: bytes) -> None:
    answer = RoundTripAnswer(state_vector, diff)
    assert decode_answer(encode_answer(answer)) == answer


@given(parts, parts, st.data())
def test_a_request_that_is_cut_or_goes_on_is_refused(one: bytes, other: bytes, data: st.DataObject) -> None:
    whole = encode_request(RoundTripRequest(one, other))
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + b"\0"):
        with pytest.raises(ProtocolError):
            decode_request(wrong)


@given(st.binary(max_size=50))
def test_any_bytes_are_a_request_or_a_protocol_error(body: bytes) -> None:
    try:
        request = decode_request(body)
    except ProtocolError:
        return
    assert encode_request(request) == body or request.state_vector == NOTHING


def test_an_empty_state_vector_says_that_the_client_has_nothing() -> None:
    assert decode_request(b"\x01\x00\x00") == RoundTripRequest(NOTHING, b"")


def test_another_version_is_named() -> None:
    with pytest.raises(ProtocolError, match="version 2"):
        decode_request(b"\x02\x00\x00")


def test_the_example_of_the_docs_is_a_request() -> None:
    protocol = Path(__file__).parents[2] / "docs" / "protocol.md"
    example = protocol.read_text().rpartition("```text\n")[2].partition("```")[0]
    lines = [line.partition("   ")[0] for line in example.splitlines()]
    request = decode_request(bytes.fromhex(" ".join(lines)))
    replica = Document(client_id=1)
    replica.apply(request.update)
    assert (request.state_vector, replica.values()) == (NOTHING, {"rows": {"a": 1}})
