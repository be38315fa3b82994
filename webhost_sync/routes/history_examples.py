"""What the documentation of the history shows as examples; a test holds them against their schemas."""

from __future__ import annotations

EPOCH = "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11"
VERSION = {
    "id": "5f3c1f0e-2b7d-4a67-8f0b-9b1d6f0c2a44", "seq": 4711, "kind": "named", "name": "before the move",
    "actor": "ada", "at": "2026-05-01T12:00:01.250000Z", "size": 5120, "created_at": "2026-05-01T12:03:00Z",
}  # fmt: skip
ACTIVITIES = {
    "items": [
        {
            "actor": "ada", "device": "tablet-3", "first_seq": 4690, "last_seq": 4711, "updates": 14,
            "started_at": "2026-05-01T11:58:40Z", "ended_at": "2026-05-01T12:00:01.250000Z", "bytes": 920,
            "touched": ["/rows/bus-7", "/rows/bus-9"], "touched_more": False,
        }
    ],
    "next_cursor": None,
}  # fmt: skip
STATE = {
    "name": "tables/vehicles", "epoch": EPOCH, "seq": 4711, "at": "2026-05-01T12:00:01.250000Z",
    "head_seq": 4800, "complete": True,
    "roots": {"meta": {"layout": 1}, "rows": {"bus-7": {"name": "Bus 7", "status": "active"}}},
}  # fmt: skip
CHANGES = [
    {"change": "replaced", "path": "/rows/bus-7/status", "before": "active", "after": "in repair"},
    {"change": "removed", "path": "/rows/bus-9", "before": {"name": "Bus 9"}},
    {
        "change": "text", "path": "/notes",
        "pieces": [
            {"piece": "kept", "text": "Brakes "},
            {"piece": "deleted", "text": "checked"},
            {"piece": "inserted", "text": "renewed", "formats": {"bold": True}},
        ],
    },
]  # fmt: skip
DIFFERENCE = {
    "from": {"seq": 4711, "at": "2026-05-01T12:00:01.250000Z"},
    "to": {"seq": 4800, "at": "2026-05-02T08:00:00Z"},
    "changes": CHANGES,
}
MARKS = {
    "items": [
        {
            "path": "/rows/bus-7/status", "start": None, "end": None, "seq": 4790, "actor": "ada",
            "device": "tablet-3", "at": "2026-05-02T07:41:00Z",
        },
        {
            "path": "/notes", "start": 0, "end": 7, "seq": None, "actor": None, "device": None, "at": None,
        },
    ],
    "next_cursor": None,
    "seq": 4800,
}  # fmt: skip
VERSIONS = {"items": [VERSION], "next_cursor": None}
VERSION_REQUESTS = {
    "now": {"name": "before the move"},
    "a past state": {"name": "end of April", "at": "2026-04-30T22:00:00Z"},
}
RESTORE_REQUESTS = {
    "see what would change": {"version": VERSION["id"], "preview": True},
    "the whole document": {"version": VERSION["id"]},
    "one row, as it was at a time": {"at": "2026-05-01T12:00:00Z", "path": "/rows/bus-7"},
    "one field, as it was after an update": {"at": 4711, "path": "/rows/bus-7/status"},
}
RESTORED = {
    "restored_seq": 4711, "seq": 4801, "preview": False, "complete": True, "changes": CHANGES[:1],
    "safety_version": {
        **VERSION, "id": "a7d1f1c2-0a4e-4f0e-9d55-1c8a5f8f7b10", "seq": 4800, "kind": "safety",
        "name": "before restoring seq 4711",
    },
}  # fmt: skip
