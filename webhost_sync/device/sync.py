"""Brings the device and the server together over plain HTTP, one round trip a document.

What is pending comes from the update log, answers go back into it. Knows no WebSocket.

A pass goes: the newest fixes first, so that the server sees where the vehicle is now; then whatever else
is pending, newest first, and the documents the app wants; then the backlog of fixes from the newest to
the oldest, in batches that double while the radio bears them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from webhost_sync.device.database import Database
from webhost_sync.device.documents import Documents
from webhost_sync.device.errors import Unreachable
from webhost_sync.device.tracks import Retention, Tracks
from webhost_sync.device.update_log import DocumentRecord, UpdateLog
from webhost_sync.device.wire import (
    EPOCH_HEADER,
    MEDIA_TYPE,
    NEVER_SYNCED,
    SyncAnswer,
    read_answer,
    read_error,
    sync_path,
    write_request,
)
from webhost_sync.errors import (
    ClientFault,
    Draining,
    NotAuthenticated,
    StoreUnavailable,
    SyncError,
    TooManyRequests,
    TryAgain,
    WrongEpoch,
)

MAX_CHUNKS = 32
"""Chunks of the largest batch: about 2,000 fixes or 20 kB, seconds even on a bad radio."""

ROUND_TRIPS = 4
"""Round trips a document gets in one pass before it has to wait: a server that was restored from a
backup needs two, and two more if the document was made anew meanwhile."""

_ENDS_THE_PASS = (Unreachable, TooManyRequests, StoreUnavailable, Draining, NotAuthenticated)
"""What the next document would only meet again. Other failures are one document's own."""


@dataclass(slots=True)
class SyncReport:
    """What a pass did: documents that were exchanged, and those that failed, with the reason."""

    exchanged: list[str] = field(default_factory=list)
    failed: dict[str, SyncError] = field(default_factory=dict)


class Synchronizer:
    """The passes of one device; one at a time.

    Invariants:
    1. An update becomes durable only by an answer whose state vector covers it; a lost answer costs a
       repeated request, whose content the server already has.
    2. What is sent is what the server lacked when it last answered, never what was not sent yet.
    3. One document's permanent refusal is kept with its reason and stops no other document.
    """

    def __init__(
        self,
        database: Database,
        updates: UpdateLog,
        documents: Documents,
        tracks: Tracks,
        client: httpx.AsyncClient,
        chunk_fixes: int,
        retention: Retention,
    ) -> None:
        self._database = database
        self._updates = updates
        self._documents = documents
        self._tracks = tracks
        self._client = client
        self._chunk_fixes = chunk_fixes
        self._retention = retention
        self._one_pass = asyncio.Lock()

    async def sync_once(self) -> SyncReport:
        """Exchange everything that is pending or wanted.

        Raises what ended the pass early: TryAgain for the network or a busy server, NotAuthenticated
        for a credential the server doesn't take. What was confirmed before stays confirmed.
        """
        report = SyncReport()
        async with self._one_pass:
            self._tracks.tidy(self._retention)
            self._tracks.fold_newest(self._chunk_fixes, 1)
            for record in self._updates.records():
                if record.rejected_code is None and (record.pending or record.wanted):
                    await self._attempt(record.name, report)
            chunks = 1
            while (name := self._tracks.fold_newest(self._chunk_fixes, chunks)) is not None:
                await self._attempt(name, report)
                chunks = min(chunks * 2, MAX_CHUNKS)
            if self._updates.is_server_in_doubt:
                # It may also have lost documents for which nothing is pending. Only a pass that ends
                # well ends the doubt, so a broken connection doesn't.
                await self._ask_about_all(report)
        return report

    async def verify(self) -> SyncReport:
        """Ask about every document on the device, also those believed durable.

        Finds out whether a server was restored from a backup, and sends it what it lost.
        """
        report = SyncReport()
        async with self._one_pass:
            await self._ask_about_all(report)
        return report

    async def _ask_about_all(self, report: SyncReport) -> None:
        for record in self._updates.records():
            if record.rejected_code is None and record.name not in report.exchanged:
                await self._attempt(record.name, report)
        self._updates.trust_server()

    async def exchange_once(self, name: str) -> None:
        """Exchange one document now. Raises SyncError, also when the document was rejected by it."""
        report = SyncReport()
        async with self._one_pass:
            await self._attempt(name, report)
        if name in report.failed:
            raise report.failed[name]

    async def _attempt(self, name: str, report: SyncReport) -> None:
        try:
            await self._exchange(name)
            report.exchanged.append(name)
        except _ENDS_THE_PASS:
            raise
        except ClientFault as fault:
            self._updates.reject(name, fault.code, str(fault))
            report.failed[name] = fault
        except TryAgain as error:
            report.failed[name] = error
        finally:
            self._tracks.used(name)

    async def _exchange(self, name: str) -> None:
        """Repeat round trips until the server has what the device had when they began."""
        for _ in range(ROUND_TRIPS):
            try:
                if await self._round_trip(name):
                    self._documents.compact(name)
                    return
            except WrongEpoch as fault:
                self.start_anew(name, str(fault))
        raise TryAgain("the server answers, but does not hold what it was sent", document=name)

    async def _round_trip(self, name: str) -> bool:
        """Send what the server lacked last, take in its answer; tell whether it has all of that."""
        record = self._updates.record(name)
        doc = self._documents.open(name)
        through = self._updates.last_id(name)
        update = doc.get_update(record.server_state_vector) if record.pending else b""
        answer, epoch = await self._post(record, write_request(doc.get_state(), update))
        self._updates.acknowledge(name, through=through, epoch=epoch, server_state_vector=answer.state_vector)
        if answer.diff:
            self._documents.receive(name, answer.diff)
        return all(update.id > through for update in self._updates.pending(name))

    def start_anew(self, name: str, reason: str) -> None:
        """Put a copy of another history aside and begin with an empty one."""
        self._updates.shelve(name, self._documents.open(name).get_update(), reason)
        self._documents.retire(name)

    async def _post(self, record: DocumentRecord, body: bytes) -> tuple[SyncAnswer, str | None]:
        headers = {"Content-Type": MEDIA_TYPE, EPOCH_HEADER: record.epoch or NEVER_SYNCED}
        try:
            response = await self._client.post(sync_path(record.name), content=body, headers=headers)
        except httpx.RequestError as error:
            raise Unreachable(f"{type(error).__name__} {error}".rstrip()) from error
        if response.status_code != 200:
            raise read_error(response.status_code, response.content, response.headers.get("Retry-After"))
        epoch = response.headers.get(EPOCH_HEADER)
        if record.epoch is not None and epoch not in (None, record.epoch):
            raise WrongEpoch("the server answered for another one", document=record.name)
        return read_answer(response.content), epoch
