"""Turns the frames of the Hocuspocus protocol into typed messages and messages into frames.

A frame carries one message of one document: its address, then a body. The socket splits it by the
address; the body is read where the document is, so that bad bytes in it are that document's trouble
alone. Knows no socket, no document and no room.

    frame   = address body | ping | pong
    address = string(name)  or, with session awareness,  string(name NUL session)
    body    = uint(type) and what belongs to it

The bytes are those of @hocuspocus/provider 3 and 4 and are written down in `docs/protocol.md`. Sync and
awareness bodies are whole messages of y-websocket, so `protocol` reads and writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from webhost_sync.sync import protocol
from webhost_sync.sync.lib0 import Reader, write_string
from webhost_sync.sync.protocol import (
    AwarenessUpdate,
    PermissionDenied,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    Unknown,
    read_awareness,
    read_sync,
    write_sync,
)

TOKEN, DENIED, AUTHENTICATED = 0, 1, 2
"""The kinds of auth messages."""


class Type(IntEnum):
    """What a body is."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_REPLY = 4
    STATELESS = 5
    BROADCAST_STATELESS = 6
    CLOSE = 7
    SYNC_STATUS = 8


PING, PONG = b"\x09", b"\x0a"
"""Whole frames: a single byte can't be an address and a body."""
MAX_ADDRESS_BYTES = 1024
"""A name has at most 255 bytes, and the session ids of providers about eleven."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message belongs: a document, and one of the client's sessions on it (empty: the only one)."""

    name: str
    session: str = ""

    def __str__(self) -> str:
        return f"{self.name}\0{self.session}" if self.session else self.name


@dataclass(frozen=True, slots=True)
class Token:
    """A client's credential, and the version that it says it is; providers before 4 say none."""

    token: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """The server's wish for a fresh token."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The server's yes, with what it allows: `read-write` or `readonly`."""

    scope: str


@dataclass(frozen=True, slots=True)
class SyncReply:
    """A sync message that must not be answered by a step 1."""

    message: SyncStep1 | SyncStep2 | SyncUpdate


@dataclass(frozen=True, slots=True)
class Stateless:
    """Text outside of the document, for whoever understands it."""

    payload: str


@dataclass(frozen=True, slots=True)
class BroadcastStateless:
    """What servers tell each other; a client must not say it."""

    payload: str


@dataclass(frozen=True, slots=True)
class Close:
    """The end of one document on this socket. The server gives a reason; a client only leaves."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The answer to one step 2 or update: whether it is durable, or was refused."""

    applied: bool


Known = (
    SyncStep1
    | SyncStep2
    | SyncUpdate
    | AwarenessUpdate
    | QueryAwareness
    | Token
    | TokenWanted
    | PermissionDenied
    | Authenticated
    | SyncReply
    | Stateless
    | BroadcastStateless
    | Close
    | SyncStatus
)
Message = Known | Unknown


def split(frame: bytes) -> tuple[Address, bytes]:
    """Return a frame's address and its body, unread. Raises: ProtocolError."""
    reader = Reader(frame)
    text = reader.read_string()
    if reader.position > MAX_ADDRESS_BYTES:
        raise reader.error(f"an address of more than {MAX_ADDRESS_BYTES} bytes")
    name, is_session, session = text.partition("\0")
    if is_session and not session:
        raise reader.error("an address that ends with NUL")
    return Address(name, session), frame[reader.position :]


def prefix_of(address: Address) -> bytes:
    """Return what stands before every body for this address."""
    return write_string(str(address))


def is_token(body: bytes) -> bool:
    """Whether this is meant as a token, well-formed or not."""
    return body[:2] == bytes((Type.AUTH, TOKEN))


def is_update(body: bytes) -> bool:
    """Whether its sender counts on an answer: it is meant as a step 2 or an update, well-formed or not."""
    return (
        len(body) > 1
        and body[0] in (Type.SYNC, Type.SYNC_REPLY)
        and body[1] in (protocol.STEP_2, protocol.UPDATE)
    )


def decode(body: bytes) -> Message:
    """Return the one message of a body.

    What follows the version of a token is passed over: providers have appended there before.
    Raises: ProtocolError.
    """
    reader = Reader(body)
    message = _read(reader)
    if reader.remaining and not isinstance(message, Unknown | Token):
        raise reader.error("more bytes than one message")
    return message


def _read(reader: Reader) -> Message:
    kind = reader.read_uint()
    match kind:
        case Type.SYNC:
            return read_sync(reader)
        case Type.AWARENESS:
            return read_awareness(reader)
        case Type.AUTH:
            return _read_auth(reader)
        case Type.QUERY_AWARENESS:
            return QueryAwareness()
        case Type.SYNC_REPLY:
            return SyncReply(read_sync(reader))
        case Type.STATELESS:
            return Stateless(reader.read_string())
        case Type.BROADCAST_STATELESS:
            return BroadcastStateless(reader.read_string())
        case Type.CLOSE:
            return Close(reader.read_string() if reader.remaining else None)
        case Type.SYNC_STATUS:
            return _read_status(reader)
        case _:
            return Unknown(kind)


def _read_auth(reader: Reader) -> Token | TokenWanted | PermissionDenied | Authenticated:
    kind = reader.read_uint()
    if kind == TOKEN and not reader.remaining:
        return TokenWanted()
    if kind == TOKEN:
        return Token(reader.read_string(), reader.read_string() if reader.remaining else None)
    if kind == DENIED:
        return PermissionDenied(reader.read_string())
    if kind == AUTHENTICATED:
        return Authenticated(reader.read_string())
    raise reader.error(f"unknown kind {kind} of auth message")


def _read_status(reader: Reader) -> SyncStatus:
    status = reader.read_uint()
    if status > 1:
        raise reader.error(f"unknown sync status {status}")
    return SyncStatus(status == 1)


def encode(message: Known) -> bytes:
    """Return the body of a message."""
    match message:
        case Token(token, version):
            said = write_string(version) if version is not None else b""
            return bytes((Type.AUTH, TOKEN)) + write_string(token) + said
        case TokenWanted():
            return bytes((Type.AUTH, TOKEN))
        case PermissionDenied(reason):
            return bytes((Type.AUTH, DENIED)) + write_string(reason)
        case Authenticated(scope):
            return bytes((Type.AUTH, AUTHENTICATED)) + write_string(scope)
        case SyncReply(inner):
            return bytes((Type.SYNC_REPLY,)) + write_sync(inner)
        case Stateless(payload):
            return bytes((Type.STATELESS,)) + write_string(payload)
        case BroadcastStateless(payload):
            return bytes((Type.BROADCAST_STATELESS,)) + write_string(payload)
        case Close(reason):
            return bytes((Type.CLOSE,)) + (write_string(reason) if reason is not None else b"")
        case SyncStatus(applied):
            return bytes((Type.SYNC_STATUS, applied))
        case _:
            return protocol.encode(message)
