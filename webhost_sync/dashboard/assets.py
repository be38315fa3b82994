"""The static files, under names that change with their content, so that browsers may keep them for ever.

    app.css  ->  /dashboard/static/app.3f9a0c11.css

Everything is read once, when the process starts; text is kept compressed as well.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PREFIX = "/dashboard/static/"
COMPRESSED = {"text/css", "text/javascript", "image/svg+xml", "application/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `zipped` is its gzip form where that is worth it."""

    url: str
    media_type: str
    content: bytes
    zipped: bytes | None


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its own name."""
    return {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix != ".LICENSE"}


@cache
def assets_by_url() -> Mapping[str, Asset]:
    return {asset.url: asset for asset in assets().values()}


def asset_url(name: str) -> str:
    """Where the file is served. Raises: KeyError (a template names a file that isn't there)."""
    return assets()[name].url


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if media_type == "application/javascript":
        media_type = "text/javascript"
    stem, _, suffix = path.name.rpartition(".")
    url = f"{PREFIX}{stem}.{hashlib.sha256(content).hexdigest()[:8]}.{suffix}"
    zipped = gzip.compress(content, mtime=0) if media_type in COMPRESSED else None
    return Asset(url, media_type, content, zipped)
