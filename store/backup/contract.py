"""What of a database goes into a backup, and the facts by which a restored one is held against it. Pure.

A table is copied whole unless it is named here, so that a new one is in every backup without being mentioned.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Table

from store.contract import StoreError
from store.schema import metadata

OF_THE_INSTALLATION = frozenset({"maintenance"})
"""Not data: neither backed up nor touched by a restore, which an operator may do while it is on."""
LEFT_OUT = frozenset({"sessions", "sign_in_links", "backup_runs"}) | OF_THE_INSTALLATION
"""Who is signed in, and links that let somebody sign in: a restore must not revive either. And what is known
of backups, which is about a machine rather than its data."""
PROJECTED = frozenset(
    {
        "vehicles",
        "gps_positions",
        "latest_positions",
        "position_feeds",
        "latest_changes",
        "position_conflicts",
        "projection_checkpoints",
        "projection_rejects",
        "projection_failures",
        "geofences",
        "geofence_events",
        "geofence_moves",
    }
)
"""Follows from documents, and is written by the projector alone: an increment leaves it out, and the
projector goes on from its checkpoints. All of it belongs to one moment, so a new such table must be here."""
BY_DOCUMENT = {
    "document_updates": "updates_after",
    "document_snapshots": "snapshots",
    "document_versions": "versions",
}
"""Of these an increment has what came since, by document."""


class BackupRefused(StoreError):
    """A backup or a restore can't be done as asked; nothing was changed."""


class Copied(StrEnum):
    """How much of a table a section holds."""

    WHOLE = "whole"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a document was at the moment of a backup. `seq` numbers are 0 where there is no row.

    A `mark` is a sum over the checksums of rows, each weighed by its seq: two logs of equal facts are equal.
    """

    tenant_id: int
    document_id: int
    name: str
    epoch: str
    state: str
    head_seq: int
    first_seq: int
    log_rows: int
    log_bytes: int
    log_mark: str
    snapshots: int
    snapshots_mark: str
    versions: int
    versions_mark: str
    events: int


@dataclass(frozen=True, slots=True)
class Part:
    """What an increment has of a document: its log after a seq (-1 for all), and whether its snapshots and
    its versions, all of them, because they changed."""

    tenant_id: int
    document_id: int
    updates_after: int
    snapshots: bool
    versions: bool


def part_of(facts: Facts, earlier: Facts | None) -> Part:
    """What has to be copied of a document since `earlier`.

    Whatever is done to the life of a document leaves an event, and only that can change rows of the log
    that are there already; so the same epoch and as many events mean that the log has only grown, or lost
    its start.
    """
    grown = earlier is not None and (earlier.epoch, earlier.events) == (facts.epoch, facts.events)
    return Part(
        facts.tenant_id,
        facts.document_id,
        earlier.head_seq if earlier is not None and grown else -1,
        earlier is None
        or (earlier.snapshots, earlier.snapshots_mark) != (facts.snapshots, facts.snapshots_mark),
        earlier is None or (earlier.versions, earlier.versions_mark) != (facts.versions, facts.versions_mark),
    )


def backed_up_tables() -> tuple[Table, ...]:
    """Every table of a whole backup, those first that others refer to."""
    return tuple(table for table in metadata.sorted_tables if table.name not in LEFT_OUT)


def tenant_column_of(name: str, columns: tuple[str, ...]) -> str | None:
    """The column that says whose a row is; None where it belongs to no tenant."""
    if name == "tenants":
        return "id"
    return "tenant_id" if "tenant_id" in columns else None
