"""Versions of documents over HTTP: keeping, listing and going back to them.

It needs the scope `history`; keeping a version and restoring need the right to write the document as well.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.responses import JSONResponse, Response

from store.history_contract import Version, VersionKey
from webhost_sync.auth.principals import Principal, Scope
from webhost_sync.errors import Draining, HistoryGone, RoomClosing, TooLarge, VersionNotFound, WrongEpoch
from webhost_sync.history.json_form import change_json
from webhost_sync.history.paths import path_of
from webhost_sync.history.restoring import Author, Restored
from webhost_sync.routes import history_examples as examples
from webhost_sync.routes import history_models as models
from webhost_sync.routes.bodies import JsonBody, NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.history import NAME, NO_STORE, OF_EVERY, document_of, json_answer
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery, Seq, Time

VERSION_ID = str(examples.VERSION["id"])
BY_STATE: CursorFormat[VersionKey] = CursorFormat(tuple[Seq, Time, UUID])


async def list_versions(call: Call[PagedQuery, None]) -> Response:
    record = await document_of(call)

    async def fetch(after: VersionKey | None, limit: int) -> list[Version]:
        return await call.services.archive.versions(record, before=after, limit=limit)

    found, next_cursor = await page(
        call, BY_STATE, fetch, lambda version: (version.seq, version.created_at, version.id)
    )
    items = [models.Version.model_validate(version) for version in found]
    return json_answer(models.VersionPage(items=items, next_cursor=next_cursor))


async def create_version(call: Call[Query, models.VersionRequest]) -> Response:
    record = await document_of(call, Scope.WRITE)
    seq = await call.services.archive.seq_at(record, call.body.at)
    made = await call.services.admin.changes.keep(
        record, _author(call.principal), name=call.body.name, seq=seq, deed=call.deed
    )
    return json_answer(models.Version.model_validate(made), 201)


async def delete_version(call: Call[Query, None]) -> Response:
    record = await document_of(call, Scope.WRITE)
    version_id = UUID(call.path_parameter("id"))
    gone = await call.services.admin.changes.forget(record, version_id, deed=call.deed)
    return json_answer(models.Version.model_validate(gone))


async def restore_document(call: Call[Query, models.RestoreRequest]) -> Response:
    record, wanted = await document_of(call, Scope.WRITE), call.body
    archive, changes = call.services.archive, call.services.admin.changes
    if wanted.version is not None:
        seq = (await archive.version(record, wanted.version)).seq
    else:
        seq = await archive.seq_at(record, wanted.at)
    path = path_of(wanted.path)
    if wanted.preview:
        done = await changes.preview(record, seq, path)
    else:
        done = await changes.restore(record, _author(call.principal), seq, path, deed=call.deed)
    return JSONResponse(_restored(done, seq, preview=wanted.preview), headers=NO_STORE)


def _author(principal: Principal) -> Author:
    return Author(principal.subject, principal.device)


def _restored(done: Restored, restored_seq: int, *, preview: bool) -> dict[str, object]:
    safety = None if done.safety is None else models.Version.model_validate(done.safety)
    return {
        "restored_seq": restored_seq,
        "seq": done.seq,
        "preview": preview,
        "complete": done.complete,
        "changes": [change_json(change) for change in done.changes],
        "safety_version": safety and safety.model_dump(mode="json"),
    }


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/versions",
        tag="history",
        summary="List versions",
        description="Newest state first: versions that somebody named, those made before a restore, and "
        "those that stand for an hour or day whose updates are gone.",
        handler=list_versions,
        query=PagedQuery,
        body=NoBody(),
        answers=(Answer(200, "A page", models.VersionPage, examples.VERSIONS),),
        errors=OF_EVERY,
        path_parameters=(NAME,),
    ),
    Endpoint(
        method="POST",
        path="/api/documents/{name:path}/versions",
        tag="history",
        summary="Keep a version",
        description="Keeps the state of now, or a past one, for ever under a name. Needs the right to write.",
        handler=create_version,
        query=Query,
        body=JsonBody(models.VersionRequest, "A name, and perhaps of when.", examples.VERSION_REQUESTS),
        answers=(Answer(201, "The version", models.Version, examples.VERSION),),
        errors=(*OF_EVERY, HistoryGone, TooLarge),
        path_parameters=(NAME,),
    ),
    Endpoint(
        method="DELETE",
        path="/api/documents/{name:path}/versions/{id:uuid}",
        tag="history",
        summary="Delete a version",
        description="Forgets a version that somebody named. Those that made themselves stand for what "
        "nothing else has, or take a restore back; they go when they are too old. Needs the right to write.",
        handler=delete_version,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "What it was", models.Version, examples.VERSION),),
        errors=(*OF_EVERY, VersionNotFound),
        path_parameters=(NAME, Parameter("id", "The version's id, as the list has it.", VERSION_ID)),
    ),
    Endpoint(
        method="POST",
        path="/api/documents/{name:path}/restore",
        tag="history",
        summary="Restore a past state",
        description="Makes the document, or one row or field of it, what it was. This is a new update that "
        "merges like any other: whoever is connected sees it, and what they write meanwhile stays. The state "
        "of right before is kept as a safety version. Needs the right to write. Sending it again changes "
        "nothing more.",
        handler=restore_document,
        query=Query,
        body=JsonBody(
            models.RestoreRequest, "What to go back to, and perhaps only where.", examples.RESTORE_REQUESTS
        ),
        answers=(Answer(200, "What was changed", models.RestoreAnswer, examples.RESTORED),),
        errors=(*OF_EVERY, VersionNotFound, HistoryGone, WrongEpoch, TooLarge, RoomClosing, Draining),
        path_parameters=(NAME,),
    ),
)
