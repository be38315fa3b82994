"""The JSON of the history of documents, as `models` has it for everything else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from store.history_contract import VersionKind
from webhost_sync.routes.models import Page, PlainText
from webhost_sync.routes.queries import Point

Pointer = Annotated[str, Field(description="A JSON Pointer (RFC 6901), as /rows/bus-7/name.")]


class Activity(BaseModel):
    """What one writer did in one go: updates with no pause above 60 s between them, 10 minutes at most."""

    actor: str = Field(description="Who; `restore:` stands before the name of whoever restored.")
    device: str
    first_seq: int
    last_seq: int = Field(description="Updates of others may lie between its first and its last one.")
    started_at: datetime
    ended_at: datetime
    updates: int
    bytes: int
    touched: list[str] = Field(description="Roots and entries of root maps that were written, as pointers.")
    touched_more: bool = Field(description="Whether some are left out.")


class ActivityPage(Page[Activity]):
    """A page of activities, newest end first."""


class PastState(BaseModel):
    """What a document held after an update."""

    name: str
    epoch: UUID
    seq: int = Field(description="The last update that is part of it; 0 is before the first.")
    at: datetime = Field(description="When the server committed that update.")
    head_seq: int = Field(description="The document's last update now.")
    complete: bool = Field(
        description="False where an update waits for another one, or only Yjs itself can read it."
    )
    roots: dict[str, object] = Field(
        description="As in `GET /api/documents/{name}`; roots without content are left out."
    )


class Moment(BaseModel):
    seq: int
    at: datetime


class TextPiece(BaseModel):
    """A stretch of a text, or something embedded in it. Formats are left out where there are none."""

    piece: Literal["kept", "deleted", "inserted", "formatted"]
    text: str = ""
    embed: object = None
    formats: dict[str, object] = {}
    formats_before: dict[str, object] = {}


class Added(BaseModel):
    change: Literal["added"]
    path: Pointer
    after: object


class Removed(BaseModel):
    change: Literal["removed"]
    path: Pointer
    before: object


class Replaced(BaseModel):
    change: Literal["replaced"]
    path: Pointer
    before: object
    after: object


class Spliced(BaseModel):
    """Items of an array or children of an XML element; `path` is that of the array or element."""

    change: Literal["spliced"]
    path: Pointer
    index: int
    removed: list[object]
    added: list[object]


class TextEdited(BaseModel):
    change: Literal["text"]
    path: Pointer
    pieces: list[TextPiece]


class AttributeChanged(BaseModel):
    """An attribute of an XML element; null where there is none."""

    change: Literal["attribute"]
    path: Pointer
    name: str
    before: object
    after: object


Change = Annotated[
    Added | Removed | Replaced | Spliced | TextEdited | AttributeChanged, Field(discriminator="change")
]


class Difference(BaseModel):
    """What leads from one state to another, in the order in which it is to be done."""

    model_config = ConfigDict(populate_by_name=True)

    before: Moment = Field(alias="from")
    after: Moment = Field(alias="to")
    changes: list[Change]


class Mark(BaseModel):
    """Who wrote what lies at a path; null where that is older than the log that is kept."""

    path: Pointer
    start: int | None = Field(None, description="Of a text: where the stretch begins, in UTF-16 units.")
    end: int | None = Field(None, description="Of a text: where it ends, not included.")
    seq: int | None
    actor: str | None
    device: str | None
    at: datetime | None


class MarkPage(Page[Mark]):
    """A page of marks, in the order of their paths; all pages are about the state at `seq`."""

    seq: int


class Version(BaseModel):
    """A state of a document that is kept beyond its log."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    seq: int
    kind: VersionKind = Field(
        description="named: kept for ever; safety: made before a restore; automatic: the last state of an "
        "hour or day whose updates are gone."
    )
    name: str
    actor: str = Field(description="Who made it; empty where it was made by itself.")
    at: datetime = Field(description="When the document had this state.")
    size: int = Field(description="Bytes.")
    created_at: datetime = Field(description="When the version was made.")


class VersionPage(Page[Version]):
    """A page of versions, newest state first."""


class VersionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[PlainText, Field(min_length=1)]
    at: Point | None = Field(None, description="Seq or time of the state to keep; default: now.")


class RestoreRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: UUID | None = Field(None, description="The version to go back to.")
    at: Point | None = Field(None, description="Or the state to go back to, by its seq or by a time.")
    path: str = Field("", description="Only what lies here: one row, one field. Default: the whole document.")
    preview: bool = Field(False, description="Say what would change, and change nothing.")

    @model_validator(mode="after")
    def _one_target(self) -> RestoreRequest:
        if (self.version is None) == (self.at is None):
            raise ValueError("name either a version or at")
        return self


class RestoreAnswer(BaseModel):
    restored_seq: int = Field(description="The state that was gone back to.")
    seq: int = Field(description="The document's last update after it; from here on it is as it was then.")
    preview: bool
    complete: bool = Field(
        description="False where something could not be made again, as a document within the document."
    )
    changes: list[Change] = Field(
        description="What it changed, or would change; empty where nothing differed."
    )
    safety_version: Version | None = Field(
        description="The state of right before; null for a preview, and where nothing differed."
    )
