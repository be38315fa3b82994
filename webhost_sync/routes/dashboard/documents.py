"""The list of a space's documents, and what one of them holds, or held at any point of its history."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import Field

from store.contract import Document as DocumentRecord
from store.contract import DocumentState
from webhost_sync.admin import models
from webhost_sync.dashboard.documents.tree import tree
from webhost_sync.dashboard.documents.writers import Marks, Writers
from webhost_sync.history.json_form import node_json
from webhost_sync.history.nodes import MapNode, find, leaf, map_node
from webhost_sync.history.paths import path_of, pointer_of
from webhost_sync.routes.dashboard.document_answers import Content, TypedPoint, document_of, path_to, seq_of
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.document_view import view
from webhost_sync.routes.documents import BY_NAME
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.history import mark_model
from webhost_sync.routes.history_models import Mark
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery

ROWS_AT_ONCE = 3000
"""Updates through which it is looked for who wrote what, without being asked to."""


class DocumentsQuery(PagedQuery):
    q: str = Field("", max_length=255, description="Part of the name.")
    state: Literal["active", "quarantined"] | None = None


class ContentQuery(Query):
    at: TypedPoint | None = Field(None, description="Seq or time of the state. Default: now.")
    path: str = Field("", description="Only what lies here, as `/rows/bus-7`. Default: everything.")
    first: int = Field(0, ge=0, lt=2**31, description="The entry to begin with.")
    authors: Literal["yes", "no"] | None = Field(
        None, description="Whether to say who wrote what. Default: where that is quick."
    )


async def show_documents(visit: Visit[DocumentsQuery]) -> models.Documents:
    query, desk = visit.query, visit.services.admin.documents
    state = None if query.state is None else DocumentState(query.state)

    async def fetch(after: str | None, limit: int) -> list[models.Document]:
        return await desk.page(visit.tenant.id, text=query.q, state=state, after=after, limit=limit)

    path = visit.address(DOCUMENTS.path)
    items, cursor = await page_of(query, path, BY_NAME, fetch, lambda document: document.name)
    return models.Documents(items=items, next_cursor=cursor)


async def show_content(visit: Visit[ContentQuery]) -> Content:
    record, query = await document_of(visit), visit.query
    seq = await seq_of(visit, record, query.at)
    content = await content_at(visit, record, seq, path=query.path, first=query.first, authors=query.authors)
    refused = await visit.services.refused.count(visit.tenant.id, record.name)
    return content.model_copy(update={"refused": refused})


async def content_at(
    visit: Visit[Any],
    record: DocumentRecord,
    seq: int,
    *,
    path: str = "",
    first: int = 0,
    authors: str | None = "no",
) -> Content:
    """The state after row `seq`. Raises: InvalidRequest, HistoryGone, DocumentNotFound."""
    archive, keys = visit.services.archive, path_of(path)
    writers = Writers()
    if record.state is DocumentState.QUARANTINED and seq == record.head_seq:
        return await _damaged(visit, record, path, first)
    found, span = await archive.content(record, seq), await archive.span(record)
    node = find(found.roots, keys)
    marks: list[Mark] | None = None
    if node is not None and _tells_authors(record, authors, seq - span.first_seq):
        attribution = await archive.attribution(record, seq, keys)
        marks = [mark_model(mark, attribution) for mark in attribution.marks]
    drawn = None
    if node is not None:
        drawn = await asyncio.to_thread(tree, node, keys, Marks(marks or (), writers), first=first)
    return Content(
        document=visit.services.admin.documents.one(record),
        seq=seq,
        at=found.moment.at,
        complete=not found.gaps,
        gaps=found.gaps,
        first_seq=span.first_seq,
        path=path,
        content=None if node is None else node_json(node),
        authors=marks,
        view=drawn,
        writers=list(writers),
        steps=_steps(keys),
    )


def _tells_authors(record: DocumentRecord, asked: str | None, updates: int) -> bool:
    """Whether to look for who wrote what. Of a damaged document the log can't be read as a whole."""
    if record.state is not DocumentState.ACTIVE:
        return False
    return asked == "yes" or (asked is None and updates <= ROWS_AT_ONCE)


async def _damaged(visit: Visit[Any], record: DocumentRecord, path: str, first: int) -> Content:
    """What can still be read of a document in quarantine."""
    stored = await visit.services.log.load_readable(record.tenant_id, record.id)
    read = await asyncio.to_thread(view, stored)
    roots: MapNode = map_node({name: leaf(value) for name, value in read.roots.items()})
    keys = path_of(path)
    node = find(roots, keys[:1])
    return Content(
        document=visit.services.admin.documents.one(record),
        seq=record.head_seq,
        at=record.updated_at,
        complete=False,
        gaps=0,
        first_seq=record.head_seq,
        path=pointer_of(keys[:1]),
        content=None if node is None else node_json(node),
        authors=None,
        view=None if node is None else tree(node, keys[:1], first=first),
        writers=[],
        steps=_steps(keys[:1]),
    )


def _steps(keys: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(key, pointer_of(keys[: number + 1])) for number, key in enumerate(keys)]


PAGES = (
    Page(
        path=DOCUMENTS.path,
        title="Documents",
        section=DOCUMENTS,
        template="documents.html",
        show=show_documents,
        query=DocumentsQuery,
    ),
    Page(
        path=path_to("content"),
        title="Document",
        section=DOCUMENTS,
        template="document.html",
        show=show_content,
        query=ContentQuery,
    ),
)
