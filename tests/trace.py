"""A real editing history as Yjs updates of several authors: tests/data/README.md says whose it is."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pycrdt import Doc, Text, TransactionEvent

TRACE = Path(__file__).parent / "data" / "text-trace-blog-post.json.gz"
ROOT = "text"
TURN = 37
"""Transactions that one author makes before the next one goes on."""


@dataclass(frozen=True, slots=True)
class Keystrokes:
    """One transaction: its update, who made it, and the text after it. `patches` are (position, how many
    characters went, what came in their place), one after another."""

    author: str
    client_id: int
    at: datetime
    patches: tuple[tuple[int, int, str], ...]
    update: bytes
    text: str


@cache
def blog_post(authors: int = 5) -> tuple[Keystrokes, ...]:
    """The whole trace. Authors take turns, and each has seen what was written before."""
    data = json.loads(gzip.decompress(TRACE.read_bytes()))
    made = tuple(_type(data, authors))
    assert hashlib.sha256(made[-1].text.encode()).hexdigest() == data["end_sha256"]
    return made


def _type(data: dict[str, Any], authors: int) -> Iterator[Keystrokes]:
    docs: list[Doc[Text]] = [Doc(client_id=1001 + number) for number in range(authors)]
    at, text = datetime.fromisoformat(data["start"]), ""
    for number, (pause, *flat) in enumerate(data["txns"]):
        patches = tuple(zip(*(iter(flat),) * 3, strict=True))
        which = number // TURN % authors
        if number % TURN == 0:
            before = docs[which - 1]
            docs[which].apply_update(before.get_update(docs[which].get_state()))
        at += timedelta(milliseconds=pause)
        update, text = _edit(docs[which], text, patches)
        yield Keystrokes(f"author {which + 1}", 1001 + which, at, patches, update, text)


def _edit(doc: Doc[Text], before: str, patches: tuple[tuple[int, int, str], ...]) -> tuple[bytes, str]:
    updates: list[bytes] = []

    def note(event: TransactionEvent) -> None:
        updates.append(event.update)

    subscription = doc.observe(note)
    shared, text = doc.get(ROOT, type=Text), before
    with doc.transaction():
        for position, deleted, inserted in patches:
            # The text has no character beyond 16 bits; pycrdt counts in bytes of UTF-8.
            start = len(text[:position].encode())
            gone = text[position : position + deleted]
            if gone:
                del shared[start : start + len(gone.encode())]
            if inserted:
                shared.insert(start, inserted)
            text = text[:position] + inserted + text[position + deleted :]
    doc.unobserve(subscription)
    return updates[0], text
