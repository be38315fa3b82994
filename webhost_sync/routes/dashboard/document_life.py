"""The life of a document, for admins: delete it, let it out of quarantine, erase its past, renew its epoch.

What can't be taken back is asked for twice: the second time the document's name has to be typed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field

from store.contract import DocumentState
from store.users import MemberRole
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.names import validate_name
from webhost_sync.routes import lifecycle_models as models
from webhost_sync.routes.dashboard.document_answers import DocumentAnswer, document_of, path_to
from webhost_sync.routes.dashboard.forms import Form, NoFields
from webhost_sync.routes.dashboard.gone_documents import DELETED
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.endpoint import Query


class TypedForm(Form):
    """The name again, typed by hand."""

    name: str = ""


class Life(DocumentAnswer):
    """What is wrong with a document, if anything is, and what was done to it."""

    damages: list[models.DamagedPart] = Field(description="What a release would put aside.")
    unclear: str | None = Field(description="Why the damaged parts can't be told apart.")
    aside: list[models.PartAside] = Field(description="What was put aside before.")
    events: list[models.LifeEvent] = Field(description="The newest 100, newest first.")
    retention_days: float = Field(description="For so long it could be brought back, were it deleted now.")


async def show_life(visit: Visit[Query]) -> Life:
    record = await document_of(visit)
    lives, tenant_id = visit.services.admin.lives, visit.tenant.id
    found, unclear = await lives.known(tenant_id, record.name), None
    if record.state is DocumentState.QUARANTINED:
        try:
            found = await lives.diagnose(tenant_id, record.name)
        except InvalidRequest as error:
            unclear = str(error)
    return Life(
        document=visit.services.admin.documents.one(record),
        damages=models.damaged_parts(found.damages),
        unclear=unclear,
        aside=[models.PartAside.model_validate(part) for part in found.aside],
        events=[models.LifeEvent.model_validate(event) for event in found.events],
        retention_days=(await lives.retention(tenant_id)) / timedelta(days=1),
    )


async def delete(visit: Visit[Query], form: NoFields) -> Done:
    name = _name(visit)
    done = await visit.services.admin.lives.delete(visit.tenant.id, name, by=visit.deed)
    until = f"{done.deletion.purge_at:%Y-%m-%d %H:%M} UTC"
    message = f"{name} is deleted. It can be brought back until {until}."
    return Done(models.DocumentDeleted.of(done.deletion), message, to=DELETED)


async def purge(visit: Visit[Query], form: TypedForm) -> Done:
    name = _typed(visit, form)
    done = await visit.services.admin.lives.delete(visit.tenant.id, name, by=visit.deed, now=True)
    answer = models.DocumentDeleted.of(done.deletion, done.tombstone)
    return Done(answer, f"{name} is gone for good.", to=DELETED)


async def bring_back(visit: Visit[Query], form: NoFields) -> Done:
    name = _name(visit)
    document = await visit.services.admin.lives.bring_back(visit.tenant.id, name, by=visit.deed)
    return _done(visit, name, document, "is there again, exactly as it was", what="content")


async def create(visit: Visit[Query], form: NoFields) -> Done:
    name = _name(visit)
    document, is_new = await visit.services.admin.lives.create(visit.tenant.id, name, by=visit.deed)
    return _done(visit, name, document, "is made" if is_new else "is there already", what="content")


async def release(visit: Visit[Query], form: NoFields) -> Done:
    name = _name(visit)
    document, damages = await visit.services.admin.lives.release(visit.tenant.id, name, by=visit.deed)
    aside = f"; {len(damages)} damaged parts are kept aside" if damages else ""
    message = f"{name} takes writes again{aside}."
    return Done(models.Released.of(document, damages), message, to=visit.document_path("life", name))


async def erase(visit: Visit[Query], form: TypedForm) -> Done:
    name = _typed(visit, form)
    document = await visit.services.admin.lives.erase(visit.tenant.id, name, by=visit.deed)
    return _done(visit, name, document, "has no past any more; its epoch is another one")


async def new_epoch(visit: Visit[Query], form: NoFields) -> Done:
    name = _name(visit)
    document = await visit.services.admin.lives.new_epoch(visit.tenant.id, name, by=visit.deed)
    return _done(visit, name, document, "has another epoch; clients load it anew")


def _name(visit: Visit[Any]) -> str:
    """The name that the address has, of a document that may be deleted or gone. Raises: InvalidRequest."""
    return validate_name(visit.path_parameter("document"))


def _typed(visit: Visit[Any], form: TypedForm) -> str:
    """The same, typed again. Raises: InvalidRequest."""
    name = _name(visit)
    if form.name.strip() != name.strip():  # inputs come without the spaces around them
        raise InvalidRequest(f"this can't be taken back: type the document's name, {name!r}, to confirm it")
    return name


def _done(visit: Visit[Any], name: str, document: object, words: str, *, what: str = "life") -> Done:
    answer: BaseModel = models.DocumentLife.model_validate(document)
    return Done(answer, f"{name} {words}.", to=visit.document_path(what, name))


def _action(what: str, title: str, do: Any, form: type[Form] = NoFields) -> Action[Any]:
    return Action(path=path_to(what), title=title, section=DOCUMENTS, form=form, do=do)


PAGES = (
    Page(
        path=path_to("life"),
        title="Life",
        section=DOCUMENTS,
        template="document_life.html",
        show=show_life,
        query=Query,
        role=MemberRole.ADMIN,
    ),
    _action("delete", "Deleted", delete),
    _action("delete-for-good", "Gone for good", purge, TypedForm),
    _action("bring-back", "Brought back", bring_back),
    _action("create", "Made", create),
    _action("release", "Released", release),
    _action("erase", "Erased", erase, TypedForm),
    _action("new-epoch", "New epoch", new_epoch),
)
