"""What the writers of one batch add to the log. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from webhost_sync.sync.document import Applied
from webhost_sync.sync.effects import Contribution, Member
from webhost_sync.sync.parts import merge

Taken = tuple[Member, Applied]
"""Who brought an update, and what it was."""


def rows_of(taken: Sequence[Taken]) -> tuple[Contribution, ...]:
    """One row per writer where its updates can be merged, in the order of each one's first update."""
    by_writer: dict[tuple[str, str], list[Applied]] = {}
    for member, applied in taken:
        by_writer.setdefault((member.owner, member.device), []).append(applied)
    rows = []
    for (owner, device), parts in by_writer.items():
        client_ids = tuple(sorted({client for applied in parts for client in applied.client_ids}))
        for payload in merge(applied.part for applied in parts):
            rows.append(Contribution(owner, device, payload, client_ids))
    return tuple(rows)
