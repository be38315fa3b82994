"""The JSON that the API answers with and takes, field by field; the OpenAPI document is made from these.

Times are RFC 3339 in UTC, units stand in the names, and what is unknown is null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from store.contract import DocumentState, Environment
from webhost_sync.auth.principals import Scope

Item = TypeVar("Item")
PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
"""What goes into logs and lists as it is: no control characters."""


class ErrorDetail(BaseModel):
    code: str = Field(description="Names the error; made for programs, and never changes.")
    message: str = Field(description="Says what is wrong and what to do; made for people.")
    retry: bool = Field(description="Whether the same request may succeed later, without a change.")


class ErrorAnswer(BaseModel):
    """Every error of the API has this form."""

    error: ErrorDetail


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class Vehicle(BaseModel):
    """A row of the document `tables/vehicles`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str | None
    plate: str | None
    group: str | None
    driver: str | None
    status: str | None
    icon: str | None
    color: str | None
    odometer_m: float | None = Field(description="Metres.")
    installed_at: datetime | None
    archived: bool | None
    attributes: dict[str, object] = Field(description="Every other field of the row.")


class LatestPosition(BaseModel):
    """Where a vehicle was last, by the time of the fix."""

    vehicle_id: str
    device_id: str
    sequence: int = Field(description="Counts up on the device, over restarts too.")
    time: datetime = Field(description="Of the fix, as the receiver had it.")
    received_at: datetime = Field(description="When the server committed it.")
    latitude: float = Field(description="Degrees, WGS 84.")
    longitude: float = Field(description="Degrees, WGS 84.")
    altitude_m: float | None
    speed_mps: float | None = Field(description="Metres per second.")
    heading_deg: float | None = Field(description="Degrees clockwise from north.")
    accuracy_m: float | None = Field(description="Radius of doubt.")
    valid: bool | None = Field(description="What the receiver itself says of the fix.")
    flags: list[str] = Field(
        description="Reasons to doubt it: not_valid, inaccurate, zero_island, speed_out_of_range, "
        "heading_out_of_range, duplicate_time, impossible_jump."
    )
    attributes: dict[str, object] = Field(description="What else the device sent with it.")


class Position(LatestPosition):
    """One fix of a vehicle."""

    device_time: datetime | None = Field(description="The device's own clock at the fix.")


class DocumentSummary(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    epoch: UUID = Field(description="Changes when the document is made anew.")
    head_seq: int = Field(description="Number of its last committed update; 0 before the first.")
    state: DocumentState = Field(description="A quarantined document can be read, and takes no writes.")
    log_bytes: int = Field(description="Bytes of the updates that are kept.")
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = Field(None, description="Only of a deleted one, as the next two.")
    deleted_by: str | None = None
    purge_at: datetime | None = Field(None, description="Until then it can be brought back.")


class DocumentContent(BaseModel):
    """The merged committed state of a document."""

    name: str
    epoch: UUID
    head_seq: int = Field(description="The last committed update that is part of it.")
    state: DocumentState
    complete: bool = Field(
        description="False where something stored is not shown: a damaged row, an update that waits for "
        "another one, or one that only Yjs itself can read."
    )
    roots: dict[str, object] = Field(
        description='The shared types by name. Bytes are `{"$t": "b", "k": "Uint8Array", "v": base64}`; '
        "a number that JSON hasn't (NaN, infinities) is null; XML is its text."
    )


class VehiclePage(Page[Vehicle]):
    """A page of vehicles, by id."""


class PositionPage(Page[Position]):
    """A page of one vehicle's positions, by time of the fix."""


class LatestPositionPage(Page[LatestPosition]):
    """A page of latest positions, by vehicle."""


class PositionFeedPage(BaseModel):
    """Positions in the order in which they were written."""

    items: list[Position] = Field(description="At most `limit`; fewer where some may not be seen.")
    next_cursor: str = Field(description="The `after` of the next call; there is always one.")
    has_more: bool = Field(description="Whether more is there already.")


class DocumentPage(Page[DocumentSummary]):
    """A page of documents, by the UTF-8 bytes of their names."""


class TokenGrant(BaseModel):
    """Rights on the documents whose names fit the pattern; `*` stands for any characters."""

    model_config = ConfigDict(extra="forbid")

    pattern: str
    rights: list[Literal[Scope.READ, Scope.WRITE, Scope.PRESENCE]] = [Scope.READ]


class TokenRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: PlainText | None = Field(None, description="Who will hold it; default: the key itself.")
    device: PlainText = Field("", description="Stands beside the subject in the history.")
    documents: list[TokenGrant] | None = Field(
        None, min_length=1, max_length=100, description="Default: everything that the key itself may do."
    )
    scopes: list[Scope] = Field([], description="Calls that aren't about one document, e.g. `history`.")
    lifetime_seconds: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Default: 3600; at most: `token_max_lifetime`."
    )


class TokenAnswer(BaseModel):
    token: str = Field(description="Shown once; the server keeps no copy.")
    expires_at: datetime = Field(description="Not later than the key's own end.")
    subject: str
    device: str
    environment: Environment
    documents: list[TokenGrant]
    scopes: list[Scope]


class Health(BaseModel):
    status: Literal["healthy", "maintenance", "degraded", "unhealthy"] = Field(
        description="maintenance: it is read and not written, on purpose; degraded: this process is going "
        "away; unhealthy: something can't be stored."
    )
    maintenance: str | None = Field(description="Why no changes are taken for now; null where they are.")
    database: str = Field(description='"connected", or "unavailable: " and why.')
    redis: str = Field(
        description='"ok", "unavailable" (the server goes on without it), or "not configured".'
    )
    failing_rooms: int = Field(description="Live documents whose last commit was not answered.")
    draining: bool
    timestamp: datetime
    version: str
    schema_revision: str | None


class Liveness(BaseModel):
    status: Literal["alive"] = "alive"


class Limit(BaseModel):
    name: str
    value: float | int
    unit: str
    meaning: str
    setting: str | None = Field(description="The variable with which an operator changes it.")


class Limits(BaseModel):
    limits: list[Limit]
