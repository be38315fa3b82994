"""Hostile bytes: whatever a stranger sends ends as messages or as one refusal."""

from __future__ import annotations

from random import Random

from tests.golden import FRAMES, UPDATES
from tests.mutation import mutations, update_mutations
from webhost_sync.errors import MalformedUpdate, ProtocolError
from webhost_sync.sync.protocol import (
    Message,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode,
    decode_state_vector,
    encode,
)
from webhost_sync.sync.update import is_ready, read_update

SEED = 20_240
FRAME_SEEDS = [*FRAMES.values(), *(encode(SyncUpdate(golden.update)) for golden in UPDATES)]


def read_whole(message: Message) -> None:
    """Read what is inside a message as a room does."""
    if isinstance(message, SyncStep1):
        decode_state_vector(message.state_vector)
    elif isinstance(message, SyncStep2 | SyncUpdate):
        is_ready({}, read_update(message.update))


def test_hostile_frames_are_messages_or_refused() -> None:
    accepted = refused = 0
    for frame in mutations(FRAME_SEEDS, Random(SEED), 20_000):
        try:
            for message in decode(frame):
                read_whole(message)
            accepted += 1
        except ProtocolError:
            refused += 1
    # Both, or the mutations would try one side of the decoder only.
    assert accepted > 500
    assert refused > 5_000


def test_hostile_updates_are_read_or_refused() -> None:
    accepted = refused = 0
    for update in update_mutations([golden.update for golden in UPDATES], Random(SEED), 20_000):
        try:
            read_update(update)
            accepted += 1
        except MalformedUpdate:
            refused += 1
    assert accepted > 2_000
    assert refused > 5_000


def test_the_same_seed_makes_the_same_frames() -> None:
    first, second = (list(mutations(FRAME_SEEDS, Random(SEED), 50)) for _ in range(2))
    assert first == second
