"""A log with a known past, and its history, to ask about states and to keep versions of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.contract import Document
from store.history import PostgresHistory
from store.history_contract import NewVersion, Version, VersionKind
from tests.store.logs import TENANT, OpenLog, execute, open_log

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Past:
    """A log and its history; the state of a seq is the payloads up to it, one after another."""

    opened: OpenLog
    history: PostgresHistory
    url: str

    async def five_updates(self) -> Document:
        document = await self.opened.document()
        await self.opened.append(document, b"1", b"2", b"3", b"4", b"5")
        await execute(
            self.url,
            "update document_updates set received_at = $1::timestamptz + seq * '1 min'::interval",
            NOON,
        )
        return await self.opened.document()

    async def trimmed_up_to_two(self) -> Document:
        """Five updates with snapshots at 2 and 4, of which rows 3 to 5 are left."""
        document = await self.five_updates()
        for seq in (2, 4):
            await self.opened.snapshot(document, seq, b"12345"[:seq])
        assert await self.opened.trim(document) == 2
        return await self.opened.document()

    async def version(
        self, document: Document, seq: int, kind: VersionKind = VersionKind.NAMED, **changed: object
    ) -> Version:
        values = {
            "name": f"v{seq}",
            "actor": "ada",
            "at": NOON + timedelta(minutes=seq),
            "state": b"12345"[:seq],
        }
        new = NewVersion(seq, kind, **{**values, **changed})  # type: ignore[arg-type]
        return await self.history.add_version(TENANT, document.id, new)

    async def state(self, document: Document, seq: int, have: bytes | None = None) -> bytes:
        held = None if have is None else len(have)
        material = await self.history.material(TENANT, document.id, seq=seq, have=held)
        base = have if have is not None and material.state is None and material.after_seq == held else None
        assert len(material.state or base or b"") == material.after_seq
        return (material.state or base or b"") + b"".join(update.payload for update in material.updates)


@asynccontextmanager
async def open_past(database_url: str) -> AsyncIterator[Past]:
    async with open_log(database_url) as opened:
        yield Past(opened, PostgresHistory(opened.database), database_url)
