"""The documents that are open on this device, each in step with its log on disk.

The app's changes come in through pycrdt, the server's as updates from `sync` and `live`; both go to the
update log before anyone is told. Knows no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from pycrdt import Doc, Subscription, TransactionEvent

from webhost_sync.device.errors import DeviceError, DocumentRetired, Withheld
from webhost_sync.device.update_log import UpdateLog
from webhost_sync.sync.protocol import decode_state_vector
from webhost_sync.sync.update import UpdateSummary, is_ready, read_update

COMPACT_ABOVE = 64
"""Rows a document's log may have before they become one; replaying so few takes milliseconds."""


@dataclass(slots=True)
class _Open:
    doc: Doc[Any]
    subscription: Subscription | None = None
    captured: list[bytes] | None = None
    retired: bool = False


class Documents:
    """The open documents of one device.

    Invariants:
    1. A change is in the log when the call that made it returns; if it can't be stored, the call raises,
       and the copy in memory, which is now ahead of the log, is never used again.
    2. The log holds the bytes that arrived, not what pycrdt reports about them, and each row builds only
       on rows before it.
    3. A client id is drawn for each loading and written nowhere: an id that a power cut left with a lost
       tail would number two different changes alike.
    """

    def __init__(self, updates: UpdateLog, random: Random) -> None:
        self._updates = updates
        self._random = random
        self._open: dict[str, _Open] = {}

    def open(self, name: str) -> Doc[Any]:
        """Return the document, rebuilt from its log the first time. It must be known to the log."""
        if name not in self._open:
            doc: Doc[Any] = Doc(client_id=self._random.getrandbits(32))
            for update in self._updates.load(name):
                doc.apply_update(update.payload)
            opened = _Open(doc)
            opened.subscription = doc.observe(partial(self._changed, name, opened))
            self._open[name] = opened
        return self._open[name].doc

    @contextmanager
    def editing(self, name: str) -> Iterator[tuple[Doc[Any], list[int]]]:
        """Change a document in one transaction; the ids of what was logged are in the list afterwards.

        If the change or its storing fails, the log is as before and so is the next `open`.
        """
        doc, stored = self.open(name), list[int]()
        try:
            with self._capturing(name) as captured, doc.transaction():
                yield doc, stored
            stored.extend(self._updates.append(name, update, durable=False) for update in captured)
        except BaseException:
            self.retire(name)
            raise

    def receive(self, name: str, update: bytes) -> None:
        """Apply and store an update that the server has committed; one that brings nothing is not stored.

        Raises Withheld for one that pycrdt must not be given, and then nothing has changed: the server
        will send it again. NotStored when the disk refuses.
        """
        doc = self.open(name)
        _require_fit_for_pycrdt(doc, read_update(update))
        try:
            with self._capturing(name) as captured:
                doc.apply_update(update)
            if captured:
                self._updates.append(name, update, durable=True)
        except BaseException:
            self.retire(name)
            raise

    @contextmanager
    def _capturing(self, name: str) -> Iterator[list[bytes]]:
        """Collect what changes instead of logging it as the app's."""
        opened = self._open[name]
        opened.captured = captured = list[bytes]()
        try:
            yield captured
        finally:
            opened.captured = None

    def _changed(self, name: str, opened: _Open, event: TransactionEvent) -> None:
        if opened.captured is not None:
            opened.captured.append(event.update)
            return
        if opened.retired:
            raise DocumentRetired(f"document {name!r}: {DocumentRetired.__doc__}")
        try:
            self._updates.append(name, event.update, durable=False)
        except DeviceError:
            self.retire(name)
            raise

    def retire(self, name: str) -> None:
        """Use the copy in memory no more; the next `open` builds a new one from the log.

        Whoever still holds the copy can read it, but a change of it raises DocumentRetired.
        """
        opened = self._open.pop(name, None)
        if opened is not None:
            opened.retired = True

    def close(self, name: str) -> None:
        """Free the memory of a document that the app was never given; the observer would keep it."""
        opened = self._open.pop(name, None)
        if opened is not None and opened.subscription is not None:
            opened.doc.unobserve(opened.subscription)

    def retire_all(self) -> None:
        """Let no copy outlive the device unnoticed."""
        for name in list(self._open):
            self.retire(name)

    def compact(self, name: str) -> None:
        """Make one update of a long log, if the server has all of it."""
        if self._updates.size(name) > COMPACT_ABOVE and not self._updates.pending(name):
            self._updates.compact(name, self.open(name).get_update())


def _require_fit_for_pycrdt(doc: Doc[Any], summary: UpdateSummary) -> None:
    if summary.has_unsupported:
        raise Withheld("they hold content that pycrdt can't read")
    if not is_ready(decode_state_vector(doc.get_state()), summary):
        raise Withheld("they build on changes that the server does not have yet")
