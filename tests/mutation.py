"""Makes hostile frames and updates out of good ones.

Valid frames and a `random.Random` come in; broken, wild and now and then still valid ones go out. The
same seed gives the same bytes. What is inside a message is changed and wrapped again with right
lengths as often as the frame itself, so that a decoder is tried in its depth and not at its door.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

from webhost_sync.errors import ProtocolError
from webhost_sync.sync.lib0 import MAX_INTEGER, write_bytes, write_string, write_uint
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    Message,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    Unknown,
    decode,
    encode,
)

EXTREMES = (0, 1, 127, 128, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, MAX_INTEGER - 1, MAX_INTEGER)
NO_INTEGERS = (
    b"\x80\x00",
    b"\xff" * 7 + b"\x7f",
    b"\xff" * 9 + b"\x01",
    b"\x80" * 12 + b"\x01",
    b"\xff" * 20,
)
NO_UTF_8 = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")
BYTES = (0, 1, 2, 5, 10, 0x1F, 0x27, 0x40, 0x74, 0x75, 0x76, 0x7F, 0x80, 0x84, 0xC4, 0xFF)

JSON = ("1", "null", '"x"', "{}", "[[1,2]]", '{"a":1}', "-0", "123456789012345678901234567890")
ODD_JSON = ('{"a":1e999}', '"\\ud800"')
VALUES = (
    b"\x7f",
    b"\x7e",
    b"\x7d\x40",
    b"\x7b\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\x7a" + b"\xff" * 8,
    b"\x77\x01a",
    b"\x76\x01\x01a\x7e",
    b"\x75\x00",
    b"\x74\x01\x00",
)
OPTIONS = (
    b"\x76\x00",
    b"\x76\x01\x02gc\x79",
    b"\x76\x01\x08autoLoad\x78",
    b"\x76\x01\x0ccollectionid\x7e",
    b"\x76\x02\x08encoding\x7d\x01\x04guid\x7e",
)

Change = Callable[[bytes, Random], bytes]


def mutations(seed_frames: Sequence[bytes], random: Random, count: int) -> Iterator[bytes]:
    """Yield `count` frames made from the seeds, each by one to four changes."""
    for _ in range(count):
        frame = random.choice(seed_frames)
        for _ in range(random.randint(1, 4)):
            frame = _change_inside(frame, random) if random.random() < 0.6 else _change(frame, random)
            if random.random() < 0.1:
                frame = _splice(frame, random.choice(seed_frames), random)
        yield frame


def update_mutations(seed_updates: Sequence[bytes], random: Random, count: int) -> Iterator[bytes]:
    """Yield `count` updates: changed seeds, and wild ones whose bytes fit and whose sense does not."""
    for _ in range(count):
        if random.random() < 0.3:
            yield wild_update(random)
            continue
        update = random.choice(seed_updates)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            update = _change(update, random)
        yield update


def _change(data: bytes, random: Random) -> bytes:
    return random.choice(CHANGES)(data, random)


def _change_inside(frame: bytes, random: Random) -> bytes:
    """Change what the first message carries and write it with right lengths."""
    try:
        message: Message = decode(frame)[0]
    except ProtocolError:
        return _change(frame, random)
    if isinstance(message, SyncStep1):
        return encode(SyncStep1(_change(message.state_vector, random)))
    if isinstance(message, SyncStep2 | SyncUpdate):
        return encode(type(message)(_change(message.update, random)))
    if isinstance(message, AwarenessUpdate):
        return _change_awareness(message, random)
    return _change(frame, random) if isinstance(message, Unknown) else encode(message) * 2


def _change_awareness(message: AwarenessUpdate, random: Random) -> bytes:
    entries = [
        AwarenessEntry(
            random.choice((entry.client_id, *EXTREMES)),
            random.choice((entry.clock, *EXTREMES)),
            random.choice(
                (entry.state, "null", "{", "[" * 2000 + "]" * 2000, '{"a":1e999}', entry.state * 2)
            ),
        )
        for entry in message.entries
    ]
    random.shuffle(entries)
    return encode(AwarenessUpdate(tuple(entries) * random.choice((1, 1, 2, 50))))


def _flip_bit(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _set_byte(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + bytes([random.choice(BYTES)]) + data[at + 1 :]


def _set_integer(data: bytes, random: Random) -> bytes:
    """Put an extreme integer where a small one may have been: a length, count, kind, id or clock."""
    at = random.randrange(len(data) + 1)
    return data[:at] + write_uint(random.choice(EXTREMES)) + data[at + 1 :]


def _set_no_integer(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(NO_INTEGERS) + data[at + 1 :]


def _break_text(data: bytes, random: Random) -> bytes:
    bad = random.choice(NO_UTF_8)
    at = random.randrange(len(data) + 1)
    return data[:at] + bad + data[at + len(bad) :]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _drop(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at + random.randint(1, 4) :]


def _repeat(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + data[at : at + random.randint(1, 12)] * random.randint(2, 5) + data[at:]


def _swap(data: bytes, random: Random) -> bytes:
    first, second = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return (
        data[:first]
        + data[second : second + 1]
        + data[first + 1 : second]
        + data[first : first + 1]
        + data[second + 1 :]
    )


def _nest(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    level = random.choice((b"\x75\x01", b"\x76\x01\x01a"))
    return data[:at] + level * random.choice((3, 90, 110, 5000)) + b"\x7e" + data[at + 1 :]


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


CHANGES: tuple[Change, ...] = (
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_byte,
    _set_integer,
    _set_integer,
    _set_no_integer,
    _break_text,
    _cut,
    _drop,
    _repeat,
    _swap,
    _nest,
)


def wild_update(random: Random) -> bytes:
    """Make an update of well-formed structs by few clients with small clocks.

    Half of them refer to anything at all, the others only to what comes before them, so that a document
    integrates items whose neighbours and parents make no sense.
    """
    known: list[tuple[int, int]] | None = [] if random.random() < 0.5 else None
    groups = []
    for client in random.sample((1, 2, 3, 2**32 - 1, MAX_INTEGER), random.randint(0, 3)):
        clock = 0 if known is not None else random.choice((0, 1, 2, 5, 2**31, 2**32 - 9))
        structs = []
        for _ in range(random.randint(1, 6)):
            structs.append(_wild_struct(random, known))
            clock_of_last = clock + len(structs) - 1
            if known is not None:
                known.append((client, clock_of_last))
        groups.append(write_uint(len(structs)) + write_uint(client) + write_uint(clock) + b"".join(structs))
    deletes = [
        write_uint(client)
        + b"\x02"
        + _clock(random)
        + b"\x01"
        + _clock(random)
        + write_uint(random.randint(1, 4))
        for client in random.sample((1, 2, 3, 4), random.choice((0, 0, 1, 2)))
    ]
    return write_uint(len(groups)) + b"".join(groups) + write_uint(len(deletes)) + b"".join(deletes)


def _clock(random: Random) -> bytes:
    return write_uint(random.choice((0, 0, 1, 1, 2, 3, 4, 5, 7, 9, 2**31, 2**32 - 2)))


def _id(random: Random, known: list[tuple[int, int]] | None) -> bytes:
    if known:
        client, clock = random.choice(known)
        return write_uint(client) + write_uint(clock)
    return write_uint(random.choice((1, 2, 3, 3, 2**32 - 1, MAX_INTEGER))) + _clock(random)


def _wild_struct(random: Random, known: list[tuple[int, int]] | None) -> bytes:
    if random.random() < 0.15:
        kind, length = (
            (0, random.choice((1, 2, 3))) if known is not None else (10, random.choice((1, 3, 2**31)))
        )
        return bytes([kind]) + write_uint(length)
    info = random.choice((0, 0, 0x80, 0x80, 0x40, 0xC0)) if known != [] else 0
    info |= random.choice((0, 0x20))
    head = b""
    if info & 0x80:
        head += _id(random, known)
    if info & 0x40:
        head += _id(random, known)
    if not info & 0xC0:
        if known == [] or random.random() < 0.6:
            head += b"\x01" + write_string(random.choice(("r", "r", "s", "")))
        else:
            head += b"\x00" + _id(random, known)
        if info & 0x20:
            head += write_string(random.choice(("k", "", "ž")))
    kind, content = _wild_content(random)
    return bytes([info | kind]) + head + content


def _wild_content(random: Random) -> tuple[int, bytes]:
    """Return a kind of content and its bytes."""
    if random.random() < 0.03:
        return 2, b"\x01" + write_string(random.choice(JSON))
    json = write_string(random.choice(ODD_JSON if random.random() < 0.05 else JSON))
    value = random.choice(VALUES)
    return random.choice(
        (
            (1, write_uint(random.choice((1, 2, 3, 3, 3, 2**31, 2**32 - 20)))),
            (3, write_bytes(b"\x00\x01")),
            (4, write_string(random.choice(("a", "ab", "🚚", "ž", "a🚚b", "\x00")))),
            (5, json),
            (6, write_string(random.choice(("bold", "", "ž"))) + json),
            (7, random.choice((b"\x00", b"\x01", b"\x02", b"\x03\x01p", b"\x04", b"\x06", b"\x03\x00"))),
            (7, random.choice((b"\x00", b"\x01", b"\x02"))),
            (8, b"\x01" + value),
            (8, b"\x02" + value + b"\x7e"),
            (9, write_string(random.choice(("guid", ""))) + random.choice(OPTIONS)),
        )
    )
