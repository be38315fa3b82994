"""The frames of the Hocuspocus protocol: those of the real packages, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden import COLLAB_HEARD, COLLAB_SENT, GoldenHeard
from tests.strategies import addresses, collab_messages
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.hocuspocus import (
    MAX_ADDRESS_BYTES,
    PING,
    PONG,
    Address,
    Authenticated,
    Close,
    Known,
    Stateless,
    SyncReply,
    SyncStatus,
    Token,
    TokenWanted,
    Type,
    decode,
    encode,
    is_token,
    is_update,
    prefix_of,
    split,
)
from webhost_sync.sync.lib0 import write_string
from webhost_sync.sync.protocol import (
    KEEP_ALIVE,
    AwarenessUpdate,
    PermissionDenied,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    Unknown,
)

DEPOT = Address("depot")
SENT = {name: frame for name, frame in COLLAB_SENT.items() if frame not in (PING, PONG)}


@pytest.mark.parametrize("frame", SENT.values(), ids=SENT.keys())
def test_a_frame_of_a_real_provider_is_read_and_written_with_the_same_bytes(frame: bytes) -> None:
    address, body = split(frame)
    message = decode(body)
    assert not isinstance(message, Unknown)
    assert prefix_of(address) + encode(message) == frame


@pytest.mark.parametrize("heard", COLLAB_HEARD, ids=lambda heard: heard.name)
def test_what_real_providers_hear_is_written_with_the_same_bytes(heard: GoldenHeard) -> None:
    expected: dict[str, Known] = {
        "authenticated": Authenticated("read-write"),
        "authenticated, read-only": Authenticated("readonly"),
        "permission denied": PermissionDenied("přístup odepřen 🚫"),
        "token wanted": TokenWanted(),
        "stateless": Stateless('{"note":"ž"}'),
        "close": Close("Reset Connection"),
        "sync status, applied": SyncStatus(True),
        "sync status, refused": SyncStatus(False),
        "awareness about nobody": AwarenessUpdate(()),
    }
    assert prefix_of(DEPOT) + encode(expected[heard.name]) == heard.frame
    assert decode(split(heard.frame)[1]) == expected[heard.name]


@pytest.mark.parametrize(("version", "says"), [("3.4.4", None), ("4.8.0", "4.8.0")])
def test_providers_open_a_document_with_a_token_a_step_1_and_their_presence(
    version: str, says: str | None
) -> None:
    opening = [split(COLLAB_SENT[f"{version}: opening {number}"]) for number in (1, 2, 3)]
    assert {address for address, _ in opening} == {Address("depot/Žluťoučký 🚚")}
    token, step_1, presence = (decode(body) for _, body in opening)
    assert token == Token("tøken", says)
    assert step_1 == SyncStep1(b"\x00")
    assert isinstance(presence, AwarenessUpdate)


def test_a_session_is_part_of_the_address() -> None:
    address, _ = split(COLLAB_SENT["4.8.0: opening of a session 1"])
    assert address == Address("depot", "ses5ion")
    assert prefix_of(address) == write_string("depot\0ses5ion")


def test_a_provider_answers_a_ping_with_one_byte() -> None:
    assert COLLAB_SENT["4.8.0: answer to a ping 1"] == PONG


def test_the_keep_alive_is_presence_about_nobody() -> None:
    assert decode(KEEP_ALIVE) == AwarenessUpdate(())


@given(addresses, collab_messages)
def test_a_message_survives_its_frame(address: Address, message: Known) -> None:
    found, body = split(prefix_of(address) + encode(message))
    assert found == address
    assert decode(body) == message


@given(collab_messages)
def test_a_body_that_is_cut_short_is_refused_or_says_something_shorter(message: Known) -> None:
    body = encode(message)
    for end in range(len(body)):
        try:
            shorter = decode(body[:end])
        except ProtocolError:
            continue
        assert isinstance(shorter, Token | TokenWanted | Close)


@given(collab_messages)
def test_a_body_with_more_than_one_message_is_refused(message: Known) -> None:
    if isinstance(message, Token | TokenWanted | Close):
        return
    with pytest.raises(ProtocolError):
        decode(encode(message) + b"\0")


def test_what_follows_the_version_of_a_token_is_passed_over() -> None:
    assert decode(encode(Token("t", "5.0.0")) + b"\x01x") == Token("t", "5.0.0")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_frame_or_one_error(frame: bytes) -> None:
    try:
        address, body = split(frame)
        message = decode(body)
    except ProtocolError:
        return
    if not isinstance(message, Unknown):
        assert frame.startswith(prefix_of(address) + encode(message))


@given(collab_messages)
def test_who_counts_on_an_answer_is_known_without_reading_the_message(message: Known) -> None:
    inner = message.message if isinstance(message, SyncReply) else message
    assert is_update(encode(message)) == isinstance(inner, SyncStep2 | SyncUpdate)
    assert is_token(encode(message)) == isinstance(message, Token | TokenWanted)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\x05depo", b"\xff" * 9, write_string("depot\0"), write_string("x" * MAX_ADDRESS_BYTES)],
)
def test_a_frame_without_a_fitting_address_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        split(frame)


@pytest.mark.parametrize("body", [b"", b"\x00\x07", b"\x02\x03", b"\x08\x02", b"\x04", b"\x05\x02x"])
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


def test_an_unknown_type_is_no_error() -> None:
    assert decode(b"\x66\xff") == Unknown(102)


def test_the_types_are_those_of_the_protocol() -> None:
    assert [kind.name for kind in sorted(Type)] == [
        "SYNC", "AWARENESS", "AUTH", "QUERY_AWARENESS", "SYNC_REPLY", "STATELESS", "BROADCAST_STATELESS",
        "CLOSE", "SYNC_STATUS",
    ]  # fmt: skip
    assert decode(encode(SyncUpdate(b"x"))) == SyncUpdate(b"x")
