"""What the pages of one document share: finding it, points of its history as people type them, and the
models of their answers. What only a template shows of an answer isn't part of its JSON.

    /documents/{what}/{document}      the name comes last, so that its slashes stay as they are
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field

from store.contract import Document as DocumentRecord
from webhost_sync.admin import models
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.names import validate_name
from webhost_sync.history.restoring import Author
from webhost_sync.moments import read_point, read_time
from webhost_sync.routes.dashboard.page import Visit
from webhost_sync.routes.dashboard.sections import DOCUMENTS
from webhost_sync.routes.history_models import Activity, Mark, Moment, Version

_LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,6})?)?")


def _with_offset(value: object, seconds: str = ":00") -> object:
    """What an input of a browser gives for a time has no offset, which is UTC's, and maybe no seconds."""
    if not isinstance(value, str):
        return value
    found = _LOCAL_TIME.fullmatch(value.strip())
    return f"{found[1]}T{found[2]}{found[3] or seconds}Z" if found else value.strip()


def _read_point(value: object) -> int | datetime:
    return read_point(_with_offset(value, ":59.999999"))


TypedPoint = Annotated[int | datetime, BeforeValidator(_read_point)]
"""A seq, or a time; a time without seconds means the whole of its minute."""


TypedTime = Annotated[datetime, BeforeValidator(lambda value: read_time(_with_offset(value)))]
"""A time, as the API reads it or as an input of a browser gives it."""


ForTemplate = object
"""What only a template shows, of a type that pydantic neither checks nor copies."""


class DocumentAnswer(BaseModel):
    document: models.Document


class Content(DocumentAnswer):
    """What the document held at a point, or what lay at a path in it."""

    seq: int = Field(description="The last update that is part of it; 0 is before the first.")
    at: datetime = Field(description="When the document came to this state.")
    complete: bool = Field(description="False where something stored isn't shown.")
    gaps: int = Field(description="Updates that wait for others which have not come, or can't be read here.")
    first_seq: int = Field(description="Every state from here on can be shown.")
    path: str
    content: object = Field(description="As in `GET /api/documents/{name}`; null where nothing lies there.")
    authors: list[Mark] | None = Field(description="Who wrote what; null where it wasn't asked for.")
    view: ForTemplate = Field(exclude=True, description="A `tree.Branch`, or None.")
    writers: ForTemplate = Field(exclude=True, description="`Writer`s.")
    steps: list[tuple[str, str]] = Field(exclude=True, description="Keys of the path, each with its pointer.")
    refused: int = Field(
        default=0, exclude=True, description="How much of it, now, has no place in the tables."
    )


class History(DocumentAnswer):
    """Who did what, and the state at one point."""

    items: list[Activity]
    next_cursor: str | None
    state: Content
    actors: list[str] = Field(exclude=True, description="Who wrote any of it.")
    devices: list[str] = Field(exclude=True)
    lanes: ForTemplate = Field(exclude=True, description="`Lane`s.")
    numbers: list[int] = Field(exclude=True, description="Of the writer of each activity.")
    ticks: list[datetime] = Field(exclude=True, description="When the log came so far, evenly along it.")
    is_read: bool = Field(exclude=True, description="False where activities and state are still to come.")


class Comparison(DocumentAnswer):
    """What leads from one state to another."""

    before: Moment = Field(serialization_alias="from")
    after: Moment = Field(serialization_alias="to")
    changes: list[dict[str, object]] = Field(description="As in the API.")
    drawn: ForTemplate = Field(exclude=True, description="A `differences.Drawn`.")


class Versions(DocumentAnswer):
    items: list[Version]
    next_cursor: str | None


class Restoration(DocumentAnswer):
    """What a restore would change, or has changed."""

    restored_seq: int = Field(description="The state that is gone back to.")
    restored_at: datetime
    path: str = Field(description="Only what lies here; empty for the whole document.")
    seq: int = Field(description="The document's last update now, or after it.")
    complete: bool
    changes: list[dict[str, object]] = Field(description="As in the API.")
    safety_version: Version | None
    drawn: ForTemplate = Field(exclude=True, description="A `differences.Drawn`.")


async def document_of(visit: Visit[Any]) -> DocumentRecord:
    """The document that the address names. Raises: DocumentNotFound, InvalidRequest."""
    name = validate_name(visit.path_parameter("document"))
    return await visit.services.archive.document(visit.tenant.id, name)


def author_of(visit: Visit[Any]) -> Author:
    return Author(visit.visitor.subject)


async def seq_of(visit: Visit[Any], record: DocumentRecord, at: int | datetime | None) -> int:
    """Raises: InvalidRequest, HistoryGone."""
    return await visit.services.archive.seq_at(record, at)


async def seq_of_version(visit: Visit[Any], record: DocumentRecord, version: UUID) -> int:
    """Raises: VersionNotFound."""
    return (await visit.services.archive.version(record, version)).seq


def one_target(at: int | datetime | None, version: UUID | None) -> None:
    """Raises: InvalidRequest where both or neither say what to go back to."""
    if (at is None) == (version is None):
        raise InvalidRequest("name either a version or at")


def path_to(what: str) -> str:
    """The path of a kind of page of one document."""
    return f"{DOCUMENTS.path}/{what}/{{document:path}}"
