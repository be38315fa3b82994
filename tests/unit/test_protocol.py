from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import FRAMES
from tests.strategies import clocks, messages
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.protocol import (
    KEEP_ALIVE,
    MAX_ENTRIES,
    MAX_MESSAGES,
    AwarenessEntry,
    AwarenessUpdate,
    KnownMessage,
    PermissionDenied,
    QueryAwareness,
    SyncStep1,
    Unknown,
    decode,
    decode_state_vector,
    encode,
    encode_state_vector,
)


@given(messages)
def test_a_message_survives_its_frame(message: KnownMessage) -> None:
    assert decode(encode(message)) == (message,)


@given(st.lists(messages, min_size=1, max_size=4))
def test_several_messages_in_a_frame_keep_their_order(several: list[KnownMessage]) -> None:
    assert decode(b"".join(map(encode, several))) == tuple(several)


@given(st.binary(max_size=60))
def test_any_bytes_are_messages_or_one_error(frame: bytes) -> None:
    try:
        decoded = decode(frame)
    except ProtocolError:
        return
    known = [message for message in decoded if not isinstance(message, Unknown)]
    assert frame.startswith(b"".join(map(encode, known)))


@given(messages)
def test_a_frame_that_is_cut_short_is_refused(message: KnownMessage) -> None:
    frame = encode(message)
    for end in range(len(frame)):
        with pytest.raises(ProtocolError):
            decode(frame[:end])


def test_a_bad_second_message_refuses_the_first_too() -> None:
    with pytest.raises(ProtocolError, match="unknown kind 7 of sync message"):
        decode(encode(QueryAwareness()) + b"\x00\x07")


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(ProtocolError, match="unexpected end"):
        decode(b"")


def test_an_unknown_type_ends_its_frame_and_is_no_error() -> None:
    assert decode(b"\x03\x66\xff\xff\xff") == (QueryAwareness(), Unknown(102))


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_of_the_npm_packages_is_one_message_and_is_written_with_the_same_bytes(frame: bytes) -> None:
    (message,) = decode(frame)
    assert not isinstance(message, Unknown)
    assert encode(message) == frame


def test_text_beyond_ascii_arrives_as_the_npm_packages_meant_it() -> None:
    (denied,) = decode(FRAMES["auth, permission denied"])
    assert denied == PermissionDenied("přístup odepřen 🚫")
    (awareness,) = decode(FRAMES["awareness, not ASCII"])
    assert isinstance(awareness, AwarenessUpdate)
    (entry,) = awareness.entries
    assert (entry.client_id, entry.clock) == (2**32 - 1, 2)
    assert json.loads(entry.state)["user"] == {"name": "Zoë 🚚", "color": "#fe0"}


def test_the_state_vector_of_yjs_is_read_and_written_with_the_same_bytes() -> None:
    (step,) = decode(FRAMES["sync step 1"])
    assert isinstance(step, SyncStep1)
    assert decode_state_vector(step.state_vector) == {7: 12}
    assert encode_state_vector({7: 12}) == step.state_vector


def test_the_bytes_are_those_of_y_protocols() -> None:
    assert encode(SyncStep1(b"\x00")) == b"\x00\x00\x01\x00"
    assert encode(PermissionDenied("nein, ž")) == b"\x02\x00\x08nein, \xc5\xbe"
    assert encode(QueryAwareness()) == b"\x03"
    assert encode(AwarenessUpdate((AwarenessEntry(5, 1, "{}"),))) == b"\x01\x06\x01\x05\x01\x02{}"


def test_the_keep_alive_is_an_awareness_message_about_nobody() -> None:
    assert decode(KEEP_ALIVE) == (AwarenessUpdate(()),)
    assert encode(AwarenessUpdate(())) == KEEP_ALIVE


@pytest.mark.parametrize(
    "frame", [b"\x01\x02\x00\x00", b"\x01\x06\x01\x05\x01\x02{]", b"\x01\x05\x02\x05\x01\x02{}"]
)
def test_awareness_that_does_not_fit_its_frame_or_is_no_json_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame)


def test_an_unknown_kind_of_auth_message_is_refused() -> None:
    with pytest.raises(ProtocolError, match="auth"):
        decode(b"\x02\x01\x00")


@pytest.mark.parametrize(
    ("state", "leaves"), [("null", True), (" null\n", True), ("{}", False), ('"null"', False)]
)
def test_a_client_leaves_with_the_json_value_null(state: str, leaves: bool) -> None:
    assert AwarenessEntry(1, 1, state).is_leave is leaves


@given(clocks)
def test_a_state_vector_survives_its_bytes(state: dict[int, int]) -> None:
    assert decode_state_vector(encode_state_vector(state)) == state


def test_a_state_vector_starts_with_the_highest_client() -> None:
    assert encode_state_vector({1: 5, 300: 1}) == b"\x02\xac\x02\x01\x01\x05"


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x05", b"\x00\x00", b"\xff\xff\xff\xff\x0f\x01\x01"])
def test_a_bad_state_vector_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_state_vector(data)


def test_a_frame_of_countless_messages_is_refused() -> None:
    assert len(decode(encode(QueryAwareness()) * MAX_MESSAGES)) == MAX_MESSAGES
    with pytest.raises(ProtocolError, match="more than"):
        decode(encode(QueryAwareness()) * (MAX_MESSAGES + 1))


def test_an_awareness_message_about_countless_clients_is_refused() -> None:
    entries = tuple(AwarenessEntry(client, 1, "1") for client in range(MAX_ENTRIES + 1))
    assert decode(encode(AwarenessUpdate(entries[1:])))
    with pytest.raises(ProtocolError, match="more than"):
        decode(encode(AwarenessUpdate(entries)))
