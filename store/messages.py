"""What processes say to each other, as text: the channels, and how each message is written and read.

Knows no connection and no database. What a program of another version says is refused, with ValueError.
"""

from __future__ import annotations

import json
from uuid import UUID

from store.changes_contract import Change, LatestMoved, LevelWanted, LifeChanged, RightsChanged

LOG_CHANNEL = "webhost_log"
ACCESS_CHANNEL = "webhost_access"
LIVES_CHANNEL = "webhost_lives"
LATEST_CHANNEL = "webhost_latest"
LEVELS_CHANNEL = "webhost_levels"
LEVELS = frozenset({"", "debug", "info", "warning", "error"})
MAX_PAYLOAD_BYTES = 7900  # Postgres refuses 8000

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_change(change: Change) -> str:
    """`[tenant_id, document_id, first_seq, last_seq, name]`; the name is left empty where it is too long."""
    numbers = [change.tenant_id, change.document_id, change.first_seq, change.last_seq]
    text = _encode([*numbers, change.name])
    return text if len(text.encode()) <= MAX_PAYLOAD_BYTES else _encode([*numbers, ""])


def decode_change(payload: str) -> Change:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(document_id), int(first_seq), int(last_seq), str(name)]:
            return Change(tenant_id, document_id, name, first_seq, last_seq)
    raise ValueError(f"no change: {payload[:100]}")


def encode_rights(changed: RightsChanged) -> str:
    """`[tenant_id, key_id]`."""
    return _encode([changed.tenant_id, str(changed.key_id)])


def decode_rights(payload: str) -> RightsChanged:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), str(key_id)]:
            return RightsChanged(tenant_id, UUID(key_id))
    raise ValueError(f"no change of rights: {payload[:100]}")


def encode_life(changed: LifeChanged) -> str:
    """`[tenant_id, document_id, name]`."""
    return _encode([changed.tenant_id, changed.document_id, changed.name])


def decode_life(payload: str) -> LifeChanged:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(document_id), str(name)]:
            return LifeChanged(tenant_id, document_id, name)
    raise ValueError(f"no change of a document's life: {payload[:100]}")


def encode_latest(moved: LatestMoved) -> str:
    """`[tenant_id, version]`."""
    return _encode([moved.tenant_id, moved.version])


def decode_latest(payload: str) -> LatestMoved:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(version)]:
            return LatestMoved(tenant_id, version)
    raise ValueError(f"no move of latest positions: {payload[:100]}")


def decode_level(payload: str) -> LevelWanted:
    """Raises: ValueError (from a program that speaks another version)."""
    if payload not in LEVELS:
        raise ValueError(f"no log level: {payload[:100]}")
    return LevelWanted(payload)
