"""Which archives may go: entries and rules in, names out. Pure.

A whole backup and the increments on it are one chain, and stand or fall together: an increment without what
it builds on is worth nothing. Copies of one tenant were asked for by hand, and are never deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webhost_sync.backup.shelf import Entry


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks and months keep their newest chain. All 0: everything stays."""

    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    @property
    def everything(self) -> bool:
        return not (self.daily or self.weekly or self.monthly)


def chains(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Whole backups with their increments, oldest first; an increment belongs to the whole one before it."""
    found: list[list[Entry]] = []
    for entry in sorted(entries, key=lambda each: each.name):
        if entry.kind == "full":
            found.append([entry])
        elif entry.kind == "incr" and found:
            found[-1].append(entry)
    return found


def expired(entries: Sequence[Entry], keep: Keep) -> list[str]:
    """The names that may go, oldest first. The newest chain always stays."""
    if keep.everything:
        return []
    found = chains(entries)
    kept = {len(found) - 1}
    rules = ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m"))
    for count, form in rules:
        periods: dict[str, int] = {}
        for index, chain in enumerate(found):
            periods[f"{chain[-1].moment:{form}}"] = index
        kept.update(sorted(periods.values())[-count:] if count else ())
    return [entry.name for index, chain in enumerate(found) if index not in kept for entry in chain]
