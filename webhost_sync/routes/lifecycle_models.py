"""The JSON of the life and death of documents, as `models` has it for everything else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from store import lifecycle_contract as contract
from store.contract import Document, DocumentState
from store.lifecycle_contract import Part
from webhost_sync.lifecycle import repair
from webhost_sync.routes.models import Page


class DocumentDeleted(BaseModel):
    """What was deleted. With `purged_at` it is gone for good; until `purge_at` it can be brought back."""

    name: str
    epoch: UUID
    head_seq: int = Field(description="Number of its last committed update.")
    deleted_at: datetime
    deleted_by: str
    purge_at: datetime
    purged_at: datetime | None

    @classmethod
    def of(cls, deletion: contract.Deletion, tombstone: contract.Tombstone | None = None) -> DocumentDeleted:
        return cls(
            name=deletion.name,
            epoch=deletion.epoch,
            head_seq=deletion.head_seq,
            deleted_at=deletion.deleted_at,
            deleted_by=deletion.deleted_by,
            purge_at=deletion.purge_at,
            purged_at=None if tombstone is None else tombstone.purged_at,
        )


class Tombstone(BaseModel):
    """What stays of a document that was deleted for good."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    epoch: UUID = Field(description="Replicas of it never merge into a document that is made later.")
    head_seq: int = Field(description="Number of its last update.")
    created_at: datetime
    deleted_at: datetime
    deleted_by: str
    purged_at: datetime
    purged_by: str = Field(description="`retention` where its time was over.")


class TombstonePage(Page[Tombstone]):
    """A page of tombstones, by name; of one name the older first."""


class DocumentLife(BaseModel):
    """A document as it is after something was done to it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    epoch: UUID = Field(description="Replicas of another one never merge.")
    head_seq: int
    state: DocumentState
    demands_epoch: bool = Field(
        description="Its history was begun anew: whoever brings updates has to say which epoch they are of."
    )


class DamagedPart(BaseModel):
    """Something stored that can't be read. Of a part that is missing only `seq` is known."""

    model_config = ConfigDict(from_attributes=True)

    part: Part
    seq: int = Field(description="Of the update; of a snapshot, the last update that it covers.")
    reason: str
    size: int | None = Field(description="Bytes.")
    checksum: int | None = Field(description="CRC-32 that was stored with it, as a signed number.")
    found: int | None = Field(description="CRC-32 of its bytes as they are now.")
    actor: str | None = Field(description="Who wrote the update.")
    at: datetime | None = Field(description="When it was stored.")


def damaged_parts(damages: Iterable[contract.Damage]) -> list[DamagedPart]:
    return [DamagedPart.model_validate(damage) for damage in damages]


class PartAside(BaseModel):
    """A damaged part that is kept aside, whole: for ever, or until the document is purged or erased."""

    model_config = ConfigDict(from_attributes=True)

    part: Part
    seq: int
    reason: str
    size: int
    checksum: int | None
    quarantined_at: datetime
    released_at: datetime | None
    released_by: str | None


class LifeEvent(BaseModel):
    """Something that was done to the document's life."""

    model_config = ConfigDict(from_attributes=True)

    action: str = Field(
        description="created, deleted, brought_back, purged, quarantined, released, erased, epoch_changed."
    )
    actor: str
    at: datetime
    detail: dict[str, object]


class Diagnosis(BaseModel):
    """What is wrong with a document, if anything is."""

    name: str
    epoch: UUID
    head_seq: int
    state: DocumentState
    reason: str | None = Field(description="Why it is in quarantine.")
    damages: list[DamagedPart] = Field(description="What would be put aside by a release; at most 1000.")
    aside: list[PartAside] = Field(description="What was put aside before.")
    events: list[LifeEvent] = Field(description="The newest 100, newest first.")

    @classmethod
    def of(cls, found: repair.Diagnosis) -> Diagnosis:
        record = found.document
        return cls(
            name=record.name,
            epoch=record.epoch,
            head_seq=record.head_seq,
            state=record.state,
            reason=record.reason,
            damages=damaged_parts(found.damages),
            aside=[PartAside.model_validate(part) for part in found.aside],
            events=[LifeEvent.model_validate(event) for event in found.events],
        )


class Released(DocumentLife):
    """A document out of quarantine, and what was put aside of it."""

    aside: list[DamagedPart]

    @classmethod
    def of(cls, document: Document, damages: Iterable[contract.Damage]) -> Released:
        life = DocumentLife.model_validate(document)
        return cls(**life.model_dump(), aside=damaged_parts(damages))
