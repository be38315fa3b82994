"""A text in stretches of one writer and one format. Pure.

Runs of a text come in, and who wrote which of its UTF-16 units; python counts in code points, so a text
with characters beyond 16 bits is cut by its encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from webhost_sync.dashboard.documents.values import value_words
from webhost_sync.dashboard.documents.writers import Marks, Stretch, Written
from webhost_sync.history.nodes import Formats, LeafNode, Run

LONGEST = 200_000
"""UTF-16 units that are shown; all of it is in the JSON."""
KNOWN_FORMATS = {
    "bold": "bold", "strong": "bold", "italic": "italic", "em": "italic",
    "underline": "underline", "strike": "strike", "code": "code",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """`formats` are those that have a look of their own, `others` the rest in words."""

    text: str
    is_embed: bool
    formats: tuple[str, ...]
    others: str
    written: Written | None


@dataclass(frozen=True, slots=True)
class Prose:
    kind: ClassVar[str] = "prose"
    pointer: str
    parts: tuple[Part, ...]
    left_out: int


def prose(runs: Iterable[Run], pointer: str, marks: Marks) -> Prose:
    """The text, up to its longest."""
    stretches = marks.of_text(pointer)
    whole = marks.of(pointer)
    parts: list[Part] = []
    at, left_out = 0, 0
    for run in runs:
        length = len(Units(run.content)) if isinstance(run.content, str) else 1
        if at + length > LONGEST:
            left_out += length
        else:
            parts += _parts(run, at, length, stretches, whole)
        at += length
    if not parts and left_out:  # one run that is too long by itself
        return Prose(pointer, tuple(_cut(runs)), at - LONGEST)
    return Prose(pointer, tuple(parts), left_out)


def _cut(runs: Iterable[Run]) -> Iterator[Part]:
    for run in runs:
        if isinstance(run.content, str):
            yield Part(Units(run.content).part(0, LONGEST), False, *look_of(run.formats), None)
        return


def _parts(
    run: Run, at: int, length: int, stretches: Sequence[Stretch], whole: Written | None
) -> Iterator[Part]:
    formats, others = look_of(run.formats)
    if not isinstance(run.content, str):
        shown = value_words(run.content.value).text if isinstance(run.content, LeafNode) else "embedded"
        written = next((s.written for s in stretches if s.start <= at < s.end), whole)
        yield Part(shown, True, formats, others, written)
        return
    units = Units(run.content)
    for start, end, written in _by_writer(at, at + length, stretches, whole):
        yield Part(units.part(start - at, end - at), False, formats, others, written)


def _by_writer(
    at: int, end: int, stretches: Sequence[Stretch], whole: Written | None
) -> Iterator[tuple[int, int, Written | None]]:
    """The units from `at` to `end`, cut where the writer changes."""
    for stretch in stretches:
        first, last = max(stretch.start, at), min(stretch.end, end)
        if first < last:
            if at < first:
                yield at, first, whole
            yield first, last, stretch.written
            at = last
    if at < end:
        yield at, end, whole


def look_of(formats: Formats) -> tuple[tuple[str, ...], str]:
    """Which of the known looks a run has, and what else holds for it."""
    looks, others = [], []
    for name, value in formats:
        if name in KNOWN_FORMATS and value.value not in (False, None):
            looks.append(KNOWN_FORMATS[name])
        else:
            others.append(f"{name}: {value_words(value.value).text}")
    return tuple(looks), ", ".join(others)


class Units:
    """A text that is counted and cut in UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Most texts have one unit for each character, and are cut as they are.
        self._encoded = None if max(text, default="") <= "\uffff" else text.encode("utf-16-le")

    def __len__(self) -> int:
        return len(self._text) if self._encoded is None else len(self._encoded) // 2

    def part(self, start: int, end: int) -> str:
        """The units from `start` to `end`; half of a pair is shown as the character for the unknown."""
        if self._encoded is None:
            return self._text[start:end]
        return self._encoded[2 * start : 2 * end].decode("utf-16-le", "replace")
