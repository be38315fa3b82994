"""Yjs updates made before the clock starts: each appends one short string that bears its number, so
that a reader can tell by a byte search which updates it has, however the server merged them."""

from __future__ import annotations

from pycrdt import Array, Doc, TransactionEvent

_DIGITS = 8


def marker(writer: str) -> bytes:
    """What stands before a number of this writer."""
    return b"@" + writer.encode() + b":"


def newest(payload: bytes, wanted: bytes) -> int | None:
    """The last number after the marker `wanted` in a frame, or None."""
    found = payload.rfind(wanted)
    if found < 0:
        return None
    start = found + len(wanted)
    return int(payload[start : start + _DIGITS])


def make_updates(writer: str, count: int, *, padding: int = 0) -> list[bytes]:
    """Return `count` updates of one client, each a push to an array of one string of 8 digits, the
    marker and `padding` more characters."""
    document = Doc[Array[str]]()
    log = document.get("log", type=Array)
    updates: list[bytes] = []

    def keep(event: TransactionEvent) -> None:
        updates.append(event.update)

    subscription = document.observe(keep)
    head = marker(writer).decode()
    for number in range(count):
        log.append(f"{head}{number:0{_DIGITS}d}{'.' * padding}")
    document.unobserve(subscription)
    return updates
