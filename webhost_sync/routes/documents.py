"""Documents over HTTP: their list, their content as JSON, and one round trip of sync.

List and content come from the store. The round trip goes through the document's live room, so it is
committed before it is answered, and whoever is connected sees it.
"""

from __future__ import annotations

import asyncio
import dataclasses

from pydantic import Field
from starlette.responses import JSONResponse, Response

from store.contract import CorruptDocument, DocumentState, StoredDocument, UnknownDocument
from store.contract import Document as DocumentRecord
from store.lifecycle_contract import Deletion
from store.readings import DocumentListing
from webhost_sync.auth.access import access_api, access_document
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    Draining,
    InvalidRequest,
    MalformedUpdate,
    NotAllowed,
    ProtocolError,
    RoomClosing,
    TooLarge,
    WrongEpoch,
)
from webhost_sync.fleet.names import validate_name
from webhost_sync.routes import models
from webhost_sync.routes.bodies import NoBody, OctetBody
from webhost_sync.routes.credentials import EPOCH_HEADER
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.document_view import view
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery
from webhost_sync.routes.services import Services
from webhost_sync.routes.vehicles import readable_patterns
from webhost_sync.sync.effects import Exchange, Member
from webhost_sync.sync.epochs import FRESH, UNSAID, check_epoch, read_claim
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.round_trip import MEDIA_TYPE, RoundTripAnswer, decode_request, encode_answer

SEQ_HEADER = "X-Document-Seq"
LEFT_OUT_HEADER = "X-Document-Left-Out"
BY_NAME = CursorFormat[str](str)


class DocumentQuery(PagedQuery):
    deleted: bool = Field(
        False, description="Only deleted ones, that can still be brought back. Needs the scope `admin`."
    )
    prefix: str = Field(
        "", max_length=255, description="Only names that begin with this.", examples=["track/"]
    )


async def list_documents(call: Call[DocumentQuery, None]) -> Response:
    patterns = readable_patterns(call.principal)
    if call.query.deleted:
        return await _list_deleted(call, patterns)

    async def fetch(after: str | None, limit: int) -> list[DocumentListing]:
        return await call.services.readings.documents(
            call.principal.tenant_id, patterns, prefix=call.query.prefix, after=after, limit=limit
        )

    records, next_cursor = await page(call, BY_NAME, fetch, lambda record: record.name)
    items = [models.DocumentSummary.model_validate(record) for record in records]
    answer = models.DocumentPage(items=items, next_cursor=next_cursor)
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


async def _list_deleted(call: Call[DocumentQuery, None], patterns: list[str]) -> Response:
    access_api(call.principal, Scope.ADMIN)

    async def fetch(after: str | None, limit: int) -> list[Deletion]:
        return await call.services.admin.lives.deletions(
            call.principal.tenant_id, patterns, prefix=call.query.prefix, after=after, limit=limit
        )

    records, next_cursor = await page(call, BY_NAME, fetch, lambda record: record.name)
    answer = models.DocumentPage(items=list(map(summary_of_deleted, records)), next_cursor=next_cursor)
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


def summary_of_deleted(deletion: Deletion) -> models.DocumentSummary:
    fields = {**dataclasses.asdict(deletion), "state": DocumentState.DELETED}
    return models.DocumentSummary.model_validate(fields)


async def get_document(call: Call[Query, None]) -> Response:
    name = validate_name(call.path_parameter("name"))
    access_document(call.principal, name)
    log = call.services.log
    try:
        record = await log.open(call.principal.tenant_id, name, create=False)
        if _etag(record) in _known_etags(call.request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=_headers(record))
        async with call.services.whole_documents.of(record.tenant_id):
            return await asyncio.to_thread(_content, await _stored(call.services, record))
    except UnknownDocument as error:
        raise DocumentNotFound(repr(name)) from error


async def sync_document(call: Call[Query, bytes]) -> Response:
    name = validate_name(call.path_parameter("name"))
    access = access_document(call.principal, name)
    request = decode_request(call.body)
    claim = read_claim(call.request.headers.get(EPOCH_HEADER))
    if request.update in (b"", EMPTY_UPDATE) and claim == UNSAID:
        claim = FRESH  # whoever brings nothing can do no harm, and learns the epoch
    hub = call.services.hub
    async with hub.enter(call.principal.tenant_id, name) as runner:
        record = runner.record
        check_epoch(record, claim)
        member = Member(
            hub.next_connection_id(),
            owner=call.principal.subject,
            device=call.principal.device,
            can_write=access.write,
        )
        answer = await runner.exchange(member, Exchange(request.state_vector, request.update))
        seq = runner.seq
    headers = {EPOCH_HEADER: str(record.epoch), SEQ_HEADER: str(seq), "Cache-Control": "no-store"}
    if answer.left_out:
        headers[LEFT_OUT_HEADER] = str(answer.left_out)
    content = encode_answer(RoundTripAnswer(answer.state_vector, answer.update))
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


async def _stored(services: Services, record: DocumentRecord) -> StoredDocument:
    """Everything that can be read of it, whole where it is not damaged."""
    if record.state is not DocumentState.QUARANTINED:
        try:
            return await services.log.load(record.tenant_id, record.id)
        except CorruptDocument:
            pass  # what is left of it is better than nothing, and is marked as incomplete
    return await services.log.load_readable(record.tenant_id, record.id)


def _content(stored: StoredDocument) -> Response:
    record = stored.document
    seen = view(stored)
    first = 1 if stored.snapshot is None else stored.snapshot.seq + 1
    whole = len(stored.updates) == record.head_seq - first + 1
    answer = models.DocumentContent(
        name=record.name,
        epoch=record.epoch,
        head_seq=record.head_seq,
        state=record.state,
        complete=seen.complete and whole,
        roots=seen.roots,
    )
    return JSONResponse(answer.model_dump(mode="json"), headers=_headers(record))


def _headers(record: DocumentRecord) -> dict[str, str]:
    # no-cache: keep it, and ask with If-None-Match each time whether it is still so
    return {"ETag": _etag(record), "Cache-Control": "private, no-cache", "Vary": "Authorization"}


def _etag(record: DocumentRecord) -> str:
    return f'"{record.epoch}-{record.head_seq}-{record.state}"'


def _known_etags(headers: list[str]) -> set[str]:
    return {tag.strip().removeprefix("W/") for header in headers for tag in header.split(",")}


_NAME = Parameter(
    "name", "The document's name, percent-encoded once; its slashes may stay as they are.", "tables/vehicles"
)
_EPOCH = Parameter(EPOCH_HEADER, "The epoch of the document.", "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11")
_SEQ = Parameter(SEQ_HEADER, "The last committed update that is part of the answer.", "42")
_LEFT_OUT = Parameter(
    LEFT_OUT_HEADER,
    "Only where it is not 0: how many updates are not part of the diff, since they wait for what they build "
    "on, or pycrdt can't read them (an XmlHook or the like). Clients on a socket get them.",
    "1",
)
_ETAG = Parameter("ETag", "Changes with the content.", '"0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11-42-active"')
_SUMMARY = {
    "name": "tables/vehicles", "epoch": "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11", "head_seq": 42,
    "state": "active", "log_bytes": 5120, "created_at": "2026-05-01T08:00:00Z",
    "updated_at": "2026-05-01T12:00:01.250000Z",
}  # fmt: skip
_CONTENT = {
    "name": "tables/vehicles", "epoch": "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11", "head_seq": 42,
    "state": "active", "complete": True,
    "roots": {"meta": {"layout": 1}, "rows": {"bus-7": {"name": "Bus 7", "status": "active"}}},
}  # fmt: skip

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/documents",
        tag="documents",
        summary="List documents",
        description="Documents that the credential may read, in the order of their names' UTF-8 bytes.",
        handler=list_documents,
        query=DocumentQuery,
        body=NoBody(),
        answers=(Answer(200, "A page", models.DocumentPage, {"items": [_SUMMARY], "next_cursor": None}),),
        errors=(InvalidRequest, NotAllowed),
    ),
    # Before the next one, whose name may hold slashes.
    Endpoint(
        method="POST",
        path="/api/documents/{name:path}/sync",
        tag="documents",
        summary="Sync a document in one round trip",
        goes_on=True,
        description="Takes what the client has and brings, and answers with what it lacks. The update is "
        "committed before the answer, and whoever is connected sees it. Sending the same again changes "
        "nothing, so after a broken connection just send it again. A document that isn't there is made. "
        "The format is described in docs/protocol.md.",
        handler=sync_document,
        query=Query,
        body=OctetBody(
            "`u8 version = 1`, `bytes state_vector`, `bytes update`; `bytes` is a length (a lib0 integer of "
            'variable size) and that many bytes. An empty state vector: "I have nothing". An empty update: '
            '"I bring nothing". At most `frame_limit` bytes, not compressed.'
        ),
        answers=(
            Answer(
                200,
                "`u8 version = 1`, `bytes state_vector` of the server, `bytes diff`: one update with "
                "what the client lacks (`00 00` where it lacks nothing)",
                MEDIA_TYPE,
                headers=(_EPOCH, _SEQ, _LEFT_OUT),
            ),
        ),
        errors=(
            InvalidRequest,
            ProtocolError,
            MalformedUpdate,
            NotAllowed,
            DocumentNotFound,
            WrongEpoch,
            TooLarge,
            RoomClosing,
            DocumentQuarantined,
            Draining,
        ),
        path_parameters=(_NAME,),
        headers=(
            Parameter(
                EPOCH_HEADER,
                "The epoch that the client's replica belongs to, or `none` where it has never synced. Where "
                "the document has another one, nothing is merged and the answer is 409. A document whose "
                "history was begun anew takes updates only with this header.",
                "0b9d5d0e-7c1b-4c53-9d0a-3f0f2f6a8a11",
            ),
        ),
    ),
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}",
        tag="documents",
        summary="Get a document as JSON",
        description="The merged committed state, read from the store.",
        handler=get_document,
        query=Query,
        body=NoBody(),
        answers=(
            Answer(200, "The document", models.DocumentContent, _CONTENT, (_ETAG,)),
            Answer(304, "It is still as `If-None-Match` has it", headers=(_ETAG,)),
        ),
        errors=(InvalidRequest, DocumentNotFound),
        path_parameters=(_NAME,),
        headers=(Parameter("If-None-Match", "`ETag` of an answer of before.", _ETAG.example),),
    ),
)
