"""Where archives lie: a folder, or a bucket that speaks S3. An archive is there whole, or it is not there.

    target = folder | file:///folder | s3://bucket/prefix

Credentials for S3 come from the usual environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_REGION`, `AWS_ENDPOINT`, …), never from the target, and are never printed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from webhost_sync.backup.archive import Read, Write
from webhost_sync.backup.manifest import read_name

PARTIAL = ".partial"


class ShelfError(Exception):
    """The place for backups can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An archive on a shelf. `kind` is `full`, `incr` or `tenant-…`."""

    name: str
    moment: datetime
    kind: str
    size: int


class Shelf(Protocol):
    """Every method raises ShelfError."""

    where: str
    """For messages; never with credentials."""

    async def entries(self) -> tuple[Entry, ...]:
        """The archives, oldest first. What is half written is none."""
        ...

    def write(self, name: str) -> AbstractAsyncContextManager[Write]:
        """The archive is there when the block ends normally; otherwise nothing of it is."""
        ...

    def read(self, name: str) -> AbstractAsyncContextManager[Read]: ...

    async def delete(self, name: str) -> None: ...

    async def free(self) -> int | None:
        """Bytes that can be written; None where nobody knows."""
        ...


def _free_of(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class FolderShelf:
    """Archives in a folder, which is made when it is missing, and readable by this user alone.

    One is written under a hidden name with a lock on it, flushed, and renamed. What a killed process left is
    known by its free lock, and is cleared away by the next that writes.
    """

    def __init__(self, folder: Path, free_of: Callable[[Path], int] = _free_of) -> None:
        self._folder = folder
        self._free_of = free_of
        self.where = str(folder)

    async def entries(self) -> tuple[Entry, ...]:
        found = []
        with _explained(self.where):
            for path in self._folder.glob("*") if self._folder.is_dir() else ():
                if known := read_name(path.name):
                    found.append(Entry(path.name, *known, path.stat().st_size))
        return tuple(sorted(found, key=lambda entry: entry.name))

    @asynccontextmanager
    async def write(self, name: str) -> AsyncIterator[Write]:
        with _explained(self.where):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._clear_leftovers()
            partial = self._folder / f".{name}{PARTIAL}"
            handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                with os.fdopen(handle, "wb", buffering=0) as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

                    async def put(data: bytes) -> None:
                        rest = memoryview(data)
                        while rest:
                            with _explained(self.where):
                                rest = rest[file.write(rest) :]

                    yield put
                    os.fsync(file.fileno())
                partial.rename(self._folder / name)
                _flush_folder(self._folder)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise

    @asynccontextmanager
    async def read(self, name: str) -> AsyncIterator[Read]:
        with _explained(self.where):
            path = self._folder / name
            if not path.is_file():
                raise ShelfError(f"{path}: no such archive")
            with path.open("rb") as file:

                async def get(size: int) -> bytes:
                    with _explained(self.where):
                        return file.read(size)

                yield get

    async def delete(self, name: str) -> None:
        with _explained(self.where):
            (self._folder / name).unlink(missing_ok=True)

    async def free(self) -> int | None:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with _explained(self.where):
            return self._free_of(folder)

    def _clear_leftovers(self) -> None:
        for path in self._folder.glob(f".webhost-*{PARTIAL}"):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _explained:
    """Turns what the file system refuses into a ShelfError."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            raise ShelfError(
                f"{self._where}: {reason}; check the folder, its rights and its disk, or choose "
                "another target"
            ) from error
