"""The answers of pages and of `/api/admin`, field by field. Times are UTC, units stand in the names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from store.contract import DocumentState, Environment
from store.users import MemberRole
from webhost_sync.limiting.budgets import Budget


class Alert(BaseModel):
    """Something that an admin should look at."""

    name: Literal[
        "database", "commits", "response_time", "error_rate", "database_connections", "memory",
        "projection_lag", "quarantine", "projection_failures",
    ]  # fmt: skip
    severity: Literal["warning", "critical"]
    message: str = Field(description="What is wrong, with the number and the limit.")


class Traffic(BaseModel):
    """What was written to this space's documents through this process, in the last quarter of an hour."""

    updates_per_second: float = Field(description="Over the last minute.")
    commit_ms_median: float | None = Field(description="Over the last five minutes; null without a commit.")
    commit_ms_p95: float | None
    step_seconds: float = Field(description="Of the two series, which are oldest first.")
    updates_series: list[float] = Field(description="Updates a second.")
    commit_ms_series: list[float] = Field(description="The longest commit of each step.")


class Load(BaseModel):
    """How hard this server process works, in the last five minutes."""

    response_ms_p95: float | None
    error_percent: float | None = Field(description="Answers with a status of 500 or more.")
    database_connections_percent: float | None
    memory_percent: float | None
    response_ms_series: list[float] = Field(description="95 % were quicker, by step; oldest first.")


class Projection(BaseModel):
    """How far the SQL tables are behind the documents."""

    documents_behind: int
    lag_seconds: float = Field(description="How long ago the document that waits for longest was written.")
    failures: int = Field(description="Documents that can't be projected; tried again by themselves.")
    rejects: int = Field(description="Rows and fields that are in a document and not in the tables.")


class Storage(BaseModel):
    documents: int
    quarantined: int
    log_rows: int
    log_bytes: int
    snapshot_bytes: int
    vehicles: int
    positions: int
    positions_are_more: bool = Field(description="Whether there are more than were counted.")


class Overview(BaseModel):
    """One space at one moment, as this server process sees it."""

    status: Literal["healthy", "degraded", "unhealthy"]
    database: str = Field(description='"connected", or "unavailable: " and why.')
    connections: int = Field(description="Live connections to this process.")
    rooms: int = Field(description="Documents that are open in this process.")
    alerts: list[Alert]
    traffic: Traffic
    load: Load
    projection: Projection | None = Field(description="Null while the database is away.")
    storage: Storage | None = Field(description="Null while the database is away.")
    at: datetime


class Key(BaseModel):
    """What is known of an API key: never the key itself."""

    id: UUID
    prefix: str
    name: str
    state: Literal["valid", "expired", "revoked"]
    environment: Environment
    scopes: list[str]
    documents: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class Keys(BaseModel):
    items: list[Key] = Field(description="Newest first; revoked and expired ones after the valid ones.")


class NewKey(BaseModel):
    """A key that was just made."""

    key: str = Field(description="Shown this once; the server keeps its hash.")
    record: Key


class Connection(BaseModel):
    id: int = Field(description="Its number in this server process.")
    subject: str = Field(description="Whose it is: a key, or whom a token names.")
    device: str
    credential: Literal["key", "token"]
    key_id: UUID = Field(description="The key with which it stands or falls.")
    document: str
    dialect: str
    since: datetime
    pending_bytes: int = Field(description="Bytes that wait to be read by the client.")


class Connections(BaseModel):
    """Those to this server process; others have their own."""

    items: list[Connection]
    total: int = Field(description="All of the space, whatever is looked for.")


class Document(BaseModel):
    """A document of the space, as the store and this server process know it."""

    name: str
    epoch: UUID = Field(description="Changes when the document is made anew.")
    state: DocumentState = Field(description="A quarantined document can be read, and takes no writes.")
    reason: str | None = Field(description="Why it is in quarantine.")
    head_seq: int = Field(description="Number of its last committed update; 0 before the first.")
    log_bytes: int = Field(description="Bytes of the updates that are kept.")
    created_at: datetime
    updated_at: datetime
    clients: int = Field(description="Who has it open through this server process.")
    gaps: int | None = Field(
        description="Updates that wait for others which have not come; null where this server process "
        "hasn't the document open."
    )


class Documents(BaseModel):
    items: list[Document] = Field(description="By the UTF-8 bytes of their names.")
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


DAYS = Field(None, ge=0, le=36_500, description="Days; null is what the server's settings say.")


class RetentionChoice(BaseModel):
    """For how long a space keeps what, chosen as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history_days: int | None = DAYS
    history_hourly_days: int | None = DAYS
    history_daily_days: int | None = DAYS
    deleted_documents_days: int | None = DAYS


class Kept(BaseModel):
    days: int = Field(description="What counts.")
    own: int | None = Field(description="What was chosen for this space; null where nothing was.")
    by_default: int = Field(description="What the server's settings say.")


class Retention(BaseModel):
    """For how many days a space keeps what of its documents."""

    history_days: Kept = Field(description="Every update: any state, and who made it.")
    history_hourly_days: Kept = Field(description="The last state of each hour.")
    history_daily_days: Kept = Field(description="The last state of each day; and safety versions.")
    deleted_documents_days: Kept = Field(description="Deleted documents, which can be brought back.")


class Closed(BaseModel):
    closed: int = Field(description="How many connections were closed.")


class Member(BaseModel):
    id: UUID
    email: str
    name: str
    role: MemberRole
    since: datetime
    last_signed_in_at: datetime | None


class Invitation(BaseModel):
    email: str
    role: MemberRole
    created_at: datetime
    expires_at: datetime


class Members(BaseModel):
    members: list[Member]
    invitations: list[Invitation]


class NewInvitation(BaseModel):
    email: str
    role: MemberRole
    link: str = Field(description="Works once, for a week. Hand it over yourself: no mail is sent.")


class AuditEntry(BaseModel):
    """One change: who did what to which thing, and from where."""

    id: int
    happened_at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, object]
    address: str
    request_id: str


class AuditPage(BaseModel):
    items: list[AuditEntry] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class IssuedToken(BaseModel):
    """A token of the playground, with what to do with it."""

    token: str = Field(description="Shown this once; the server keeps no copy.")
    expires_at: datetime
    subject: str
    pattern: str
    rights: list[str]
    snippets: list[Snippet]


class Snippet(BaseModel):
    """Lines to copy. `name` is the tool that they are for."""

    name: str
    text: str


IssuedToken.model_rebuild()


class RateLimit(BaseModel):
    """What one principal may do how often."""

    kind: str
    amount: int
    window_seconds: int
    is_own: bool = Field(description="Whether it was set for this tenant; else it is the server's setting.")


class RateLimits(BaseModel):
    items: list[RateLimit]

    @classmethod
    def of(cls, budgets: Iterable[tuple[Budget, bool]]) -> Self:
        """From budgets, each with whether it was set for the tenant."""
        return cls(
            items=[
                RateLimit(
                    kind=budget.kind.value, amount=budget.amount, window_seconds=budget.window, is_own=is_own
                )
                for budget, is_own in budgets
            ]
        )
