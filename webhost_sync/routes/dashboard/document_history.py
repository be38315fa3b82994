"""The history of a document: who did what along it, and its state at any point.

A long one that is opened for the first time lacks the snapshots that bring its states near, and making them
takes seconds. A browser gets the page at once, without what these are needed for, which its script asks for
then; programs wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from store.contract import Document as DocumentRecord
from store.history_contract import ActivityFilter, Share
from webhost_sync.dashboard.documents.lanes import lanes
from webhost_sync.dashboard.documents.writers import Writers
from webhost_sync.history.archive import NamedActivity
from webhost_sync.routes.dashboard import document_answers as answers
from webhost_sync.routes.dashboard.answers import is_fragment, wants_json
from webhost_sync.routes.dashboard.document_answers import TypedPoint, TypedTime, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.documents import content_at
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.history import BY_END, activity_model
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery
from webhost_sync.sync.compactor import lacks_snapshots

PARTS = 120
"""Bars of a lane."""
TICKS = 4
ACTIVITIES = 30


class HistoryQuery(PagedQuery):
    limit: int = Field(ACTIVITIES, ge=1, le=1000, description="Activities on a page.")
    at: TypedPoint | None = Field(None, description="Seq or time of the state that is shown. Default: now.")
    wait: Literal["yes"] | None = Field(None, description="Wait for all of a history that was never opened.")

    actor: str | None = Field(None, max_length=300, description="Only this one's.")
    device: str | None = Field(None, max_length=300, description="Only what came from this device.")
    start: TypedTime | None = Field(None, alias="from", description="What went on at this time or later.")
    end: TypedTime | None = Field(None, alias="to", description="What had begun before this time.")

    @property
    def wanted(self) -> ActivityFilter:
        return ActivityFilter(self.actor, self.device, self.start, self.end)

    def identity(self, path: str) -> str:
        """The activities are the same, whatever state is shown beside them."""
        if self.at is None and self.wait is None:
            return super().identity(path)
        return self.model_copy(update={"at": None, "wait": None}).identity(path)


async def show_history(visit: Visit[HistoryQuery]) -> answers.History:
    record, archive = await document_of(visit), visit.services.archive
    seq = await seq_of(visit, record, visit.query.at)
    first = (await archive.span(record)).first_seq

    async def fetch(after: tuple[int, int] | None, limit: int) -> list[tuple[int, NamedActivity]]:
        up_to, before = after or (record.head_seq, None)
        up_to = min(up_to, record.head_seq)
        found = await archive.activities(
            record, up_to=up_to, before=before, limit=limit, wanted=visit.query.wanted
        )
        return [(up_to, each) for each in found]

    path = visit.address(f"{DOCUMENTS.path}/history/{record.name}")

    is_read = _waits(visit) or not lacks_snapshots(record)

    async def state_and_page() -> tuple[answers.Content, tuple[list[tuple[int, NamedActivity]], str | None]]:
        if not is_read:
            return await _unread(visit, record, seq, first), ([], None)
        await visit.services.ladders.mend(record)  # the slider will ask for states all along the log
        state = await content_at(visit, record, seq)
        return state, await page_of(
            visit.query, path, BY_END, fetch, lambda each: (each[0], each[1].activity.last_seq)
        )

    parts = min(PARTS, max(record.head_seq - first, 1))
    (state, (found, cursor)), shares = await asyncio.gather(
        state_and_page(), archive.shares(record, first=first + 1, parts=parts)
    )
    writers = Writers()
    shown = lanes(shares, parts, writers)
    items = [activity_model(each) for _, each in found]
    return answers.History(
        document=state.document,
        items=items,
        next_cursor=cursor,
        state=state,
        actors=sorted({share.actor for share in shares}),
        devices=sorted({share.device for share in shares if share.device}),
        lanes=shown,
        numbers=[writers.of(item.actor, item.device).number for item in items],
        ticks=_ticks(shares),
        is_read=is_read,
    )


def _waits(visit: Visit[HistoryQuery]) -> bool:
    """Whether nobody will ask for what isn't in the answer."""
    request = visit.guest.request
    return visit.query.wait is not None or is_fragment(request) or wants_json(request)


async def _unread(
    visit: Visit[HistoryQuery], record: DocumentRecord, seq: int, first_seq: int
) -> answers.Content:
    """What is known of a state without making it."""
    moment = await visit.services.archive.moment(record, seq)
    return answers.Content(
        document=visit.services.admin.documents.one(record),
        seq=seq,
        at=moment.at,
        complete=True,
        gaps=0,
        first_seq=first_seq,
        path="",
        content=None,
        authors=None,
        view=None,
        writers=[],
        steps=[],
    )


def _ticks(shares: Sequence[Share]) -> list[datetime]:
    """When the log came so far, at places of equal distance."""
    ends: dict[int, datetime] = {}
    for share in shares:
        ends[share.part] = max(share.last_at, ends.get(share.part, share.last_at))
    along = [ends[part] for part in sorted(ends)]
    count = min(TICKS, len(along) - 1)
    return [along[(len(along) - 1) * number // count] for number in range(count + 1)] if count > 0 else along


PAGES = (
    Page(
        path=path_to("history"),
        title="History",
        section=DOCUMENTS,
        template="document_history.html",
        show=show_history,
        query=HistoryQuery,
    ),
)
