"""What changed between two states of a document, and the versions that are kept of it."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from pydantic import Field

from store.history_contract import Version, VersionKey
from webhost_sync.dashboard.documents.differences import draw
from webhost_sync.history.json_form import change_json
from webhost_sync.routes import history_models
from webhost_sync.routes.dashboard import document_answers as answers
from webhost_sync.routes.dashboard.document_answers import TypedPoint, author_of, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.models import PlainText
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery
from webhost_sync.routes.versions import BY_STATE


class CompareQuery(Query):
    before: TypedPoint | None = Field(None, alias="from", description="Default: the update before `to`.")
    after: TypedPoint | None = Field(None, alias="to", description="Default: now.")


class VersionForm(Form):
    name: Annotated[PlainText, Field(min_length=1)]
    at: TypedPoint | None = None


class ForgetForm(Form):
    version: UUID


async def show_comparison(visit: Visit[CompareQuery]) -> answers.Comparison:
    record, query = await document_of(visit), visit.query
    after = await seq_of(visit, record, query.after)
    before = max(after - 1, 0) if query.before is None else await seq_of(visit, record, query.before)
    found = await visit.services.archive.difference(record, before, after)
    return answers.Comparison(
        document=visit.services.admin.documents.one(record),
        before=history_models.Moment(seq=found.before.seq, at=found.before.at),
        after=history_models.Moment(seq=found.after.seq, at=found.after.at),
        changes=[change_json(change) for change in found.changes],
        drawn=await asyncio.to_thread(draw, found.changes),
    )


async def show_versions(visit: Visit[PagedQuery]) -> answers.Versions:
    record = await document_of(visit)

    async def fetch(after: VersionKey | None, limit: int) -> list[Version]:
        return await visit.services.archive.versions(record, before=after, limit=limit)

    path = visit.address(f"{DOCUMENTS.path}/versions/{record.name}")
    found, cursor = await page_of(
        visit.query, path, BY_STATE, fetch, lambda version: (version.seq, version.created_at, version.id)
    )
    return answers.Versions(
        document=visit.services.admin.documents.one(record),
        items=[history_models.Version.model_validate(version) for version in found],
        next_cursor=cursor,
    )


async def keep_version(visit: Visit[Query], form: VersionForm) -> Done:
    record = await document_of(visit)
    seq = await seq_of(visit, record, form.at)
    made = await visit.services.admin.changes.keep(
        record, author_of(visit), name=form.name, seq=seq, deed=visit.deed
    )
    return Done(
        history_models.Version.model_validate(made),
        f"“{form.name}” is kept: update {seq}, for ever.",
        to=visit.document_path("versions", record.name),
    )


async def forget_version(visit: Visit[Query], form: ForgetForm) -> Done:
    record = await document_of(visit)
    gone = await visit.services.admin.changes.forget(record, form.version, deed=visit.deed)
    return Done(
        history_models.Version.model_validate(gone),
        f"“{gone.name}” is deleted.",
        to=visit.document_path("versions", record.name),
    )


PAGES = (
    Page(
        path=path_to("compare"),
        title="Compare",
        section=DOCUMENTS,
        template="document_compare.html",
        show=show_comparison,
        query=CompareQuery,
    ),
    Page(
        path=path_to("versions"),
        title="Versions",
        section=DOCUMENTS,
        template="document_versions.html",
        show=show_versions,
        query=PagedQuery,
    ),
    Action(
        path=path_to("versions"), title="Version kept", section=DOCUMENTS, form=VersionForm, do=keep_version
    ),
    Action(
        path=path_to("delete-version"),
        title="Version deleted",
        section=DOCUMENTS,
        form=ForgetForm,
        do=forget_version,
    ),
)
