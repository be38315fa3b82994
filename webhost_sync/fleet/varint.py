"""Integers of up to 53 bits as few bytes, written and read strictly.

In come integers, out go the bytes of LEB128 (as lib0's `writeVarUint`), and back. Signed ones are
zig-zagged first: 0, -1, 1, -2, ... become 0, 1, 2, 3. Knows no columns. No integer has two spellings,
and none is larger than a JavaScript number holds exactly.
"""

from __future__ import annotations

from collections.abc import Iterable

from webhost_sync.fleet.layout import MAX_SAFE_INTEGER

_MAX_SHIFT = 49
"""Seven groups of seven bits and one of four hold 53 bits."""


class ChunkError(ValueError):
    """Bytes that are no chunk. `offset` is the byte at which that showed, `reason` says what is wrong."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"{reason} (byte {offset})")
        self.offset = offset
        self.reason = reason


def zigzag(integer: int) -> int:
    """Fold a signed integer into one that is not negative, small ones into small ones."""
    return 2 * integer if integer >= 0 else -2 * integer - 1


def write_varuint(target: bytearray, integer: int) -> None:
    """Append an integer from 0 to 2**53 - 1, its low seven bits first."""
    while integer > 0x7F:
        target.append(integer & 0x7F | 0x80)
        integer >>= 7
    target.append(integer)


def write_zigzags(target: bytearray, integers: Iterable[int]) -> None:
    """Append signed integers one after the other."""
    for integer in integers:
        write_varuint(target, zigzag(integer))


class ByteReader:
    """Bytes and how far they are read. Invariants: 1. Nothing is read beyond the end. 2. What can't be
    read is a ChunkError. 3. Memory follows the bytes that are there, not the counts that they claim."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    @property
    def remaining(self) -> int:
        """How many bytes are not read yet."""
        return len(self.data) - self.offset

    def read_bytes(self, length: int) -> bytes:
        """The next `length` bytes. Raises: ChunkError if there are fewer."""
        if length > self.remaining:
            raise ChunkError(self.offset, f"{length} bytes are announced, {self.remaining} are left")
        start = self.offset
        self.offset += length
        return self.data[start : self.offset]

    def read_varuint(self) -> int:
        """The next integer. Raises: ChunkError for one cut off, beyond 53 bits or longer than needed."""
        start, result, shift = self.offset, 0, 0
        while True:
            if self.offset == len(self.data):
                raise ChunkError(start, "the bytes end inside a number")
            byte = self.data[self.offset]
            self.offset += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > _MAX_SHIFT:
                raise ChunkError(start, "a number has more than 8 bytes")
        if result > MAX_SAFE_INTEGER:
            raise ChunkError(start, "a number has more than 53 bits")
        if shift and byte == 0:
            raise ChunkError(start, "a number is longer than it needs to be")
        return result

    def read_zigzags(self, count: int) -> list[int]:
        """The next `count` signed integers. Raises: ChunkError as `read_varuint` does."""
        if count > self.remaining:
            raise ChunkError(self.offset, f"{count} numbers are announced, {self.remaining} bytes are left")
        integers = []
        for _ in range(count):
            folded = self.read_varuint()
            integers.append(-((folded + 1) >> 1) if folded & 1 else folded >> 1)
        return integers
