"""What the documentation of documents' lives shows as examples; a test holds them against their schemas."""

from __future__ import annotations

EPOCH = "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11"
LIFE = {"name": "notes", "epoch": EPOCH, "head_seq": 42, "state": "active", "demands_epoch": False}
RENEWED = {**LIFE, "epoch": "5f3c1f0e-2b7d-4a67-8f0b-9b1d6f0c2a44", "demands_epoch": True}
DELETED = {
    "name": "notes", "epoch": EPOCH, "head_seq": 42, "deleted_at": "2026-05-01T12:00:00Z",
    "deleted_by": "ada", "purge_at": "2026-05-31T12:00:00Z", "purged_at": None,
}  # fmt: skip
DAMAGE = {
    "part": "update", "seq": 17, "reason": "the checksum is wrong", "size": 214, "checksum": 1104745215,
    "found": -98761234, "actor": "ada", "at": "2026-04-30T08:12:00Z",
}  # fmt: skip
DIAGNOSIS = {
    "name": "notes", "epoch": EPOCH, "head_seq": 42, "state": "quarantined",
    "reason": "document 7: update 17 is damaged: the checksum is wrong", "damages": [DAMAGE], "aside": [],
    "events": [
        {
            "action": "quarantined", "actor": "server", "at": "2026-05-01T12:00:00Z",
            "detail": {"seq": 17, "reason": "document 7: update 17 is damaged: the checksum is wrong"},
        }
    ],
}  # fmt: skip
RELEASED = {**LIFE, "aside": [DAMAGE]}
TOMBSTONES = {
    "items": [
        {
            "name": "notes", "epoch": EPOCH, "head_seq": 42, "created_at": "2026-03-01T12:00:00Z",
            "deleted_at": "2026-05-01T12:00:00Z", "deleted_by": "ada", "purged_at": "2026-05-31T12:00:00Z",
            "purged_by": "retention",
        }
    ],
    "next_cursor": None,
}  # fmt: skip
