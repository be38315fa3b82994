"""The bytes of one round trip over HTTP, `POST /api/documents/{name}/sync`, both ways.

    request = version bytes(state-vector) bytes(update)
    answer  = version bytes(state-vector) bytes(diff)
    version = 0x01

`bytes` is lib0's byte array: its length as a variable-length integer, then the bytes. In a request
either part may be empty: no state vector says "I have nothing", no update "I bring nothing". Knows no
document: what the parts hold is checked by whoever applies them.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhost_sync.sync.lib0 import Reader, write_bytes

VERSION = 1
MEDIA_TYPE = "application/octet-stream"
NOTHING = b"\x00"
"""The state vector of a side that has nothing."""


@dataclass(frozen=True, slots=True)
class RoundTripRequest:
    """What a client has, and what it brings (empty: nothing)."""

    state_vector: bytes
    update: bytes


@dataclass(frozen=True, slots=True)
class RoundTripAnswer:
    """What the server has, and the update that the client lacks."""

    state_vector: bytes
    diff: bytes


def encode_request(request: RoundTripRequest) -> bytes:
    return _encode(request.state_vector, request.update)


def decode_request(body: bytes) -> RoundTripRequest:
    """Raises: ProtocolError, naming the byte."""
    state_vector, update = _decode(body)
    return RoundTripRequest(state_vector or NOTHING, update)


def encode_answer(answer: RoundTripAnswer) -> bytes:
    return _encode(answer.state_vector, answer.diff)


def decode_answer(body: bytes) -> RoundTripAnswer:
    """Raises: ProtocolError, naming the byte."""
    return RoundTripAnswer(*_decode(body))


def _encode(first: bytes, second: bytes) -> bytes:
    return bytes([VERSION]) + write_bytes(first) + write_bytes(second)


def _decode(body: bytes) -> tuple[bytes, bytes]:
    reader = Reader(body)
    version = reader.read_byte()
    if version != VERSION:
        raise reader.error(f"version {version} of the round trip, where {VERSION} is known,")
    first, second = reader.read_bytes(), reader.read_bytes()
    if reader.remaining:
        raise reader.error(f"{reader.remaining} bytes left over")
    return first, second
