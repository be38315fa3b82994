"""The life and death of documents over HTTP: deleting, bringing back, releasing, erasing, a new epoch.

It needs the scope `admin` besides the right to write the document (to look into it, to read it), so that an
admin's key can be held to a part of the documents. A document that may not be read looks like one that
doesn't exist.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import Field
from starlette.responses import Response

from store.contract import Document, LifeChanged, Unavailable
from store.lifecycle_contract import Deletion
from webhost_sync.auth.access import access_life
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import DocumentNotFound, DocumentQuarantined, InvalidRequest, NotAllowed, RoomClosing
from webhost_sync.fleet.names import validate_name
from webhost_sync.lifecycle.keeper import Deleted
from webhost_sync.routes import lifecycle_examples as examples
from webhost_sync.routes import lifecycle_models as models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.history import NAME, json_answer


class DeleteQuery(Query):
    now: bool = Field(False, description="Also for good, at once: it can't be brought back then.")


async def create_document(call: Call[Query, None]) -> Response:
    name = _named(call)
    document, is_new = await call.services.keeper.create(call.principal.tenant_id, name, by=_by(call))
    await _rooms_follow(call, document)
    return json_answer(models.DocumentLife.model_validate(document), 201 if is_new else 200)


async def delete_document(call: Call[DeleteQuery, None]) -> Response:
    name = _named(call)
    done = await call.services.keeper.delete(call.principal.tenant_id, name, by=_by(call), now=call.query.now)
    await _rooms_follow(call, done.deletion)
    return json_answer(_deleted(done))


async def bring_document_back(call: Call[Query, None]) -> Response:
    document = await call.services.keeper.bring_back(call.principal.tenant_id, _named(call), by=_by(call))
    await _rooms_follow(call, document)
    return json_answer(models.DocumentLife.model_validate(document))


async def diagnose_document(call: Call[Query, None]) -> Response:
    name = _named(call, Scope.READ)
    found = await call.services.repairer.diagnose(call.principal.tenant_id, name)
    record = found.document
    return json_answer(
        models.Diagnosis(
            name=record.name,
            epoch=record.epoch,
            head_seq=record.head_seq,
            state=record.state,
            reason=record.reason,
            damages=[models.DamagedPart.model_validate(damage) for damage in found.damages],
            aside=[models.PartAside.model_validate(part) for part in found.aside],
            events=[models.LifeEvent.model_validate(event) for event in found.events],
        )
    )


async def release_document(call: Call[Query, None]) -> Response:
    name = _named(call)
    document, damages = await call.services.repairer.release(call.principal.tenant_id, name, by=_by(call))
    await _rooms_follow(call, document)
    life = models.DocumentLife.model_validate(document)
    aside = [models.DamagedPart.model_validate(damage) for damage in damages]
    return json_answer(models.Released(**life.model_dump(), aside=aside))


async def erase_document(call: Call[Query, None]) -> Response:
    document = await call.services.eraser.erase(call.principal.tenant_id, _named(call), by=_by(call))
    await _rooms_follow(call, document)
    return json_answer(models.DocumentLife.model_validate(document))


async def begin_epoch(call: Call[Query, None]) -> Response:
    document = await call.services.keeper.new_epoch(call.principal.tenant_id, _named(call), by=_by(call))
    await _rooms_follow(call, document)
    return json_answer(models.DocumentLife.model_validate(document))


def _named(call: Call[Any, Any], need: Scope = Scope.WRITE) -> str:
    """The document's name, where the caller may decide over it. Raises: DocumentNotFound, NotAllowed."""
    name = validate_name(call.path_parameter("name"))
    access_life(call.principal, name, need)
    return name


async def _rooms_follow(call: Call[Any, Any], document: Document | Deletion) -> None:
    """Have the room in this process end before the answer; all follow by a message in any case."""
    changed = LifeChanged(call.principal.tenant_id, document.id, document.name)
    with suppress(Unavailable):
        await call.services.hub.life_changed(changed)


def _by(call: Call[Any, Any]) -> str:
    return call.principal.subject


def _deleted(done: Deleted) -> models.DocumentDeleted:
    deletion, tombstone = done.deletion, done.tombstone
    return models.DocumentDeleted(
        name=deletion.name,
        epoch=deletion.epoch,
        head_seq=deletion.head_seq,
        deleted_at=deletion.deleted_at,
        deleted_by=deletion.deleted_by,
        purge_at=deletion.purge_at,
        purged_at=None if tombstone is None else tombstone.purged_at,
    )


_OF_EVERY = (InvalidRequest, NotAllowed, DocumentNotFound)


def _endpoint(method: str, action: str, **declared: Any) -> Endpoint[Any, Any]:
    path = "/api/documents/{name:path}" + (f"/{action}" if action else "")
    fields = {"query": Query, "errors": _OF_EVERY, **declared}
    return Endpoint(
        method=method, path=path, tag="lifecycle", body=NoBody(), path_parameters=(NAME,), **fields
    )


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
        handler=bring_document_back,
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
        handler=erase_document,
        answers=(Answer(200, "Its history begins now", models.DocumentLife, examples.RENEWED),),
        errors=(*_OF_EVERY, DocumentQuarantined, RoomClosing),
    ),
    _endpoint(
        "POST",
        "new-epoch",
        summary="Begin a new epoch",
        description="Keeps everything, and lets no replica of before merge any more: for after a backup was "
        "put back that lacks what clients were told is saved. Needs the scope `admin`.",
        handler=begin_epoch,
        answers=(Answer(200, "Its epoch is another one", models.DocumentLife, examples.RENEWED),),
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
