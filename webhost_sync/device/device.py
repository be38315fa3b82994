"""A field device in one object: a box on a vehicle that records positions and edits documents.

The app's fixes and documents come in, the local database and the server get them. This module only
wires the others together and says what a device is for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, Self

import httpx
from pycrdt import Doc

from webhost_sync.device.backoff import Backoff, retry_after_seconds
from webhost_sync.device.database import Database
from webhost_sync.device.documents import Documents
from webhost_sync.device.errors import DeviceError, NotStored
from webhost_sync.device.fix_log import DROPPED_BY_AGE, DROPPED_BY_COUNT, FixLog
from webhost_sync.device.live import LiveDocument
from webhost_sync.device.status import DeviceStatus, rejections
from webhost_sync.device.sync import Synchronizer, SyncReport
from webhost_sync.device.tracks import TRACKS_FORGOTTEN, Retention, Tracks
from webhost_sync.device.update_log import ShelvedCopy, UpdateLog
from webhost_sync.errors import NotAuthenticated, SyncError, TryAgain
from webhost_sync.fleet.chunk import Fix
from webhost_sync.fleet.names import validate_name


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """How a device behaves; the defaults suit a vehicle with a modem.

    `chunk_fixes` fixes make a chunk. `keep_synced` makes a pass every `pass_seconds`, sooner when a chunk
    is full, and after failures waits up to `longest_wait_seconds`. `request_seconds` limits each step of
    a request (connecting, sending, waiting), not the whole.
    """

    chunk_fixes: int = 60
    pass_seconds: float = 30.0
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 300.0
    request_seconds: float = 30.0
    retention: Retention = field(default_factory=Retention)


class Device:
    """A device's local database and its way to one server, open between `async with` and its end.

    Invariants:
    1. What `record` or a change of a document was called with is on disk when the call returns.
    2. Nothing leaves the device's care unless it is durable on the server, or the retention took it and
       counted it, or it is on the shelf.
    3. One task at a time uses it: the one that opened it, and those that run on the same event loop.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        url: str,
        credential: str,
        vehicle_id: str,
        device_id: str | None = None,
        settings: DeviceSettings | None = None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        """`device_id` is for a new file, in place of a random one: where the same fixes will be recorded
        in the same order again, as from a recording, so that they count once. A box that records what
        nobody recorded before must never be given a used one.
        """
        self._path = Path(path)
        self._url = url.rstrip("/")
        self._credential = credential
        self._vehicle_id = vehicle_id
        self._device_id = device_id
        self._settings = settings or DeviceSettings()
        self._clock = clock
        self._random = random or SystemRandom()
        self._last_error: str | None = None
        self._chunk_is_full = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open. Raises DatabaseBusy when another process has the file, DatabaseDamaged for a bad one."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            self._database = stack.enter_context(Database(self._path, self._clock, device_id=self._device_id))
            client = httpx.AsyncClient(
                base_url=self._url,
                timeout=settings.request_seconds,
                auth=self._sign,
                # Reading the machine's certificates takes 20 ms, and redirects are not followed.
                verify=self._url.startswith("https:"),
            )
            await stack.enter_async_context(client)
            self._fixes = FixLog(self._database)
            self._updates = UpdateLog(self._database)
            self._documents = Documents(self._updates, self._random)
            stack.callback(self._documents.retire_all)
            self._tracks = Tracks(
                self._database, self._fixes, self._updates, self._documents, self._vehicle_id
            )
            self._synchronizer = Synchronizer(
                self._database,
                self._updates,
                self._documents,
                self._tracks,
                client,
                settings.chunk_fixes,
                settings.retention,
            )
            # A restart is a change: the credential or the program may be another one now.
            self._updates.accept()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _sign(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._credential}"
        return request

    @property
    def device_id(self) -> str:
        """The uuid of this database; with a fix's number it names the fix for ever."""
        return self._database.device_id

    def use_credential(self, credential: str) -> None:
        """Use another key or token from the next request on, and try what was refused again."""
        self._credential = credential
        self._updates.accept()

    async def record(
        self,
        latitude: float,
        longitude: float,
        *,
        fix_time_ms: int,
        altitude_m: float | None = None,
        speed_mps: float | None = None,
        heading_deg: float | None = None,
        accuracy_m: float | None = None,
        device_time_ms: int | None = None,
        valid: bool | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> int:
        """Store one position and return its number. On disk when this returns.

        `fix_time_ms` is the receiver's time in milliseconds since 1970. Raises LayoutError, naming the
        field, for a value that can't be a position's, NotStored when the disk refuses.
        """
        fix = Fix(
            0,
            fix_time_ms,
            latitude,
            longitude,
            altitude_m,
            speed_mps,
            heading_deg,
            accuracy_m,
            device_time_ms,
            valid,
            attributes or {},
        )
        sequence = self._tracks.record(fix)
        if sequence % self._settings.chunk_fixes == 0:
            self._chunk_is_full.set()
        return sequence

    def document(self, name: str) -> Doc[Any]:
        """Return a document to read and change; it is synced from now on.

        A change that can't be stored raises from the call that made it, as pycrdt's ExceptionGroup with
        NotStored inside; the copy is then retired and this gives a new one. Raises InvalidRequest for a
        name that is not allowed.
        """
        self._updates.add(validate_name(name), wanted=True)
        return self._documents.open(name)

    async def sync(self) -> SyncReport:
        """Make one pass over HTTP: everything pending up, everything wanted down.

        Raises TryAgain when the network or the server is away, NotAuthenticated for a credential that
        isn't taken, NotStored when the disk is full. Nothing is lost by any of them.
        """
        return await self._noting(self._synchronizer.sync_once)

    async def verify(self) -> SyncReport:
        """Ask the server about every document on the device, and send it what it lost. Raises as `sync`.

        `sync` does it by itself when a document shows that the server was restored from a backup.
        """
        return await self._noting(self._synchronizer.verify)

    async def keep_synced(self) -> None:
        """Make passes until cancelled: one each `pass_seconds`, and one when a chunk is full.

        After a failure it waits, longer each time: for the network, the server, another credential, or
        room on the disk. `status.last_error` says which.
        """
        backoff = self._backoff()
        while True:
            self._chunk_is_full.clear()
            try:
                await self.sync()
            except (TryAgain, NotAuthenticated) as error:
                await asyncio.sleep(backoff.failed(retry_after_seconds(error)))
            except NotStored:
                await asyncio.sleep(backoff.failed())
            else:
                backoff.succeeded()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._chunk_is_full.wait(), self._settings.pass_seconds)

    async def keep_live(self, *names: str) -> None:
        """Keep documents in step over WebSockets until cancelled, or until all of them are refused.

        For when the radio is good and the app wants to see changes as they happen; fixes go by
        `keep_synced`, which may run beside it. Raises NotAuthenticated for a credential that isn't taken.
        """
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                self.document(name)
                live = LiveDocument(
                    name,
                    self._url,
                    lambda: self._credential,
                    self._documents,
                    self._updates,
                    self._synchronizer,
                    self._backoff(),
                )
                tasks.create_task(live.run())

    def retry(self, name: str) -> None:
        """Try a rejected document again in the next pass."""
        self._updates.accept(name)

    def shelf(self) -> list[ShelvedCopy]:
        """The copies that belong to an earlier history of their document, whole, for the app to look at."""
        return self._updates.shelved()

    def discard_shelved(self, shelf_id: int) -> None:
        """Delete one copy from the shelf for good."""
        self._updates.discard_shelved(shelf_id)

    @property
    def status(self) -> DeviceStatus:
        """What is stored, what is durable and what went wrong, read from the database now."""
        fixes, records = self._fixes.counts(), self._updates.records()
        oldest = [record.oldest_pending_at for record in records] + [fixes.oldest_at]
        latest = [record.last_durable_at for record in records]
        return DeviceStatus(
            device_id=self.device_id,
            recorded_fixes=fixes.recorded,
            pending_fixes=fixes.pending,
            dropped_by_age=self._database.counter(DROPPED_BY_AGE),
            dropped_by_count=self._database.counter(DROPPED_BY_COUNT),
            pending_updates={record.name: record.pending for record in records if record.pending},
            oldest_pending_at=min((time for time in oldest if time is not None), default=None),
            last_durable_at=max((time for time in latest if time is not None), default=None),
            rejected=rejections(records),
            shelved_copies=len(self._updates.shelved()),
            server_rollbacks=self._updates.rollbacks,
            tracks_forgotten=self._database.counter(TRACKS_FORGOTTEN),
            last_error=self._last_error,
        )

    def _backoff(self) -> Backoff:
        return Backoff(self._random, self._settings.first_wait_seconds, self._settings.longest_wait_seconds)

    async def _noting(self, work: Callable[[], Awaitable[SyncReport]]) -> SyncReport:
        try:
            report = await work()
        except (SyncError, DeviceError) as error:
            self._last_error = str(error)
            raise
        self._last_error = next((str(error) for error in report.failed.values()), None)
        return report
