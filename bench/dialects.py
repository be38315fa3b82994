"""What a client says in each protocol, as payloads: the hello after the upgrade, an update, and how an
arriving step 2 or update is told apart. Formats: y-protocols (sync) and the two framings round it,
y-websocket's without and Hocuspocus' with the document's name in front. Knows no socket.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP_2 = bytes((0, 1))
UPDATE = bytes((0, 2))
_EMPTY_STATE_VECTOR = b"\x00"
_TOKEN = bytes((2, 0))
_STEP_1 = bytes((0, 0))


def varuint(value: int) -> bytes:
    """lib0's variable-length unsigned integer: seven bits a byte, low group first."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def with_length(content: bytes) -> bytes:
    """lib0's byte array, and its string if `content` is UTF-8."""
    return varuint(len(content)) + content


@dataclass(frozen=True, slots=True)
class Dialect:
    """The framing for one document. `prefix` stands before every message in both directions."""

    prefix: bytes
    hello: tuple[bytes, ...]

    def update(self, update: bytes) -> bytes:
        """The message that carries a Yjs v1 update."""
        return self.prefix + UPDATE + with_length(update)

    def kind(self, payload: bytes) -> bytes:
        """The two bytes behind the prefix: STEP_2, UPDATE, or something that is not measured."""
        start = len(self.prefix)
        return payload[start : start + 2]


def y_websocket(document: str) -> Dialect:
    """The document is named by the path, so messages bear no prefix."""
    return Dialect(b"", (_STEP_1 + with_length(_EMPTY_STATE_VECTOR),))


def hocuspocus(document: str) -> Dialect:
    """Every message starts with the document's name; a token, here an empty one, comes first."""
    prefix = with_length(document.encode())
    token = prefix + _TOKEN + with_length(b"") + with_length(b"4.8.0")
    return Dialect(prefix, (token, prefix + _STEP_1 + with_length(_EMPTY_STATE_VECTOR)))
