"""Follows the latest positions of those tenants that somebody in this process looks at.

The projector, perhaps of another process, notifies after its commit; one task a tenant then reads what
changed since it last looked, once for all readers, and wakes them. What they find is in
`recent_changes`. Messages may be lost, so it looks now and then as well. Knows no stream and no rights.

    nobody ──follow──> begun ──last reader leaves──> nobody
                         └──failed──> nobody (readers are told)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context

import structlog

from store.changes_contract import Changes, Missed
from store.contract import Unavailable
from store.latest_feed import FeedPage, FeedPoint, LatestFeed
from store.readings import PositionRecord
from webhost_sync.errors import Draining, Internal, StoreUnavailable, SyncError
from webhost_sync.fleet.recent_changes import RecentChanges, ShownChange

logger = structlog.get_logger(__name__)

PAUSE = 0.25
"""Seconds between two readings: what changes meanwhile is read, and sent, together."""
RETRY = 1.0
PAGE = 500
LIMIT = 20_000
"""Changes that are kept for one tenant; a reader that is further behind reads the database."""

Encode = Callable[[PositionRecord], bytes]


class Followed:
    """One tenant's latest positions while somebody follows them."""

    def __init__(self, tenant_id: int) -> None:
        self.tenant_id = tenant_id
        self.readers: set[asyncio.Event] = set()
        self.woken = asyncio.Event()
        self.begun = asyncio.Event()
        self._recent: RecentChanges | None = None
        self._error: SyncError | None = None

    @property
    def recent(self) -> RecentChanges:
        """What changed lately. Raises: the error with which following has ended."""
        self.demand()
        assert self._recent is not None  # whoever has entered `follow` has waited for it
        return self._recent

    def demand(self) -> None:
        """Raises: the error with which following has ended."""
        if self._error is not None:
            raise self._error

    def has(self, version: int) -> bool:
        """Whether this version has been read already."""
        return self._recent is not None and version <= self._recent.point.version

    def show(self, recent: RecentChanges) -> None:
        self._recent = recent
        self._wake_readers()

    def end(self, error: SyncError) -> None:
        self._error = error
        self._wake_readers()

    def _wake_readers(self) -> None:
        self.begun.set()
        for reader in self.readers:
            reader.set()


class LivePositions:
    """The tenants that are followed in this process.

    Invariants:
    1. A tenant is followed by one task, exactly while it has readers.
    2. A change is read once, however many readers there are.
    """

    def __init__(self, feed: LatestFeed, changes: Changes, encode: Encode, poll_interval: float) -> None:
        """`encode` makes the text of a position. `poll_interval`: seconds until it looks by itself."""
        self._feed = feed
        self._changes = changes
        self.encode = encode
        self._poll_interval = poll_interval
        self._followed: dict[int, Followed] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tenants can be followed inside; on the way out the tasks have ended."""
        async with asyncio.TaskGroup() as tasks:
            self._group = tasks
            listening = tasks.create_task(self._listen())
            try:
                yield
            finally:
                for task in (listening, *self._tasks.values()):
                    task.cancel()

    @asynccontextmanager
    async def follow(self, tenant_id: int, reader: asyncio.Event) -> AsyncIterator[Followed]:
        """What changes in the tenant, while inside; `reader` is set whenever there is something new.

        Raises: StoreUnavailable, Internal, Draining.
        """
        followed = self._followed.get(tenant_id) or self._begin(tenant_id)
        followed.readers.add(reader)
        try:
            await followed.begun.wait()
            followed.demand()
            yield followed
        finally:
            followed.readers.discard(reader)
            if not followed.readers and self._followed.get(tenant_id) is followed:
                self._tasks[tenant_id].cancel()
                self._forget(followed)

    @property
    def followed(self) -> int:
        """How many tenants are followed."""
        return len(self._followed)

    async def head(self, tenant_id: int) -> FeedPoint:
        """How far the feed has come in the database. Raises: Unavailable."""
        return await self._feed.head(tenant_id)

    async def missed(self, tenant_id: int, *, after: int, limit: int) -> tuple[FeedPage, list[ShownChange]]:
        """A page of changes for a reader who is further behind than what is kept. Raises: Unavailable."""
        page = await self._feed.page(tenant_id, after=after, limit=limit)
        return page, self._shown(page)

    def _begin(self, tenant_id: int) -> Followed:
        followed = self._followed[tenant_id] = Followed(tenant_id)
        # An empty context: its log lines aren't those of the request that came first.
        self._tasks[tenant_id] = self._group.create_task(
            self._serve(followed), name=f"latest positions of {tenant_id}", context=Context()
        )
        return followed

    def _forget(self, followed: Followed) -> None:
        if self._followed.get(followed.tenant_id) is followed:
            del self._followed[followed.tenant_id]
            del self._tasks[followed.tenant_id]

    async def _serve(self, followed: Followed) -> None:
        try:
            await self._keep_up(followed)
        except Unavailable as error:
            logger.warning("latest positions not followed", tenant=followed.tenant_id, why=str(error))
            followed.end(StoreUnavailable())
        except Exception:
            logger.exception("latest positions not followed", tenant=followed.tenant_id)
            followed.end(Internal())
        except BaseException:
            followed.end(Draining())
            raise
        finally:
            self._forget(followed)

    async def _keep_up(self, followed: Followed) -> None:
        """Raises: Unavailable, at the beginning; later it waits for the database."""
        followed.show(RecentChanges(await self._feed.head(followed.tenant_id), LIMIT))
        while True:
            try:
                async with asyncio.timeout(self._poll_interval):
                    await followed.woken.wait()
            except TimeoutError:
                pass
            followed.woken.clear()
            try:
                await self._read(followed)
            except Unavailable as error:
                logger.warning("latest positions wait for the database", why=str(error))
                followed.woken.set()
                await asyncio.sleep(RETRY)
                continue
            await asyncio.sleep(PAUSE)

    async def _read(self, followed: Followed) -> None:
        """Take in all that has changed; begin anew where that is more than what is kept."""
        recent, found, after = followed.recent, list[ShownChange](), followed.recent.point.version
        while True:
            page = await self._feed.page(followed.tenant_id, after=after, limit=PAGE)
            if not recent.continues_to(page.head) or len(found) > LIMIT:
                followed.show(RecentChanges(page.head, LIMIT))
                return
            found += self._shown(page)
            if not page.has_more:
                break
            after = page.changes[-1].version
        if page.head != recent.point:
            recent.add(found, page.head)
            followed.show(recent)

    def _shown(self, page: FeedPage) -> list[ShownChange]:
        return [
            ShownChange(
                change.version,
                change.vehicle_id,
                None if change.position is None else self.encode(change.position),
            )
            for change in page.changes
        ]

    def _wake_all(self) -> None:
        for followed in self._followed.values():
            followed.woken.set()

    async def _listen(self) -> None:
        """Wake those who follow a tenant that moved, and after every break all of them."""
        while True:
            try:
                async with self._changes.listen_latest() as stream:
                    self._wake_all()
                    async for moved in stream:
                        if isinstance(moved, Missed):
                            self._wake_all()
                            continue
                        tenant = self._followed.get(moved.tenant_id)
                        if tenant is not None and not tenant.has(moved.version):
                            tenant.woken.set()
            except Unavailable as error:
                logger.warning("live positions can't listen, connecting again", why=str(error))
            await asyncio.sleep(RETRY)
