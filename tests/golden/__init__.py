"""What the real npm packages put on the wire; `make_frames.mjs` writes the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GoldenUpdate:
    """An update of Yjs, and the state vector of a document that has it alone (None: it has gaps)."""

    name: str
    update: bytes
    state_vector: bytes | None


@dataclass(frozen=True, slots=True)
class GoldenHalved:
    """Edits that cut surrogate pairs in two, one update each, and the text `t` that Yjs has then."""

    name: str
    updates: tuple[bytes, ...]
    text: str
    state_vector: bytes


@dataclass(frozen=True, slots=True)
class GoldenReturn:
    """The frames of a client's presence, of its leave, of its claim to be there, and of its answer."""

    first: bytes
    leave: bytes
    claim: bytes
    answer: bytes
    seen_after_claim: bool
    seen_after_answer: bool
    renewals_until_seen: dict[str, int]


_golden = json.loads((Path(__file__).parent / "frames.json").read_text())

FRAMES: dict[str, bytes] = {entry["name"]: bytes.fromhex(entry["frame"]) for entry in _golden["frames"]}
UPDATES: tuple[GoldenUpdate, ...] = tuple(
    GoldenUpdate(
        entry["name"],
        bytes.fromhex(entry["update"]),
        None if entry["state_vector"] is None else bytes.fromhex(entry["state_vector"]),
    )
    for entry in _golden["updates"]
)
HALVED: tuple[GoldenHalved, ...] = tuple(
    GoldenHalved(
        entry["name"],
        tuple(map(bytes.fromhex, entry["updates"])),
        entry["text"],
        bytes.fromhex(entry["state_vector"]),
    )
    for entry in _golden["halved"]
)
_return = _golden["return_of_a_client"]
RETURN = GoldenReturn(
    bytes.fromhex(_return["first"]),
    bytes.fromhex(_return["leave"]),
    bytes.fromhex(_return["claim"]),
    bytes.fromhex(_return["answer"]),
    _return["seen_after_claim"],
    _return["seen_after_answer"],
    _return["renewals_until_seen"],
)


@dataclass(frozen=True, slots=True)
class GoldenHeard:
    """A frame of a server to the document `depot`, and the event that real providers make of it."""

    name: str
    frame: bytes
    event: str | None


_collab = json.loads((Path(__file__).parent / "collab_frames.json").read_text())
COLLAB_SENT: dict[str, bytes] = {entry["name"]: bytes.fromhex(entry["frame"]) for entry in _collab["sent"]}
COLLAB_HEARD: tuple[GoldenHeard, ...] = tuple(
    GoldenHeard(entry["name"], bytes.fromhex(entry["frame"]), entry["event"]) for entry in _collab["heard"]
)
