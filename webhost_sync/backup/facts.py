"""The section of facts: what each document came to, and what of it is here; one JSON array a line."""

from __future__ import annotations

import json
from dataclasses import astuple, fields

from store.backup.contract import Facts, Part
from webhost_sync.backup.archive import SectionReader
from webhost_sync.backup.frames import DamagedArchive

FACTS = len(fields(Facts))


def line_of(facts: Facts, part: Part) -> bytes:
    line = [*astuple(facts), part.updates_after, part.snapshots, part.versions]
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def read_facts(section: SectionReader) -> list[tuple[Facts, Part]]:
    """Raises: DamagedArchive."""
    rest = b""
    found: list[tuple[Facts, Part]] = []
    async for data in section.data():
        *lines, rest = (rest + data).split(b"\n")
        found.extend(map(_read_line, lines))
    return found


def _read_line(line: bytes) -> tuple[Facts, Part]:
    try:
        values = json.loads(line)
        facts = Facts(*values[:FACTS])
        return facts, Part(facts.tenant_id, facts.document_id, *values[FACTS:])
    except (ValueError, TypeError) as error:
        raise DamagedArchive(f"a line about a document can't be read: {error}") from error
