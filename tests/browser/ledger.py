"""Keeps the books of a page that writes without end (`js-sdk/test/browser/writer.js`): what it was going to
write, what its promises said, what was called durable. Later the rows of the device, of the document's log
and of SQL are held against it. Knows no browser and no database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LANES = 2


@dataclass
class Ledger:
    """The books of one device. Invariants: 1. `expected` is what all confirmed writes together make. 2. A
    write is open from its announcement until its promise resolves, or until `settle` sees what became of it.
    """

    expected: dict[int, int] = field(default_factory=dict)
    """Serial number of each row to the number of the write that it shows."""
    confirmed: int = 0
    confirmed_fixes: int = 0
    lost_fixes: int = 0
    """Fixes that were announced and never confirmed: each may be there or not."""
    durable_reports: int = 0
    kept: int = 0
    undone: int = 0
    next_op: int = LANES
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _open: dict[int, dict[str, Any]] = field(default_factory=dict)
    _changed: dict[int, list[tuple[int, bool]]] = field(default_factory=dict)
    """Each write of a row, with whether it deleted it; announced ones too, because they may have happened."""
    _durable: dict[int, int] = field(default_factory=dict)
    """Serial number of each row to the last write of it that was called durable."""
    _history: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def report(self, said: dict[str, Any]) -> None:
        """Take a report of the page."""
        if "begin" in said:
            self._begin(said["begin"], said)
        elif "done" in said:
            self._confirm(said["done"])
        else:
            self._call_durable(said["lane"], said["durable"])
        self._news.set()

    async def next_report(self, writing: asyncio.Future[Any]) -> None:
        """Wait for the page's next report; `writing` is what it is at, and must go on."""
        self._news.clear()
        news = asyncio.ensure_future(self._news.wait())
        await asyncio.wait([news, writing], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        assert not writing.done(), f"the page has stopped: {writing}"

    def settle(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Hold the rows of the device against the books, after the page was killed or has stopped.

        Raises:
            AssertionError: something confirmed is missing, something is there twice or was never written, or
                a write that nobody heard of again happened by half.
        """
        listed = [(row["serial"], row["op"]) for row in rows]
        shown = dict(listed)
        assert len(shown) == len(listed), f"doubled: {sorted(listed)}"
        for op, said in sorted(self._open.items()):
            if said.get("fix"):
                self.lost_fixes += 1
                continue
            effects = [shown.get(change["serial"]) == _after(change) for change in said["changes"]]
            assert all(effects) or not any(effects), f"write {op} happened by half: {said}"
            if all(effects):
                self.kept += 1
                self._apply(said["changes"])
            else:
                self.undone += 1
        self._open.clear()
        assert shown == self.expected

    def assert_durable(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold the committed rows against what was called durable: there is nothing older than that."""
        shown = {int(row["serial"]): int(row["op"]) for row in rows.values()}
        for serial, durable in self._durable.items():
            gone_since = any(gone and op >= durable for op, gone in self._changed[serial])
            has = shown.get(serial)
            assert has is not None or gone_since, f"row {serial} was durable and is missing"
            assert has is None or has >= durable or gone_since, f"row {serial}: {has} is older than {durable}"

    def assert_complete(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold the committed rows against the books, when nothing is open and nothing pending."""
        assert {int(row["serial"]): int(row["op"]) for row in rows.values()} == self.expected

    def _begin(self, op: int, said: dict[str, Any]) -> None:
        self._open[op] = said
        self.next_op = max(self.next_op, (op // LANES + 1) * LANES)
        for change in said.get("changes", ()):
            self._changed.setdefault(change["serial"], []).append((op, bool(change.get("gone"))))

    def _confirm(self, op: int) -> None:
        said = self._open.pop(op)
        self.confirmed += 1
        if said.get("fix"):
            self.confirmed_fixes += 1
            return
        self._apply(said["changes"])
        self._history[op] = said["changes"]

    def _apply(self, changes: Iterable[Mapping[str, Any]]) -> None:
        for change in changes:
            if change.get("gone"):
                self.expected.pop(change["serial"], None)
            else:
                self.expected[change["serial"]] = change["op"]

    def _call_durable(self, lane: int, before: int) -> None:
        self.durable_reports += 1
        for op in [op for op in self._history if op % LANES == lane and op < before]:
            for change in self._history.pop(op):
                self._durable[change["serial"]] = op


def _after(change: Mapping[str, Any]) -> int | None:
    return None if change.get("gone") else int(change["op"])
