"""Finds shelves and archives by what an operator writes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from webhost_sync.backup.shelf import Entry, FolderShelf, Shelf, ShelfError

LATEST = "latest"


def shelf_at(target: str) -> Shelf:
    """Raises: ShelfError (no such kind of target, or what it needs isn't installed)."""
    scheme, separator, _ = target.partition("://")
    if not separator:
        return FolderShelf(Path(target).expanduser())
    if scheme == "file":
        return FolderShelf(Path(unquote(urlsplit(target).path)))
    if scheme == "s3":
        from webhost_sync.backup.s3 import S3Shelf  # an extra: obstore may not be installed

        return S3Shelf(target)
    raise ShelfError(f"{scheme}:// is no place for backups; give a folder or s3://bucket/prefix")


async def find_archive(what: str, target: str) -> tuple[Shelf, str]:
    """The shelf and the name of an archive: `latest` of the target, a name in it, or a path or s3:// address.

    Raises: ShelfError (there is none).
    """
    folder, _, name = what.rpartition("/")
    if what == LATEST:
        shelf = shelf_at(target)
        whole = [entry for entry in await shelf.entries() if not entry.kind.startswith("tenant-")]
        if not whole:
            raise ShelfError(f"{shelf.where} holds no backup; make one with `webhost-sync backup`")
        return shelf, whole[-1].name
    shelf = shelf_at(folder or target)
    if not any(entry.name == name for entry in await shelf.entries()):
        raise ShelfError(f"{shelf.where} holds no backup {name!r}; `webhost-sync backup --list` shows all")
    return shelf, name


def newest(entries: tuple[Entry, ...], kind: str) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.kind == kind), None)
