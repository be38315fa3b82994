"""A document as a file, for the API and for pages: its state as one Yjs update, or as JSON.

In: a document, a seq and a format. Out: the answer, with the name that it may be saved under. Who may have it
is settled before.
"""

from __future__ import annotations

from typing import Literal

from starlette.responses import JSONResponse, Response

from store.contract import Document
from webhost_sync.errors import InvalidRequest
from webhost_sync.history.archive import Archive
from webhost_sync.history.json_form import plain_json
from webhost_sync.routes import history_models as models
from webhost_sync.routes.credentials import EPOCH_HEADER
from webhost_sync.routes.documents import LEFT_OUT_HEADER, SEQ_HEADER
from webhost_sync.routes.file_names import as_file
from webhost_sync.sync.round_trip import MEDIA_TYPE

FileFormat = Literal["update", "json"]


async def document_file(
    archive: Archive, record: Document, seq: int, form: FileFormat, *, whole: bool = False
) -> Response:
    """The state after row `seq`. A program is told by a header what is not part of it; a person, who sees no
    header, gets an update only where it is `whole`.

    Raises: HistoryGone, DocumentQuarantined, InvalidRequest.
    """
    headers = {EPOCH_HEADER: str(record.epoch), SEQ_HEADER: str(seq), "Cache-Control": "no-store"}
    if form == "update":
        state = await archive.state(record, seq)
        if whole and not state.is_exact:
            raise InvalidRequest(
                "this state holds updates that wait for others, or that only Yjs itself can read, so one "
                "file would lose them; sync it with a Yjs client instead"
            )
        if state.kept:
            headers[LEFT_OUT_HEADER] = str(len(state.kept))
        headers |= as_file(f"{record.name}.{seq}.yjs")
        return Response(state.update, media_type=MEDIA_TYPE, headers=headers)
    answer = await past_state(archive, record, seq)
    headers |= as_file(f"{record.name}.{seq}.json")
    return JSONResponse(answer.model_dump(mode="json"), headers=headers)


async def past_state(archive: Archive, record: Document, seq: int) -> models.PastState:
    """The state after row `seq` as JSON has it."""
    shown = await archive.show(record, seq)
    return models.PastState(
        name=record.name,
        epoch=record.epoch,
        seq=shown.seq,
        at=shown.at,
        head_seq=record.head_seq,
        complete=shown.complete,
        roots={root: plain_json(value) for root, value in shown.roots.items()},
    )
