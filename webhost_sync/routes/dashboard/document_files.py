"""A document as a file: its content as JSON, or the whole of it as one update that any Yjs client reads.

GET /documents/download/{document}?form=json|update&at=
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from store.users import MemberRole
from webhost_sync.errors import InvalidRequest
from webhost_sync.history.json_form import node_json
from webhost_sync.routes.dashboard import answers
from webhost_sync.routes.dashboard.document_answers import TypedPoint, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.door import Guest
from webhost_sync.routes.dashboard.page import SPACE, Visit, guarded, visit_of
from webhost_sync.routes.endpoint import Query, RawRoute

OCTETS = "application/octet-stream"
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class FileQuery(Query):
    form: Literal["json", "update"] = "json"
    at: TypedPoint | None = Field(None, description="Seq or time of the state. Default: now.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A page that is a file, for whoever may see the document."""

    path: str
    role: MemberRole = MemberRole.VIEWER

    async def serve(self, request: Request) -> Response:
        return await guarded(request, self._serve)

    async def _serve(self, guest: Guest) -> Response:
        visit = visit_of(guest, self.role, FileQuery)
        response = await _file(visit)
        answers.protect(guest.request, response)
        return response

    def routes(self) -> list[BaseRoute]:
        return [RawRoute(SPACE + self.path, self.serve, methods=["GET"])]


async def _file(visit: Visit[FileQuery]) -> Response:
    """Raises: DocumentNotFound, HistoryGone, InvalidRequest (what waits can't be one update)."""
    record = await document_of(visit)
    seq = await seq_of(visit, record, visit.query.at)
    found = await visit.services.archive.content(record, seq)
    stem = f"{record.name}@{seq}"
    if visit.query.form == "json":
        text = json.dumps(node_json(found.roots), ensure_ascii=False, indent=2)
        return Response(text, media_type=answers.JSON_TYPE, headers=_named(f"{stem}.json"))
    if not found.is_exact:
        raise InvalidRequest(
            "this state holds updates that wait for others, or that only Yjs itself can read, so one file "
            "would lose them; sync it with a Yjs client instead"
        )
    return Response(found.update, media_type=OCTETS, headers=_named(f"{stem}.yjs"))


def _named(name: str) -> dict[str, str]:
    """The name that browsers save it under: the document's own where they can, else its plain letters."""
    whole, plain = quote(name.replace("/", "_"), safe=""), _PLAIN.sub("_", name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"}


PAGES = (Download(path=path_to("download")),)
