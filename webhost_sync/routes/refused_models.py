"""The JSON of what has no place in a row; the OpenAPI document is made from it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from store.refused_readings import GroupKey, RefusedGroup, RefusedRecord
from webhost_sync.fleet.refused import keys_of, remedy_of
from webhost_sync.history.paths import pointer_of
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.queries import Seq

BY_PATH = CursorFormat[tuple[int, str]](tuple[Seq, str])
BY_SIZE = CursorFormat[GroupKey](tuple[int, Seq, str, str])


class Refused(BaseModel):
    """A row, field, chunk or fix that stands in a document and in no row of SQL."""

    document: str
    path: str = Field(description="Its segments are percent-encoded: `rows/bus-7/odometer_m`, `chunks/3`, …")
    pointer: str | None = Field(
        description="Where it lies in the document, as `path` of its content; null for what has no place of "
        "its own there."
    )
    place: str = Field(description="The path with the row, chunk or fix left open: `rows/*/odometer_m`.")
    reason: str
    value: str = Field(description="As it is in the document, shortened.")
    remedy: str = Field(description="What to do. Once the document is right, this goes by itself.")
    seq: int = Field(description="The document's last update when it was found.")
    refused_since: datetime = Field(description="For this reason and with this value.")


class RefusedPage(BaseModel):
    items: list[Refused]
    next_cursor: str | None


class RefusedKind(BaseModel):
    """Everything in one document that is refused at the same place for the same reason, but for numbers."""

    document: str
    place: str
    reason: str = Field(description="Of one of them; numbers in it may differ.")
    remedy: str
    count: int
    refused_since: datetime = Field(description="The oldest of them.")


class RefusedKindPage(BaseModel):
    items: list[RefusedKind]
    next_cursor: str | None


def refused_of(record: RefusedRecord) -> Refused:
    keys = keys_of(record.path)
    return Refused(
        document=record.document,
        path=record.path,
        pointer=None if keys is None else pointer_of(keys),
        place=record.place,
        reason=record.reason,
        value=record.value,
        remedy=remedy_of(record.place, record.reason),
        seq=record.seq,
        refused_since=record.rejected_at,
    )


def kind_of(group: RefusedGroup) -> RefusedKind:
    return RefusedKind(
        document=group.document,
        place=group.place,
        reason=group.reason,
        remedy=remedy_of(group.place, group.reason),
        count=group.count,
        refused_since=group.rejected_at,
    )


def key_of_record(record: RefusedRecord) -> tuple[int, str]:
    return record.document_id, record.path


def key_of_group(group: RefusedGroup) -> GroupKey:
    return -group.count, group.document_id, group.place, group.kind
