"""Going back: what it would change, as a page to be agreed to, and doing it as a new edit."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from pydantic import Field

from store.contract import Document as DocumentRecord
from store.users import MemberRole
from webhost_sync.dashboard.documents.differences import draw
from webhost_sync.history.json_form import change_json
from webhost_sync.history.paths import path_of, pointer_of
from webhost_sync.history.restoring import Restored
from webhost_sync.routes import history_models
from webhost_sync.routes.dashboard.document_answers import (
    Restoration,
    TypedPoint,
    author_of,
    document_of,
    one_target,
    path_to,
    seq_of,
    seq_of_version,
)
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.endpoint import Query


class RestoreQuery(Query):
    at: TypedPoint | None = Field(None, description="The state to go back to, by its seq or by a time.")
    version: UUID | None = Field(None, description="Or the version to go back to.")
    path: str = Field("", description="Only what lies here: one row, one field. Default: everything.")


class RestoreForm(Form):
    at: TypedPoint | None = None
    version: UUID | None = None
    path: str = ""


async def show_restore(visit: Visit[RestoreQuery]) -> Restoration:
    record = await document_of(visit)
    seq, path = await _target(visit, record, visit.query), path_of(visit.query.path)
    done = await visit.services.admin.changes.preview(record, seq, path)
    return await _answer(visit, record, seq, path, done)


async def restore(visit: Visit[Query], form: RestoreForm) -> Done:
    record = await document_of(visit)
    seq, path = await _target(visit, record, form), path_of(form.path)
    done = await visit.services.admin.changes.restore(record, author_of(visit), seq, path, deed=visit.deed)
    what = form.path or "The document"
    message = (
        f"{what} is what it was at update {seq}." if done.changes else "Nothing differed; nothing was done."
    )
    if done.safety is not None:
        message += f" What it was until now is kept as “{done.safety.name}”."
    answer = await _answer(visit, await document_of(visit), seq, path, done)
    return Done(answer, message, to=visit.document_path("history", record.name))


async def _target(visit: Visit[Any], record: DocumentRecord, wanted: RestoreQuery | RestoreForm) -> int:
    one_target(wanted.at, wanted.version)
    if wanted.version is not None:
        return await seq_of_version(visit, record, wanted.version)
    return await seq_of(visit, record, wanted.at)


async def _answer(
    visit: Visit[Any], record: DocumentRecord, seq: int, path: tuple[str, ...], done: Restored
) -> Restoration:
    moment = await visit.services.archive.moment(record, seq)
    return Restoration(
        document=visit.services.admin.documents.one(record),
        restored_seq=seq,
        restored_at=moment.at,
        path=pointer_of(path),
        seq=done.seq,
        complete=done.complete,
        changes=[change_json(change) for change in done.changes],
        safety_version=history_models.Version.model_validate(done.safety) if done.safety else None,
        drawn=await asyncio.to_thread(draw, done.changes),
    )


PAGES = (
    Page(
        path=path_to("restore"),
        title="Restore",
        section=DOCUMENTS,
        template="document_restore.html",
        show=show_restore,
        query=RestoreQuery,
        role=MemberRole.ADMIN,
    ),
    Action(path=path_to("restore"), title="Restored", section=DOCUMENTS, form=RestoreForm, do=restore),
)
