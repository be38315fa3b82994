"""The overview of one space: health, what is live, how fast, how far behind, how much, and what is wrong.

Numbers of the database are asked for at most once in `FRESH` seconds and space, however many look.
The thresholds of alerts are those of an operator's first look, not promises.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from store.contract import Unavailable
from store.probe import DatabaseProbe
from store.stats import COUNTED, DatabaseLoad, SpaceStats, Stats
from webhost_sync.admin.models import Alert, Load, Overview, Projection, Storage, Traffic
from webhost_sync.machine import memory_share
from webhost_sync.metrics import STEP, Bucket, Recorder, per_second, quantile
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections

FRESH = 2.0
"""Seconds for which numbers of the database are good."""
MAX_SPACES = 1000
LAST_MINUTE, LAST_FIVE_MINUTES = int(60 / STEP), int(300 / STEP)
SERIES = 120
"""Buckets that are drawn: ten minutes."""

SLOW_RESPONSE_MS = 500.0
MANY_ERRORS_PERCENT = 5.0
MANY_CONNECTIONS_PERCENT = 80.0
FULL_MEMORY_PERCENT = 85.0
LONG_LAG_SECONDS = 30.0
FEW_ANSWERS = 20
"""So few answers in five minutes have no error rate and no response time worth an alert."""


class Overviews:
    """Makes overviews for whoever looks."""

    def __init__(
        self, stats: Stats, recorder: Recorder, hub: Hub, live: LiveConnections, probe: DatabaseProbe
    ) -> None:
        self._stats = stats
        self._recorder = recorder
        self._hub = hub
        self._live = live
        self._probe = probe
        self._known: OrderedDict[int, tuple[float, SpaceStats, DatabaseLoad]] = OrderedDict()
        self._asking: dict[int, asyncio.Lock] = {}

    async def of(self, tenant_id: int) -> Overview:
        """The space now. Answers also while the database is away, with what is known without it."""
        finding = await self._probe.ask()
        stats, database = None, None
        if finding.problem is None:
            with suppress(Unavailable):  # away since the probe looked: the next look will say so
                stats, database = await self._numbers(tenant_id)
        hub = self._hub.status()
        status: Literal["healthy", "degraded", "unhealthy"] = "degraded" if hub.draining else "healthy"
        if finding.problem is not None or hub.failing_rooms:
            status = "unhealthy"
        now = time.monotonic()
        load = self._load(now, database)
        enough = _count(self._recorder.requests.last(now, LAST_FIVE_MINUTES)) >= FEW_ANSWERS
        problem = finding.problem
        return Overview(
            status=status,
            database="connected" if problem is None else f"unavailable: {problem}",
            connections=len(self._live.of_tenant(tenant_id)),
            rooms=self._hub.rooms_of(tenant_id),
            alerts=alerts(problem, hub.failing_rooms, load, stats, judges_answers=enough),
            traffic=self._traffic(tenant_id, now),
            load=load,
            projection=None if stats is None else _projection(stats),
            storage=None if stats is None else _storage(stats),
            at=datetime.now(UTC),
        )

    async def _numbers(self, tenant_id: int) -> tuple[SpaceStats, DatabaseLoad]:
        lock = self._asking.setdefault(tenant_id, asyncio.Lock())
        async with lock:
            known = self._known.get(tenant_id)
            if known is None or time.monotonic() - known[0] > FRESH:
                stats, load = await self._stats.of_space(tenant_id), await self._stats.load()
                known = (time.monotonic(), stats, load)
                self._known[tenant_id] = known
                self._known.move_to_end(tenant_id)
                while len(self._known) > MAX_SPACES:
                    forgotten, _ = self._known.popitem(last=False)
                    self._asking.pop(forgotten, None)
        return known[1], known[2]

    def _traffic(self, tenant_id: int, now: float) -> Traffic:
        ring = self._recorder.commits(tenant_id)
        minute, recent = ring.last(now, LAST_MINUTE)[:-1], ring.last(now, LAST_FIVE_MINUTES)
        drawn = ring.last(now, SERIES)
        return Traffic(
            updates_per_second=round(sum(per_second(minute)) / max(len(minute), 1), 2),
            commit_ms_median=_milliseconds(quantile(recent, 0.5)),
            commit_ms_p95=_milliseconds(quantile(recent, 0.95)),
            step_seconds=STEP,
            updates_series=per_second(drawn),
            commit_ms_series=[round(bucket.longest * 1000, 2) for bucket in drawn],
        )

    def _load(self, now: float, database: DatabaseLoad | None) -> Load:
        requests = self._recorder.requests
        recent, memory = requests.last(now, LAST_FIVE_MINUTES), memory_share()
        count = _count(recent)
        return Load(
            response_ms_p95=_milliseconds(quantile(recent, 0.95)),
            error_percent=round(100 * sum(b.failed for b in recent) / count, 2) if count else None,
            database_connections_percent=(
                None
                if database is None
                else round(100 * database.connections / max(database.max_connections, 1), 1)
            ),
            memory_percent=None if memory is None else round(100 * memory, 1),
            response_ms_series=[
                _milliseconds(quantile([bucket], 0.95)) or 0.0 for bucket in requests.last(now, SERIES)
            ],
        )


def alerts(
    problem: str | None,
    failing_rooms: int,
    load: Load,
    stats: SpaceStats | None,
    *,
    judges_answers: bool = True,
) -> list[Alert]:
    """What an admin should look at, the worst first. Pure."""
    found: list[Alert] = []
    if problem is not None:
        found.append(Alert(name="database", severity="critical", message=f"The database has {problem}."))
    if failing_rooms:
        message = f"Commits are waiting for the database: {_documents(failing_rooms)}."
        found.append(Alert(name="commits", severity="critical", message=message))
    limits: tuple[tuple[Literal["response_time", "error_rate", "database_connections", "memory"],
                        float | None, float, str, str], ...] = (
        ("response_time", load.response_ms_p95 if judges_answers else None, SLOW_RESPONSE_MS, "ms",
         "Answers are slow: 5 % took longer than"),
        ("error_rate", load.error_percent if judges_answers else None, MANY_ERRORS_PERCENT, "%",
         "Requests fail: in the last five minutes"),
        ("database_connections", load.database_connections_percent, MANY_CONNECTIONS_PERCENT, "%",
         "Connections to the database run out:"),
        ("memory", load.memory_percent, FULL_MEMORY_PERCENT, "%", "Memory runs out:"),
    )  # fmt: skip
    for name, value, limit, unit, words in limits:
        if value is not None and value > limit:
            message = f"{words} {value:.0f} {unit} (alert above {limit:.0f} {unit})."
            found.append(Alert(name=name, severity="warning", message=message))
    return found + ([] if stats is None else _space_alerts(stats))


def _space_alerts(stats: SpaceStats) -> list[Alert]:
    found: list[Alert] = []
    if stats.lag_seconds > LONG_LAG_SECONDS:
        message = f"The tables are {stats.lag_seconds:.0f} s behind the documents ({stats.behind} waiting)."
        found.append(Alert(name="projection_lag", severity="warning", message=message))
    if stats.quarantined:
        message = f"In quarantine, taking no writes: {_documents(stats.quarantined)}."
        found.append(Alert(name="quarantine", severity="warning", message=message))
    if stats.failures:
        message = f"Can't be turned into rows: {_documents(stats.failures)}."
        found.append(Alert(name="projection_failures", severity="warning", message=message))
    return found


def _projection(stats: SpaceStats) -> Projection:
    return Projection(
        documents_behind=stats.behind,
        lag_seconds=round(stats.lag_seconds, 1),
        failures=stats.failures,
        rejects=stats.rejects,
    )


def _storage(stats: SpaceStats) -> Storage:
    return Storage(
        documents=stats.documents,
        quarantined=stats.quarantined,
        log_rows=stats.log_rows,
        log_bytes=stats.log_bytes,
        snapshot_bytes=stats.snapshot_bytes,
        vehicles=stats.vehicles,
        positions=stats.positions,
        positions_are_more=stats.positions >= COUNTED,
    )


def _documents(count: int) -> str:
    return f"{count} document{'s' if count != 1 else ''}"


def _count(buckets: Sequence[Bucket]) -> int:
    return sum(bucket.count for bucket in buckets)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
