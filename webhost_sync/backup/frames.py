"""The bytes of an archive: numbered, compressed, checksummed frames after a magic. Pure.

    archive = magic frame* ; the last frame is the manifest, and nothing follows
    frame   = kind:1 number:4 stored:4 raw:4 digest:32 payload:stored      (big-endian)

`payload` is one zstd frame of `raw` bytes. `digest` is the SHA-256 of the 13 bytes before it and the payload,
so no bit of a frame can differ and no frame be moved, doubled or missing without being found here.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import Enum

import zstandard

MAGIC = b"WHSBKUP\x01"
CHUNK = 1024 * 1024
"""Raw bytes of a data frame."""
LARGEST = 64 * 1024 * 1024
"""What a reader takes at most, so that a damaged length costs no memory."""
LEVEL = 3
_HEAD = struct.Struct(">cIII")
DIGEST = 32
HEAD = _HEAD.size + DIGEST


class DamagedArchive(Exception):
    """The archive isn't what was written; the message says where."""


class Kind(Enum):
    HEADER = b"H"
    """JSON: what this archive is; the first frame."""
    SECTION = b"S"
    """JSON: which rows follow."""
    DATA = b"D"
    END = b"E"
    """JSON: how many rows the section had, and their SHA-256."""
    MANIFEST = b"M"
    """JSON: what all of it comes to; the last frame."""


@dataclass(frozen=True, slots=True)
class Head:
    """The fixed part of a frame."""

    kind: Kind
    number: int
    stored: int
    raw: int
    digest: bytes


def encode(kind: Kind, number: int, raw: bytes) -> bytes:
    """One frame. Raises: ValueError (more than `LARGEST`)."""
    if len(raw) > LARGEST:
        raise ValueError(f"a frame of {len(raw)} bytes is more than {LARGEST}")
    payload = zstandard.ZstdCompressor(level=LEVEL).compress(raw)
    head = _HEAD.pack(kind.value, number, len(payload), len(raw))
    return head + _digest(head, payload) + payload


def decode_head(data: bytes, expected: int) -> Head:
    """Raises: DamagedArchive (no frame, or not the one with the number `expected`)."""
    kind, number, stored, raw = _HEAD.unpack_from(data)
    try:
        known = Kind(kind)
    except ValueError:
        raise DamagedArchive(f"frame {expected} is of no known kind") from None
    if number != expected:
        raise DamagedArchive(f"frame {expected} is missing: number {number} stands in its place")
    if raw > LARGEST or stored > LARGEST + LARGEST // 128 + 1024:
        raise DamagedArchive(f"frame {expected} says that it is larger than any")
    return Head(known, number, stored, raw, data[_HEAD.size : HEAD])


def decode_payload(head: Head, payload: bytes) -> bytes:
    """The raw bytes. Raises: DamagedArchive."""
    fixed = _HEAD.pack(head.kind.value, head.number, head.stored, head.raw)
    if _digest(fixed, payload) != head.digest:
        raise DamagedArchive(f"frame {head.number} fails its checksum")
    try:
        raw = zstandard.ZstdDecompressor().decompress(payload, max_output_size=max(head.raw, 1))
    except zstandard.ZstdError as error:  # its checksum is right: it was written so
        raise DamagedArchive(f"frame {head.number} can't be read: {error}") from error
    if len(raw) != head.raw:
        raise DamagedArchive(f"frame {head.number} has {len(raw)} bytes instead of {head.raw}")
    return raw


def _digest(head: bytes, payload: bytes) -> bytes:
    summed = hashlib.sha256(head)
    summed.update(payload)
    return summed.digest()
