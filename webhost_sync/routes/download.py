"""A document as a file: its state as one Yjs update, or as JSON, now or at any time that is kept.

It needs the right to read the document, and for a past state the scope `history` as well.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.responses import Response

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
from webhost_sync.routes import history_examples as examples
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.credentials import EPOCH_HEADER
from webhost_sync.routes.document_file import FileFormat, document_file
from webhost_sync.routes.documents import LEFT_OUT_HEADER, SEQ_HEADER
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.history import NAME
from webhost_sync.routes.queries import Point
from webhost_sync.sync.round_trip import MEDIA_TYPE


class DownloadQuery(Query):
    format: FileFormat = Field(
        "update", description="`update`: one Yjs V1 update, for `Y.applyUpdate`. `json`: for people."
    )
    at: Point | None = Field(
        None, description="Seq or time of a past state; needs the scope `history`. Default: now."
    )


async def download_document(call: Call[DownloadQuery, None]) -> Response:
    name = validate_name(call.path_parameter("name"))
    access_document(call.principal, name)
    if call.query.at is not None:
        access_api(call.principal, Scope.HISTORY)
    archive = call.services.archive
    record = await archive.document(call.principal.tenant_id, name)
    seq = await archive.seq_at(record, call.query.at)
    return await document_file(archive, record, seq, call.query.format)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/documents/{name:path}/download",
        tag="documents",
        summary="Download a document as a file",
        description="Its whole state, as one update or as JSON. What waits for an update that is missing, or "
        "pycrdt can't read, is not part of it.",
        handler=download_document,
        query=DownloadQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "The file; with `format=json` as `GET …/state` answers",
                MEDIA_TYPE,
                headers=(
                    Parameter(EPOCH_HEADER, "The epoch of the document.", examples.EPOCH),
                    Parameter(SEQ_HEADER, "The last committed update that is part of it.", "42"),
                    Parameter(
                        LEFT_OUT_HEADER, "Only where it is not 0: updates that are not part of it.", "1"
                    ),
                    Parameter(
                        "Content-Disposition",
                        "What the file may be called.",
                        'attachment; filename="notes.42.yjs"',
                    ),
                ),
            ),
        ),
        errors=(InvalidRequest, NotAllowed, DocumentNotFound, DocumentQuarantined, HistoryGone),
        path_parameters=(NAME,),
    ),
)
