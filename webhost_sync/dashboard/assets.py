"""The static files, under names that change with their content, so that browsers may keep them for ever.

    app.css  ->  /dashboard/static/app.3f9a0c11.css

Everything is read once, when the process starts; text is kept compressed as well once it was asked for. A
script of ours names another file as './name' (to import, or to fetch), and what browsers get has its address
there.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PREFIX = "/dashboard/static/"
NEIGHBOUR = re.compile(rb"'\./([\w.-]+)'")
COMPRESSED = {"text/css", "text/javascript", "image/svg+xml", "application/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    url: str
    media_type: str
    content: bytes

    @property
    def is_worth_zipping(self) -> bool:
        return self.media_type in COMPRESSED


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its own name."""
    return {path.name: _read(path.name) for path in sorted(FOLDER.iterdir()) if path.suffix != ".LICENSE"}


@cache
def assets_by_url() -> Mapping[str, Asset]:
    return {asset.url: asset for asset in assets().values()}


def asset_url(name: str) -> str:
    """Where the file is served. Raises: KeyError (a template names a file that isn't there)."""
    return assets()[name].url


@cache
def zipped(asset: Asset) -> bytes:
    """Its gzip form, which takes up to 100 ms to make."""
    return gzip.compress(asset.content, mtime=0)


@cache
def _read(name: str) -> Asset:
    """Raises: OSError (there is no such file), RecursionError (scripts that name each other)."""
    content = (FOLDER / name).read_bytes()
    if name.endswith(".js"):
        content = NEIGHBOUR.sub(lambda found: f"'{_read(found[1].decode()).url}'".encode(), content)
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type == "application/javascript":
        media_type = "text/javascript"
    stem, _, suffix = name.rpartition(".")
    url = f"{PREFIX}{stem}.{hashlib.sha256(content).hexdigest()[:8]}.{suffix}"
    return Asset(url, media_type, content)
