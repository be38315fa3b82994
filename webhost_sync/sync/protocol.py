"""Turns y-websocket frames into typed messages and messages into frames.

Bytes come in from a connection; a tuple of frozen messages goes out, or one `ProtocolError`. The
other way, one message becomes one frame. Knows no socket, no document and no room; the update
inside a sync message stays opaque bytes (`update.read_update` looks into it).

The bytes are those of y-protocols 1.0.7 and are written down in `docs/protocol.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webhost_sync.sync.lib0 import Reader, write_bytes, write_string, write_uint

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = 0, 1, 2, 3
STEP_1, STEP_2, UPDATE = 0, 1, 2

MAX_MESSAGES = 1000
"""Messages of one frame; stock clients send one."""
MAX_ENTRIES = 10_000
"""Clients in one awareness message."""

KEEP_ALIVE = b"\x01\x01\x00"
"""An awareness message about nobody: y-websocket counts messages, not pings, as signs of life."""


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """A side's question: which update lacks somebody who has `state_vector`?"""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """The answer to a step 1: everything that the asker lacked."""

    update: bytes


@dataclass(frozen=True, slots=True)
class SyncUpdate:
    """A change that has just happened."""

    update: bytes


@dataclass(frozen=True, slots=True)
class AwarenessEntry:
    """The presence of one client: JSON text under a clock that only this client raises."""

    client_id: int
    clock: int
    state: str

    @property
    def is_leave(self) -> bool:
        """Whether the entry says that the client has gone: its state is the JSON value null."""
        return self.state.strip() == "null"


@dataclass(frozen=True, slots=True)
class AwarenessUpdate:
    """News about the presence of some clients."""

    entries: tuple[AwarenessEntry, ...]


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """The wish to be told the presence of everybody."""


@dataclass(frozen=True, slots=True)
class PermissionDenied:
    """The server's no, with a reason for people; a stock client only prints it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that is not ours; nobody can tell where it ends, so it ends its frame."""

    type: int


KnownMessage = SyncStep1 | SyncStep2 | SyncUpdate | AwarenessUpdate | QueryAwareness | PermissionDenied
Message = KnownMessage | Unknown


def decode(frame: bytes) -> tuple[Message, ...]:
    """Return the messages of a frame: at least one, in their order.

    Raises ProtocolError, and then nothing of the frame was decoded.
    """
    reader = Reader(frame)
    messages: list[Message] = [_read_message(reader)]
    while reader.remaining and not isinstance(messages[-1], Unknown):
        if len(messages) == MAX_MESSAGES:
            raise reader.error(f"more than {MAX_MESSAGES} messages in one frame")
        messages.append(_read_message(reader))
    return tuple(messages)


def _read_message(reader: Reader) -> Message:
    kind = reader.read_uint()
    if kind == SYNC:
        return read_sync(reader)
    if kind == AWARENESS:
        return read_awareness(reader)
    if kind == QUERY_AWARENESS:
        return QueryAwareness()
    if kind == AUTH:
        if reader.read_uint() != 0:
            raise reader.error("unknown kind of auth message")
        return PermissionDenied(reader.read_string())
    return Unknown(kind)


def read_sync(reader: Reader) -> SyncStep1 | SyncStep2 | SyncUpdate:
    """Read the body of a sync message."""
    kind = reader.read_uint()
    if kind == STEP_1:
        return SyncStep1(reader.read_bytes())
    if kind == STEP_2:
        return SyncStep2(reader.read_bytes())
    if kind == UPDATE:
        return SyncUpdate(reader.read_bytes())
    raise reader.error(f"unknown kind {kind} of sync message")


def read_awareness(reader: Reader) -> AwarenessUpdate:
    """Read the body of an awareness message."""
    body = Reader(reader.read_bytes())
    count = body.read_uint()
    if count > MAX_ENTRIES:
        raise body.error(f"more than {MAX_ENTRIES} clients in one awareness message")
    entries = tuple(_read_entry(body) for _ in range(count))
    if body.remaining:
        raise body.error("more bytes than awareness entries")
    return AwarenessUpdate(entries)


def _read_entry(reader: Reader) -> AwarenessEntry:
    return AwarenessEntry(reader.read_uint(), reader.read_uint(), reader.read_json())


def encode(message: KnownMessage) -> bytes:
    """Return the frame of exactly one message; stock clients read no second one."""
    if isinstance(message, QueryAwareness):
        return write_uint(QUERY_AWARENESS)
    if isinstance(message, AwarenessUpdate):
        return write_uint(AWARENESS) + write_awareness(message)
    if isinstance(message, PermissionDenied):
        return write_uint(AUTH) + write_uint(0) + write_string(message.reason)
    return write_uint(SYNC) + write_sync(message)


def write_sync(message: SyncStep1 | SyncStep2 | SyncUpdate) -> bytes:
    """Return the body of a sync message."""
    if isinstance(message, SyncStep1):
        return write_uint(STEP_1) + write_bytes(message.state_vector)
    if isinstance(message, SyncStep2):
        return write_uint(STEP_2) + write_bytes(message.update)
    return write_uint(UPDATE) + write_bytes(message.update)


def write_awareness(message: AwarenessUpdate) -> bytes:
    """Return the body of an awareness message."""
    entries = b"".join(
        write_uint(entry.client_id) + write_uint(entry.clock) + write_string(entry.state)
        for entry in message.entries
    )
    return write_bytes(write_uint(len(message.entries)) + entries)


def decode_state_vector(state_vector: bytes) -> dict[int, int]:
    """Return the clock that each client has reached: how many of its changes are there.

    Raises ProtocolError for anything but one well-formed state vector.
    """
    reader = Reader(state_vector)
    clocks = {}
    for _ in range(reader.read_uint()):
        client_id = reader.read_uint()
        clocks[client_id] = reader.read_uint()
    if reader.remaining:
        raise reader.error("more bytes than a state vector has")
    return clocks


def encode_state_vector(clocks: Mapping[int, int]) -> bytes:
    """Return the bytes of a state vector, the highest client first as Yjs writes it."""
    pairs = sorted(clocks.items(), reverse=True)
    return write_uint(len(pairs)) + b"".join(
        write_uint(client) + write_uint(clock) for client, clock in pairs
    )
