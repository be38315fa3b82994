"""Follows the log: projects every document that has changed, and keeps the rows of all tenants up to date.

Changes come in from other processes as notifications, which wake it, and by looking now and then; rows
go out to the store, each document's in one transaction with its checkpoint, so that a process that is
killed anywhere leaves work undone but never half done. Several projectors share the work: each takes
documents of vehicles that no other one is at.

What it does with documents in a special state: one in quarantine keeps its rows and its checkpoint, so
that the lag shows; one that is deleted loses its rows; one that can't be projected is recorded, and is
tried again later and later, while the others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

import structlog

from store.changes_contract import Change, Changes, Missed
from store.contract import Unavailable, UpdateLog
from store.fleet_contract import FleetStore, ProjectionStatus, Target
from webhost_sync.config import MIB, Settings
from webhost_sync.fleet.document_projection import DocumentProjection, Memory
from webhost_sync.fleet.fence_events import go_through_fences
from webhost_sync.fleet.gone import clear_gone
from webhost_sync.fleet.replicas import Replicas

logger = structlog.get_logger(__name__)

CACHE_BYTES = 64 * MIB
GATHER = 0.05
"""Seconds between two rounds: what arrives meanwhile is projected together."""
FIRST_RETRY = 0.1
LONGEST_RETRY = 5.0
MAX_NOTED = 10_000
SWEEP = 1000
"""Documents that one look through all of them yields at most."""
SWEEP_SHARE = 20
"""Looking through all documents takes at most one part in so many of the time."""


class Projector:
    """One process's share of the projection, entered with `async with`.

    Invariants:
    1. A document's rows and its checkpoint change together.
    2. What fails, fails for one document; only a database that is away makes all of them wait.
    3. What is kept in memory is bounded, and never needed.
    """

    def __init__(
        self,
        fleet: FleetStore,
        log: UpdateLog,
        changes: Changes,
        settings: Settings,
        *,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._fleet = fleet
        self._changes = changes
        self._interval = settings.projection_interval
        self._replicas: Replicas[Memory] = Replicas(log, cache_bytes)
        self._projection = DocumentProjection(fleet, self._replicas, settings.future_tolerance)
        self._noted: set[int] = set()
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._replicas.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._replicas.__aexit__(kind, error, trace)

    async def run(self) -> None:
        """Follow the log until cancelled. Raises: SchemaOutdated."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._follow())
            group.create_task(self._follow_vehicles())

    async def catch_up(self) -> int:
        """Project everything that is behind, and return how many documents that were.

        Documents that another projector is at are waited for; those that failed lately are not.
        Raises: Unavailable, SchemaOutdated.
        """
        count = 0
        await clear_gone(self._fleet, self._projection.latest_rule)
        while targets := await self._fleet.behind():
            projected = await self._project(targets)
            count += projected
            if not projected:
                await asyncio.sleep(GATHER)
        await go_through_fences(self._fleet, self._projection.latest_rule)
        return count

    async def status(self) -> ProjectionStatus:
        """How far the rows are behind. Raises: Unavailable."""
        return await self._fleet.status()

    async def _listen(self) -> None:
        """Note what changes, and listen again whenever that breaks; the sweep finds what was missed."""
        retry = FIRST_RETRY
        while True:
            try:
                async with self._changes.listen() as changes:
                    retry = FIRST_RETRY
                    async for change in changes:
                        self._note(change)
            except Unavailable as error:
                logger.warning("projector can't listen", why=str(error))
                await asyncio.sleep(retry)
                retry = min(2 * retry, LONGEST_RETRY)

    def _note(self, change: Change | Missed) -> None:
        if isinstance(change, Missed):
            return  # the sweep finds it
        # A name that was too long for its notification is empty.
        if change.name.startswith(("tables/", "track/")) or not change.name:
            if len(self._noted) < MAX_NOTED:
                self._noted.add(change.document_id)
            self._woken.set()

    async def _follow(self) -> None:
        """Round after round: what was noted, and now and then whatever is behind."""
        retry, sweep_at = FIRST_RETRY, 0.0
        while True:
            try:
                started = time.monotonic()
                if started >= sweep_at:
                    sweep_at = started + await self._sweep()
                noted, self._noted = self._noted, set()
                if noted:
                    await self._project(await self._fleet.behind(documents=noted, limit=len(noted)))
                    self._moved.set()
                retry = FIRST_RETRY
            except Unavailable as error:
                logger.warning("projector waits for the database", why=str(error))
                await asyncio.sleep(retry)
                retry = min(2 * retry, LONGEST_RETRY)
                continue
            await asyncio.sleep(GATHER)
            await self._wait(sweep_at)

    async def _follow_vehicles(self) -> None:
        """Have those that moved go through the fences. Beside the documents and not between them: after a
        change of a fence, that is every vehicle of its tenant with all of its past."""
        retry = FIRST_RETRY
        while True:
            await self._moved.wait()
            self._moved.clear()
            try:
                await go_through_fences(self._fleet, self._projection.latest_rule)
                retry = FIRST_RETRY
            except Unavailable as error:
                logger.warning("projector waits for the database", why=str(error))
                self._moved.set()
                await asyncio.sleep(retry)
                retry = min(2 * retry, LONGEST_RETRY)

    async def _wait(self, until: float) -> None:
        """Until something is noted, or that time."""
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _sweep(self) -> float:
        """Project what is behind; returns how many seconds after its start to look again."""
        started = time.monotonic()
        await clear_gone(self._fleet, self._projection.latest_rule)
        targets = await self._fleet.behind(limit=SWEEP)
        took = time.monotonic() - started
        await self._project(targets)
        self._moved.set()
        return 0.0 if len(targets) == SWEEP else max(self._interval, SWEEP_SHARE * took)

    async def _project(self, targets: Collection[Target]) -> int:
        """Project each that nobody else is at; returns how many were."""
        projected = 0
        for target in targets:
            projected += await self._project_one(target)
        return projected

    async def _project_one(self, target: Target) -> bool:
        try:
            async with self._fleet.turn(target) as turn:
                if turn is None:
                    return False
                writer, current = turn
                if not current.is_behind:
                    return False
                memory = await self._projection.project(writer, current)
        # Whatever is wrong with this document, or with the code that reads it, the others must go on.
        # If it is the database that is away, this fails as well, and ends the round.
        except Exception as error:
            self._replicas.drop(target.document_id)
            why = f"{type(error).__name__}: {error}"
            logger.warning(
                "document not projected",
                tenant=target.tenant_id,
                document=target.name,
                seq=target.head_seq,
                why=why,
            )
            await self._fleet.put_failure(target, why)
            return False
        if memory is not None:
            self._projection.remember(target, memory)
        return True
