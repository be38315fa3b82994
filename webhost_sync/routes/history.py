"""The past of documents over HTTP: who did what, any state, what changed, and who wrote what.

It needs the scope `history` besides the right to read the document. A document that may not be read looks
like one that doesn't exist.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from store.contract import Document as DocumentRecord
from store.history_contract import ActivityFilter
from webhost_sync.auth.access import access_api, access_document
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    HistoryGone,
    InvalidRequest,
    NotAllowed,
)
from webhost_sync.fleet.names import validate_name
from webhost_sync.history.archive import Attribution, NamedActivity
from webhost_sync.history.attribution import Mark
from webhost_sync.history.json_form import change_json
from webhost_sync.history.paths import path_of, pointer_of
from webhost_sync.routes import history_examples as examples
from webhost_sync.routes import history_models as models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.document_file import past_state
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery, Point, Seq, Time

BY_END = CursorFormat[tuple[int, int]](tuple[Seq, Seq])
"""The head when the first page was asked for, and the last seq of an activity."""
BY_PLACE = CursorFormat[tuple[int, int]](tuple[Seq, Seq])
"""The state's seq, and the place among its marks, which never change."""


class StateQuery(Query):
    at: Point | None = Field(
        None, description="Seq of the last update to be part of it, or a time. Default: now."
    )


class ActivityQuery(PagedQuery):
    actor: str | None = Field(None, max_length=300, description="Exactly this one, as the list has it.")
    device: str | None = Field(None, max_length=300, description="Exactly this device.")
    start: Time | None = Field(None, alias="from", description="What went on at this time or later.")
    end: Time | None = Field(None, alias="to", description="What had begun before this time.")


class DifferenceQuery(Query):
    before: Point = Field(alias="from", description="Seq or time of the one state.")
    after: Point | None = Field(None, alias="to", description="Of the other. Default: now.")


class AttributionQuery(PagedQuery):
    path: str = Field("", description="Only what lies here, as `/rows/bus-7`. Default: everything.")
    at: Point | None = Field(None, description="Seq or time of the state. Default: now.")


async def list_history(call: Call[ActivityQuery, None]) -> Response:
    record, asked = await document_of(call), call.query
    wanted = ActivityFilter(asked.actor, asked.device, asked.start, asked.end)

    async def fetch(after: tuple[int, int] | None, limit: int) -> list[tuple[int, NamedActivity]]:
        up_to, before = after or (record.head_seq, None)
        up_to = min(up_to, record.head_seq)
        found = await call.services.archive.activities(
            record, up_to=up_to, before=before, limit=limit, wanted=wanted
        )
        return [(up_to, each) for each in found]

    found, next_cursor = await page(call, BY_END, fetch, lambda each: (each[0], each[1].activity.last_seq))
    items = [activity_model(each) for _, each in found]
    return json_answer(models.ActivityPage(items=items, next_cursor=next_cursor))


async def get_state(call: Call[StateQuery, None]) -> Response:
    record, archive = await document_of(call), call.services.archive
    seq = await archive.seq_at(record, call.query.at)
    return json_answer(await past_state(archive, record, seq))


async def get_difference(call: Call[DifferenceQuery, None]) -> Response:
    record, archive = await document_of(call), call.services.archive
    before, after = [await archive.seq_at(record, at) for at in (call.query.before, call.query.after)]
    found = await archive.difference(record, before, after)
    answer = {
        "from": models.Moment(seq=found.before.seq, at=found.before.at).model_dump(mode="json"),
        "to": models.Moment(seq=found.after.seq, at=found.after.at).model_dump(mode="json"),
        "changes": [change_json(change) for change in found.changes],
    }
    return JSONResponse(answer, headers=NO_STORE)


async def get_attribution(call: Call[AttributionQuery, None]) -> Response:
    record, archive = await document_of(call), call.services.archive
    asked, path = call.query, path_of(call.query.path)
    cursor = (
        None if asked.cursor is None else BY_PLACE.decode(asked.cursor, asked.identity(call.request.url.path))
    )
    seq = await archive.seq_at(record, asked.at if cursor is None else min(cursor[0], record.head_seq))
    found = await archive.attribution(record, seq, path)

    async def fetch(after: tuple[int, int] | None, limit: int) -> list[tuple[int, Mark]]:
        start = 0 if after is None else after[1] + 1
        return list(enumerate(found.marks[start : start + limit], start))

    marks, next_cursor = await page(call, BY_PLACE, fetch, lambda each: (seq, each[0]))
    items = [mark_model(mark, found) for _, mark in marks]
    return json_answer(models.MarkPage(items=items, next_cursor=next_cursor, seq=seq))


async def document_of(call: Call[Any, Any], need: Scope = Scope.READ) -> DocumentRecord:
    """The document whose past is asked for, as it is now. Raises: DocumentNotFound, NotAllowed."""
    name = validate_name(call.path_parameter("name"))
    access_document(call.principal, name, need)
    access_api(call.principal, Scope.HISTORY)
    return await call.services.archive.document(call.principal.tenant_id, name)


def activity_model(found: NamedActivity) -> models.Activity:
    activity = found.activity
    return models.Activity(
        actor=activity.actor,
        device=activity.device,
        first_seq=activity.first_seq,
        last_seq=activity.last_seq,
        started_at=activity.started_at,
        ended_at=activity.ended_at,
        updates=activity.updates,
        bytes=activity.bytes,
        touched=list(found.names),
        touched_more=found.more,
    )


def mark_model(mark: Mark, found: Attribution) -> models.Mark:
    row = found.rows.get(mark.seq)
    return models.Mark(
        path=pointer_of(mark.path),
        start=mark.start,
        end=mark.end,
        seq=None if row is None else row.seq,
        actor=None if row is None else row.actor,
        device=None if row is None else row.device,
        at=None if row is None else row.at,
    )


NO_STORE = {"Cache-Control": "no-store"}


def json_answer(answer: BaseModel, status: int = 200) -> Response:
    return JSONResponse(answer.model_dump(mode="json", by_alias=True), status, headers=NO_STORE)


NAME = Parameter(
    "name",
    "The document's name, percent-encoded once. Its slashes may stay, but for one before a last part that is "
    "itself `history`, `state`, `diff`, `attribution`, `versions`, `restore`, `sync`, `download`, "
    "`diagnosis`, `release`, `bring-back`, `erase` or `new-epoch`, or before `versions/` and an id: that one "
    "is `%2F`.",
    "tables/vehicles",
)
OF_EVERY = (InvalidRequest, NotAllowed, DocumentNotFound, DocumentQuarantined)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/history",
        tag="history",
        summary="List who did what",
        description="Activities, newest end first: updates of one actor and device with no pause above 60 s "
        "between them, cut every 10 minutes. Pages show the document as it was at the first page. Of an "
        "activity's updates the first 200 are looked into for what it has touched.",
        handler=list_history,
        query=ActivityQuery,
        body=NoBody(),
        answers=(Answer(200, "A page", models.ActivityPage, examples.ACTIVITIES),),
        errors=OF_EVERY,
        path_parameters=(NAME,),
    ),
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/state",
        tag="history",
        summary="Get a past state as JSON",
        description="What the document held after an update, or at a time. A time between two states that "
        "are kept is answered with the earlier one; `seq` and `at` say which it is.",
        handler=get_state,
        query=StateQuery,
        body=NoBody(),
        answers=(Answer(200, "The state", models.PastState, examples.STATE),),
        errors=(*OF_EVERY, HistoryGone),
        path_parameters=(NAME,),
    ),
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/diff",
        tag="history",
        summary="Compare two states",
        description="The changes that lead from one state to the other, which may be the older one. Each is "
        "to be done to what those before it have made; indices count in that. Texts are compared by words.",
        handler=get_difference,
        query=DifferenceQuery,
        body=NoBody(),
        answers=(Answer(200, "The changes", models.Difference, examples.DIFFERENCE),),
        errors=(*OF_EVERY, HistoryGone),
        path_parameters=(NAME,),
    ),
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/attribution",
        tag="history",
        summary="Say who wrote what",
        description="Who last wrote each entry of a map, each item of an array and each stretch of a text: "
        "whoever first brought it. XML has one mark: the last of its writers.",
        handler=get_attribution,
        query=AttributionQuery,
        body=NoBody(),
        answers=(Answer(200, "A page", models.MarkPage, examples.MARKS),),
        errors=(*OF_EVERY, HistoryGone),
        path_parameters=(NAME,),
    ),
)
