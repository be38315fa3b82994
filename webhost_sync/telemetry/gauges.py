"""What is so at the moment: read when Prometheus asks, from the rooms, the pools and the database.

Numbers of the database are asked for at most once in `FRESH` seconds. Where it is away they are missing
rather than old, and `database_up` says why.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from store.backup_runs import BackupRun, BackupRuns
from store.contract import StoreError
from store.database import Database
from store.probe import DatabaseProbe
from store.redis_link import RedisLink
from store.stats import AllSpaces, DatabaseLoad, Stats
from webhost_sync.machine import memory_share
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections
from webhost_sync.sync.outbox import Outbox

FRESH = 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One number, with its labels."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A name without prefix, what it means, and its numbers."""

    name: str
    meaning: str
    samples: tuple[Sample, ...]


@dataclass(slots=True)
class Gauges:
    """Where the numbers come from."""

    hub: Hub
    live: LiveConnections
    database: Database
    stats: Stats
    probe: DatabaseProbe
    redis: RedisLink | None
    backups: BackupRuns
    _asked_at: float = field(default=-FRESH, init=False)
    _known: tuple[AllSpaces, DatabaseLoad, BackupRun | None] | None = field(default=None, init=False)

    async def read(self) -> Iterable[Gauge]:
        """Everything that is known now."""
        finding = await self.probe.ask()
        found = [
            *self._rooms(),
            *self._pools(),
            _one("database_up", "1 while Postgres answers.", finding.problem is None),
        ]
        if self.redis is not None:
            found.append(
                _one("redis_up", "1 while Redis answers; missing where none is set.", self.redis.is_up)
            )
        if finding.problem is None and (numbers := await self._numbers()) is not None:
            found += _of_database(*numbers)
        if (memory := memory_share()) is not None:
            found.append(_one("memory_ratio", "Memory of the machine or container in use, 0 to 1.", memory))
        return found

    def _rooms(self) -> Iterable[Gauge]:
        status, connections = self.hub.status(), list(self.live)
        doors = Counter({each.socket: each.dialect for each in connections}.values())
        yield _one("rooms", "Documents that are open in this process.", status.rooms)
        yield _one(
            "failing_rooms", "Of them, those whose last commit was not answered.", status.failing_rooms
        )
        yield _one("open_documents", "Documents on sockets, and streams.", len(connections))
        samples = tuple(Sample(count, (("door", door),)) for door, count in sorted(doors.items()))
        yield Gauge("sockets", "Sockets and streams, by what is spoken on them.", samples)
        waiting = sum(each.outbox.buffered for each in connections)
        behind = sum(isinstance(each.outbox, Outbox) and each.outbox.is_behind for each in connections)
        yield _one("readers_behind", "Clients that were skipped, and will be caught up.", behind)
        yield _one("outbox_bytes", "What waits for clients that read slowly.", waiting)

    def _pools(self) -> Iterable[Gauge]:
        uses = self.database.pools()
        for name, meaning in (("size", "there may be"), ("busy", "are taken")):
            samples = tuple(Sample(getattr(use, name), (("pool", use.name),)) for use in uses)
            yield Gauge(f"pool_{name}", f"Connections of this process to Postgres that {meaning}.", samples)

    async def _numbers(self) -> tuple[AllSpaces, DatabaseLoad, BackupRun | None] | None:
        if time.monotonic() - self._asked_at >= FRESH:
            self._asked_at = time.monotonic()
            try:
                self._known = (
                    await self.stats.of_all(),
                    await self.stats.load(),
                    await self.backups.last_good(),
                )
            except StoreError:
                self._known = None  # away since the probe looked
        return self._known


def _of_database(spaces: AllSpaces, load: DatabaseLoad, backup: BackupRun | None) -> Iterable[Gauge]:
    yield _one("database_connections", "Connections to Postgres, everybody's.", load.connections)
    yield _one("database_max_connections", "How many it allows.", load.max_connections)
    yield _one("documents", "Documents of all tenants.", spaces.documents)
    yield _one("documents_quarantined", "Damaged ones, which take no writes.", spaces.quarantined)
    yield _one("projection_lag_seconds", "Age of the oldest update without rows.", spaces.lag_seconds)
    yield _one("projection_documents_behind", "Documents with updates without rows.", spaces.behind)
    yield _one("projection_failures", "Documents that can't be turned into rows.", spaces.failures)
    yield _one("projection_rejects", "Rows and fields that were refused.", spaces.rejects)
    if backup is not None:
        age = (datetime.now(UTC) - backup.finished_at).total_seconds()
        yield _one("backup_age_seconds", "Since the last good backup of everything.", max(0.0, age))


def _one(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, (Sample(value),))
