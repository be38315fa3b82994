"""What an archive says of itself: its header, its sections, and its manifest, as JSON and back. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from store.backup.contract import Copied
from webhost_sync.backup.frames import DamagedArchive

FORMAT = 1
SUFFIX = ".whsb"
DOCUMENTS = "#documents"
"""The section of facts: one JSON array a line, the fields of `Facts` and then of its `Part`."""
_NAME = re.compile(r"webhost-(\d{8}T\d{12}Z)-(full|incr|tenant-[a-z0-9-]+)\.whsb")
_TIME = "%Y%m%dT%H%M%S%fZ"

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Parent:
    """The archive on which an increment builds."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """The first frame. `schema` is the revision of the database; `moment` when its snapshot was taken."""

    format: int
    program: str
    schema: str
    postgres: str
    moment: str
    kind: str
    tenant: str | None
    tenants: tuple[tuple[int, str, str], ...]
    position_months: tuple[str, ...]
    sequences: Mapping[str, int]
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Before its rows. `tenant_id` is None where they belong to no tenant, or to all."""

    table: str
    tenant_id: int | None
    columns: tuple[str, ...]
    copied: Copied


@dataclass(frozen=True, slots=True)
class End:
    """Behind the rows of a section."""

    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last frame. `sha256` is of every byte before its frame; `rows` counts by table."""

    frames: int
    sha256: str
    rows: Mapping[str, int]
    documents: int
    log_rows: int
    log_bytes: int
    sections: int
    raw_bytes: int
    extra: Mapping[str, Any] = field(default_factory=dict)


def name_of(moment: datetime, kind: str, tenant: str | None) -> str:
    """`webhost-20260501T120000123456Z-full.whsb`: names sort as their times do."""
    what = {"full": "full", "incremental": "incr"}.get(kind) or f"tenant-{tenant}"
    return f"webhost-{moment.astimezone(UTC):{_TIME}}-{what}{SUFFIX}"


def read_name(name: str) -> tuple[datetime, str] | None:
    """Its moment, and `full`, `incr` or `tenant-…`; None for a name that we don't give."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC), match[2]
    except ValueError:
        return None


def to_bytes(record: Header | Section | End | Manifest) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":")).encode()


def header_of(data: bytes) -> Header:
    """Raises: DamagedArchive (also of a newer format)."""
    values = _values(data)
    if values.get("format") != FORMAT:
        raise DamagedArchive(f"the archive has format {values.get('format')}, this program reads {FORMAT}")
    parent = values.get("parent")
    values["parent"] = None if parent is None else Parent(**parent)
    values["tenants"] = tuple(tuple(each) for each in values.get("tenants", ()))
    values["position_months"] = tuple(values.get("position_months", ()))
    return _make(Header, values)


def section_of(data: bytes) -> Section:
    """Raises: DamagedArchive."""
    values = _values(data)
    values["columns"] = tuple(values.get("columns", ()))
    values["copied"] = Copied(values.get("copied", "whole"))
    return _make(Section, values)


def end_of(data: bytes) -> End:
    """Raises: DamagedArchive."""
    return _make(End, _values(data))


def manifest_of(data: bytes) -> Manifest:
    """Raises: DamagedArchive."""
    return _make(Manifest, _values(data))


def _values(data: bytes) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except ValueError as error:
        raise DamagedArchive(f"a frame that should hold JSON doesn't: {error}") from error
    if not isinstance(values, dict):
        raise DamagedArchive("a frame that should hold a JSON object doesn't")
    return values


def _make(kind: type[Record], values: dict[str, Any]) -> Record:
    try:
        return kind(**values)
    except TypeError as error:
        raise DamagedArchive(f"a frame has other fields than it should: {error}") from error
