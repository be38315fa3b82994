"""Streams archives: rows in and frames out, frames in and rows out, a chunk at a time.

Knows neither Postgres nor where an archive lies. What is compressed or checked at a time is one frame, so a
database of any size takes the memory of a few. A reader yields nothing that it has not checked.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

from store.backup.contract import Copied
from webhost_sync.backup.frames import (
    CHUNK,
    HEAD,
    MAGIC,
    DamagedArchive,
    Head,
    Kind,
    decode_head,
    decode_payload,
    encode,
)
from webhost_sync.backup.manifest import (
    DOCUMENTS,
    End,
    Header,
    Manifest,
    Section,
    end_of,
    header_of,
    manifest_of,
    section_of,
    to_bytes,
)

Write = Callable[[bytes], Awaitable[None]]
Read = Callable[[int], Awaitable[bytes]]


class ArchiveWriter:
    """Writes one archive: header, sections, manifest, in this order."""

    def __init__(self, write: Write, header: Header) -> None:
        self._write = write
        self._header = header
        self._frames = 0
        self._summed = hashlib.sha256()
        self._rows: Counter[str] = Counter()
        self._sections = 0
        self._raw = 0
        self.size = 0

    async def begin(self) -> None:
        await self._put(MAGIC)
        await self._frame(Kind.HEADER, to_bytes(self._header))

    def section(self, section: Section) -> SectionWriter:
        return SectionWriter(self, section)

    async def finish(self, *, documents: int, log_rows: int, log_bytes: int) -> str:
        """Write the manifest; returns the SHA-256 of the whole archive."""
        manifest = Manifest(
            self._frames,
            self._summed.hexdigest(),
            dict(self._rows),
            documents,
            log_rows,
            log_bytes,
            self._sections,
            self._raw,
        )
        await self._frame(Kind.MANIFEST, to_bytes(manifest))
        return self._summed.hexdigest()

    @property
    def raw_bytes(self) -> int:
        """Bytes of rows so far, before they were compressed."""
        return self._raw

    async def open_section(self, section: Section) -> None:
        await self._frame(Kind.SECTION, to_bytes(section))
        self._sections += 1

    async def data(self, raw: bytes) -> None:
        self._raw += len(raw)
        await self._frame(Kind.DATA, raw)

    async def close_section(self, table: str, end: End) -> None:
        await self._frame(Kind.END, to_bytes(end))
        self._rows[table] += end.rows

    async def _frame(self, kind: Kind, raw: bytes) -> None:
        # In a thread: zstd lets go of the interpreter, so Postgres is read meanwhile.
        await self._put(await asyncio.to_thread(encode, kind, self._frames, raw))
        self._frames += 1

    async def _put(self, data: bytes) -> None:
        self._summed.update(data)
        self.size += len(data)
        await self._write(data)


class SectionWriter:
    """Takes the stream of a section in pieces of any size; one without rows leaves nothing."""

    def __init__(self, archive: ArchiveWriter, section: Section) -> None:
        self._archive = archive
        self._section = section
        self._waiting = bytearray()
        self._summed = hashlib.sha256()
        self._size = 0
        self._is_open = False

    async def put(self, data: bytes) -> None:
        """Take the next piece. Nothing is written below `CHUNK`, so that `end` can still leave nothing."""
        self._waiting += data
        self._summed.update(data)
        self._size += len(data)
        while len(self._waiting) >= CHUNK:
            await self._flush(CHUNK)

    async def end(self, rows: int, *, keeps_empty: bool = False) -> End:
        end = End(rows, self._size, self._summed.hexdigest())
        if rows or keeps_empty:
            if self._waiting or not self._is_open:
                await self._flush(len(self._waiting))
            await self._archive.close_section(self._section.table, end)
        return end

    async def _flush(self, size: int) -> None:
        if not self._is_open:
            self._is_open = True
            await self._archive.open_section(self._section)
        await self._archive.data(bytes(self._waiting[:size]))
        del self._waiting[:size]


class ArchiveReader:
    """Reads one archive from its start to its end. `manifest` and `sha256` are there when it has ended."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._frames = 0
        self._summed = hashlib.sha256()
        self._rows: Counter[str] = Counter()
        self._sections = 0
        self.position = 0
        self.header: Header | None = None
        self.manifest: Manifest | None = None

    @property
    def sha256(self) -> str:
        return self._summed.hexdigest()

    async def begin(self) -> Header:
        """Raises: DamagedArchive."""
        magic = await self._exactly(len(MAGIC))
        if magic[:-1] != MAGIC[:-1]:
            raise DamagedArchive("this is no backup of webhost-sync")
        if magic != MAGIC:
            raise DamagedArchive(
                f"the archive has container version {magic[-1]}, this program reads {MAGIC[-1]}"
            )
        head, raw = await self._frame()
        if head.kind is not Kind.HEADER:
            raise DamagedArchive("the archive doesn't begin with its header")
        self.header = header_of(raw)
        return self.header

    async def sections(self) -> AsyncIterator[SectionReader]:
        """Every section in turn; what was not read of one is passed over, and checked all the same.

        Raises: DamagedArchive.
        """
        while self.manifest is None:
            before = self.sha256
            head, raw = await self._frame()
            if head.kind is Kind.MANIFEST:
                await self._conclude(head, manifest_of(raw), before)
            elif head.kind is Kind.SECTION:
                reader = SectionReader(self, section_of(raw))
                yield reader
                await reader.skip()
                self._sections += 1
                assert reader.end is not None
                self._rows[reader.section.table] += reader.end.rows
            else:
                raise DamagedArchive(f"frame {head.number} stands where a section should begin")

    async def next_of_section(self) -> bytes | End:
        head, raw = await self._frame()
        if head.kind is Kind.DATA:
            return raw
        if head.kind is Kind.END:
            return end_of(raw)
        raise DamagedArchive(f"frame {head.number} stands in the middle of a section")

    async def _conclude(self, head: Head, manifest: Manifest, before: str) -> None:
        if manifest.frames != head.number or manifest.sha256 != before:
            raise DamagedArchive("the manifest is of another archive")
        if dict(manifest.rows) != dict(self._rows) or manifest.sections != self._sections:
            raise DamagedArchive("the archive has other rows than its manifest counts")
        if await self._read(1):
            raise DamagedArchive("something follows the end of the archive")
        self.manifest = manifest

    async def _frame(self) -> tuple[Head, bytes]:
        head = decode_head(await self._exactly(HEAD), self._frames)
        payload = await self._exactly(head.stored)
        raw = await asyncio.to_thread(decode_payload, head, payload)
        self._frames += 1
        return head, raw

    async def _exactly(self, size: int) -> bytes:
        data = await self._read(size)
        if len(data) != size:
            raise DamagedArchive(
                f"the archive ends in frame {self._frames}, before its manifest: it is not whole"
            )
        self._summed.update(data)
        self.position += size
        return data


class SectionReader:
    """One section. `end` is there when it was read, or passed over."""

    def __init__(self, archive: ArchiveReader, section: Section) -> None:
        self._archive = archive
        self._summed = hashlib.sha256()
        self._size = 0
        self.section = section
        self.end: End | None = None

    async def data(self) -> AsyncGenerator[bytes, None]:
        """Its stream. Raises: DamagedArchive, at the end at the latest."""
        while self.end is None:
            found = await self._archive.next_of_section()
            if isinstance(found, End):
                self._conclude(found)
            else:
                self._summed.update(found)
                self._size += len(found)
                yield found

    async def skip(self) -> None:
        async with aclosing(self.data()) as data:
            async for _ in data:
                pass

    def _conclude(self, end: End) -> None:
        if (end.size, end.sha256) != (self._size, self._summed.hexdigest()):
            raise DamagedArchive(f"the section of {self.section.table} is not what was written")
        self.end = end


def facts_section() -> Section:
    return Section(DOCUMENTS, None, (), Copied.WHOLE)
