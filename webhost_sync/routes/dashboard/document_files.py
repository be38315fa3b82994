"""A document as a file, as the API gives it, for whoever is signed in.

GET /documents/download/{document}?format=json|update&at=
"""

from __future__ import annotations

from pydantic import Field
from starlette.responses import Response

from webhost_sync.routes.dashboard.document_answers import TypedPoint, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.page import Visit
from webhost_sync.routes.document_file import FileFormat, document_file
from webhost_sync.routes.endpoint import Query


class FileQuery(Query):
    format: FileFormat = "json"
    at: TypedPoint | None = Field(None, description="Seq or time of the state. Default: now.")


async def _file(visit: Visit[FileQuery]) -> Response:
    """Raises: DocumentNotFound, HistoryGone, InvalidRequest (what waits can't be one update)."""
    record = await document_of(visit)
    seq = await seq_of(visit, record, visit.query.at)
    return await document_file(visit.services.archive, record, seq, visit.query.format, whole=True)


PAGES = (Download(path=path_to("download"), query=FileQuery, file=_file),)
