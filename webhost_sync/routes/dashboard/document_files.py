"""A document as a file: its content as JSON, or the whole of it as one update that any Yjs client reads.

GET /documents/download/{document}?form=json|update&at=
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field
from starlette.responses import Response

from webhost_sync.errors import InvalidRequest
from webhost_sync.history.json_form import node_json
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.document_answers import TypedPoint, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.page import Visit
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.file_names import as_file

OCTETS = "application/octet-stream"


class FileQuery(Query):
    form: Literal["json", "update"] = "json"
    at: TypedPoint | None = Field(None, description="Seq or time of the state. Default: now.")


async def _file(visit: Visit[FileQuery]) -> Response:
    """Raises: DocumentNotFound, HistoryGone, InvalidRequest (what waits can't be one update)."""
    record = await document_of(visit)
    seq = await seq_of(visit, record, visit.query.at)
    found = await visit.services.archive.content(record, seq)
    stem = f"{record.name}@{seq}"
    if visit.query.form == "json":
        text = json.dumps(node_json(found.roots), ensure_ascii=False, indent=2)
        return Response(text, media_type=answers.JSON_TYPE, headers=as_file(f"{stem}.json"))
    if not found.is_exact:
        raise InvalidRequest(
            "this state holds updates that wait for others, or that only Yjs itself can read, so one file "
            "would lose them; sync it with a Yjs client instead"
        )
    return Response(found.update, media_type=OCTETS, headers=as_file(f"{stem}.yjs"))


PAGES = (Download(path=path_to("download"), query=FileQuery, file=_file),)
