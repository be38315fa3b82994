"""Who wrote what, looked up by place: marks of an attribution in, each with its writer's number out.

A writer is an actor with a device. Numbers follow the order of first appearance, and choose a colour. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

COLOURS = 8
"""Writers beyond that many share colours; names stand beside them everywhere."""


class AMark(Protocol):
    """What an attribution says of one place; without a seq it is older than the log."""

    @property
    def path(self) -> str: ...

    @property
    def start(self) -> int | None: ...

    @property
    def end(self) -> int | None: ...

    @property
    def seq(self) -> int | None: ...

    @property
    def actor(self) -> str | None: ...

    @property
    def device(self) -> str | None: ...

    @property
    def at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """`number` is that of its colour."""

    number: int
    actor: str
    device: str


@dataclass(frozen=True, slots=True)
class Written:
    """By whom and when something came; `writer` is None where the log doesn't reach so far back."""

    writer: Writer | None
    seq: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a text, in UTF-16 units."""

    start: int
    end: int
    written: Written


class Writers:
    """The writers of one page, in the order in which they are met."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Writer] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Writer]:
        return iter(self._known.values())

    def of(self, actor: str, device: str) -> Writer:
        key = (actor, device)
        return self._known.setdefault(key, Writer(len(self._known) % COLOURS, actor, device))


class Marks:
    """The marks of a state, by the pointer of their place."""

    def __init__(self, marks: Iterable[AMark], writers: Writers) -> None:
        self._values: dict[str, Written] = {}
        self._texts: dict[str, list[Stretch]] = {}
        for mark in sorted(marks, key=lambda mark: mark.seq or 0):
            written = _written(mark, writers)
            if mark.start is None or mark.end is None:
                self._values[mark.path] = written
            else:
                self._texts.setdefault(mark.path, []).append(Stretch(mark.start, mark.end, written))
        for stretches in self._texts.values():
            stretches.sort(key=lambda stretch: stretch.start)

    def of(self, pointer: str) -> Written | None:
        """Who wrote the value at this place, or the one that it lies in; None where nobody asked."""
        while pointer:
            if (written := self._values.get(pointer)) is not None:
                return written
            pointer = pointer.rpartition("/")[0]
        return None

    def of_text(self, pointer: str) -> list[Stretch]:
        """Who wrote the text at this place, stretch by stretch."""
        return self._texts.get(pointer, [])


def _written(mark: AMark, writers: Writers) -> Written:
    writer = None if mark.actor is None else writers.of(mark.actor, mark.device or "")
    return Written(writer, mark.seq or 0, mark.at)


NO_MARKS = Marks((), Writers())
