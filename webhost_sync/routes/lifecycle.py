"""The life and death of documents over HTTP: deleting, bringing back, releasing, erasing, a new epoch.

It needs the scope `admin` besides the right to write the document (to look into it, to read it), so that an
admin's key can be held to a part of the documents. A document that may not be read looks like one that
doesn't exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field
from starlette.responses import Response

from store.contract import Document
from store.lifecycle_contract import Tombstone, TombstoneKey
from webhost_sync.admin.lives import DocumentLives
from webhost_sync.auth.access import access_api, access_life
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import DocumentNotFound, DocumentQuarantined, InvalidRequest, NotAllowed, RoomClosing
from webhost_sync.fleet.names import validate_name
from webhost_sync.routes import lifecycle_examples as examples
from webhost_sync.routes import lifecycle_models as models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.history import NAME, json_answer
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery, Seq
from webhost_sync.routes.vehicles import readable_patterns

BY_NAME_AND_ID: CursorFormat[TombstoneKey] = CursorFormat(tuple[str, Seq])


class DeleteQuery(Query):
    now: bool = Field(False, description="Also for good, at once: it can't be brought back then.")


class TombstoneQuery(PagedQuery):
    prefix: str = Field(
        "", max_length=255, description="Only names that begin with this.", examples=["track/"]
    )


def one_thing(
    name: str, do: Callable[..., Awaitable[Document]]
) -> Callable[[Call[Query, None]], Awaitable[Response]]:
    """The handler that does one thing of `DocumentLives` to a document, and answers with what it is then.
    OpenAPI knows the call by its `name`."""

    async def handle(call: Call[Query, None]) -> Response:
        lives, tenant_id = call.services.admin.lives, call.principal.tenant_id
        document = await do(lives, tenant_id, _named(call), by=call.deed)
        return json_answer(models.DocumentLife.model_validate(document))

    handle.__name__ = name
    return handle


async def create_document(call: Call[Query, None]) -> Response:
    name, lives = _named(call), call.services.admin.lives
    document, is_new = await lives.create(call.principal.tenant_id, name, by=call.deed)
    return json_answer(models.DocumentLife.model_validate(document), 201 if is_new else 200)


async def delete_document(call: Call[DeleteQuery, None]) -> Response:
    name, lives = _named(call), call.services.admin.lives
    done = await lives.delete(call.principal.tenant_id, name, by=call.deed, now=call.query.now)
    return json_answer(models.DocumentDeleted.of(done.deletion, done.tombstone))


async def diagnose_document(call: Call[Query, None]) -> Response:
    name, lives = _named(call, Scope.READ), call.services.admin.lives
    return json_answer(models.Diagnosis.of(await lives.diagnose(call.principal.tenant_id, name)))


async def release_document(call: Call[Query, None]) -> Response:
    name, lives = _named(call), call.services.admin.lives
    document, damages = await lives.release(call.principal.tenant_id, name, by=call.deed)
    return json_answer(models.Released.of(document, damages))


async def list_tombstones(call: Call[TombstoneQuery, None]) -> Response:
    access_api(call.principal, Scope.ADMIN)
    patterns, lives = readable_patterns(call.principal), call.services.admin.lives

    async def fetch(after: TombstoneKey | None, limit: int) -> list[Tombstone]:
        return await lives.tombstones(
            call.principal.tenant_id, patterns, prefix=call.query.prefix, after=after, limit=limit
        )

    found, cursor = await page(call, BY_NAME_AND_ID, fetch, lambda each: (each.name, each.document_id))
    items = [models.Tombstone.model_validate(each) for each in found]
    return json_answer(models.TombstonePage(items=items, next_cursor=cursor))


def _named(call: Call[Any, Any], need: Scope = Scope.WRITE) -> str:
    """The document's name, where the caller may decide over it. Raises: DocumentNotFound, NotAllowed."""
    name = validate_name(call.path_parameter("name"))
    access_life(call.principal, name, need)
    return name


_OF_EVERY = (InvalidRequest, NotAllowed, DocumentNotFound)


def _endpoint(method: str, action: str, **declared: Any) -> Endpoint[Any, Any]:
    path = "/api/documents/{name:path}" + (f"/{action}" if action else "")
    fields = {"path": path, "query": Query, "errors": _OF_EVERY, "path_parameters": (NAME,), **declared}
    return Endpoint(method=method, tag="lifecycle", body=NoBody(), **fields)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    _endpoint(
        "GET",
        "diagnosis",
        summary="Say what is wrong with a document",
        description="Why it is in quarantine, which stored parts can't be read, what was put aside before, "
        "and what was done to its life. Needs the scope `admin`. Reads all that the document is loaded from.",
        handler=diagnose_document,
        answers=(Answer(200, "What was found", models.Diagnosis, examples.DIAGNOSIS),),
    ),
    _endpoint(
        "POST",
        "release",
        summary="Let a document out of quarantine",
        description="Puts aside, whole, what can't be read, and goes on with what can. Updates that build on "
        "it wait; whoever still has it brings it back by syncing. Needs the scope `admin`.",
        handler=release_document,
        answers=(Answer(200, "It takes writes again", models.Released, examples.RELEASED),),
    ),
    _endpoint(
        "POST",
        "bring-back",
        summary="Bring a deleted document back",
        description="It is exactly what it was. Needs the scope `admin`.",
        handler=one_thing("bring_document_back", DocumentLives.bring_back),
        answers=(Answer(200, "It is there again", models.DocumentLife, examples.LIFE),),
    ),
    _endpoint(
        "POST",
        "erase",
        summary="Erase the history of a document",
        description="What it holds now is written anew; its updates, snapshots and versions, also those with "
        "a name, and the names of its writers are gone. It gets another epoch, so replicas of before never "
        "merge: our clients put theirs aside and load it anew, others are closed with 4409. Needs the scope "
        "`admin`.",
        handler=one_thing("erase_document", DocumentLives.erase),
        answers=(Answer(200, "Its history begins now", models.DocumentLife, examples.RENEWED),),
        errors=(*_OF_EVERY, DocumentQuarantined, RoomClosing),
    ),
    _endpoint(
        "POST",
        "new-epoch",
        summary="Begin a new epoch",
        description="Keeps everything, and lets no replica of before merge any more: for after a backup was "
        "put back that lacks what clients were told is saved. Needs the scope `admin`.",
        handler=one_thing("begin_epoch", DocumentLives.new_epoch),
        answers=(Answer(200, "Its epoch is another one", models.DocumentLife, examples.RENEWED),),
    ),
    _endpoint(
        "GET",
        "",
        path="/api/tombstones",
        path_parameters=(),
        summary="List what was deleted for good",
        description="What stays for ever of each document that is gone, by name: so nobody makes one under "
        "that name by opening it. Needs the scope `admin`; only names that the credential may read.",
        handler=list_tombstones,
        query=TombstoneQuery,
        answers=(Answer(200, "A page", models.TombstonePage, examples.TOMBSTONES),),
        errors=(InvalidRequest, NotAllowed),
    ),
    # Last: their names may hold slashes.
    _endpoint(
        "PUT",
        "",
        summary="Make a document",
        description="Documents are made by whoever opens them first; this is the only way to one under the "
        "name of one that was deleted for good. Does nothing where there is one. Needs the scope `admin`.",
        handler=create_document,
        answers=(
            Answer(201, "It was made", models.DocumentLife, examples.RENEWED),
            Answer(200, "It was there", models.DocumentLife, examples.LIFE),
        ),
    ),
    _endpoint(
        "DELETE",
        "",
        summary="Delete a document",
        description="From now on it looks like one that was never there, its connections are closed with "
        "4404, and its rows go; it can be brought back until `purge_at`. With `now`, also of one that was "
        "deleted before, everything of it is gone at once, but for a tombstone. Needs the scope `admin`.",
        handler=delete_document,
        query=DeleteQuery,
        answers=(Answer(200, "It is deleted", models.DocumentDeleted, examples.DELETED),),
    ),
)
