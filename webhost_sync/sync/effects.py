"""What goes in and out of a room besides wire messages: requests, effects, and the batch between.

Plain frozen data, so that a room can be tested without a loop and its effects be read as a story.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhost_sync.errors import SyncError
from webhost_sync.sync.protocol import AwarenessUpdate, KnownMessage, SyncStep1, SyncStep2, SyncUpdate


@dataclass(frozen=True, slots=True)
class Member:
    """One connection as the room sees it. `owner` stands behind it, in presence and in the log."""

    connection_id: int
    owner: str
    device: str = ""
    can_write: bool = True
    can_show_presence: bool = True


@dataclass(frozen=True, slots=True)
class Greeting:
    """A new member wants the server's step 1 and everybody's presence."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One round trip: take `update`, then answer what a side with `state_vector` lacks."""

    state_vector: bytes
    update: bytes


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A slow reader can read again; `state_vector` is what it had when it was first skipped."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that can't be taken, to be refused when its turn comes and not before.

    `was_update`: its sender counts on an answer to it, as to every step 2 and every update.
    """

    error: SyncError
    was_update: bool


Request = SyncStep1 | SyncStep2 | SyncUpdate | Greeting | Exchange | CatchUp | Unreadable


def update_of(request: Request) -> bytes:
    """The update that a request brings; empty where it brings none."""
    match request:
        case SyncStep2(update) | SyncUpdate(update) | Exchange(_, update):
            return update
        case _:
            return b""


def is_update(request: Request) -> bool:
    """Whether its sender counts on an answer to it: a step 2 or an update, readable or not."""
    match request:
        case Unreadable(was_update=was_update):
            return was_update
        case _:
            return isinstance(request, SyncStep2 | SyncUpdate)


def size_of(request: Request) -> int:
    """Bytes of its update and its state vector."""
    match request:
        case SyncStep1(state_vector) | CatchUp(state_vector) | Exchange(state_vector, _):
            return len(state_vector) + len(update_of(request))
        case _:
            return len(update_of(request))


@dataclass(frozen=True, slots=True)
class Send:
    """One message for one member."""

    connection_id: int
    message: KnownMessage


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One message for every member, the writers too: to a y-websocket client it is the acknowledgement."""

    message: KnownMessage


@dataclass(frozen=True, slots=True)
class Tell:
    """What other processes are told of the presence of one owner's clients here."""

    owner: str
    message: AwarenessUpdate


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """This member's message is durable. `update` is set when no broadcast carries its content back."""

    connection_id: int
    update: bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to an `Exchange`: our state vector, and what the other side lacks, as one update.

    `left_out` counts updates that can't be part of it: those that wait for what they build on, and
    those that pycrdt can't read.
    """

    connection_id: int
    state_vector: bytes
    update: bytes
    left_out: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """This message was not taken. The connection stays, unless the error says that it must close.

    `of_update`: it was a step 2 or an update, each of which is acknowledged or refused exactly once.
    """

    connection_id: int
    error: SyncError
    of_update: bool = True


Effect = Send | Broadcast | Acknowledge | Answer | Refuse


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one writer adds to a batch: one row of the log."""

    owner: str
    device: str
    payload: bytes
    client_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that was applied at once.

    `rows` go to the log; `effects`, in order, are for after the commit (at once where there are no
    rows); a member that can't be shown them now lacks what comes after state vector `before`.
    """

    before: bytes
    rows: tuple[Contribution, ...]
    effects: tuple[Effect, ...]
