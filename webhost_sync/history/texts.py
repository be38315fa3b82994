"""What became of a text: which of its pieces were kept, deleted, inserted or formatted.

Two texts in, pieces out. To be read, a text is compared by words; to be edited, by characters, so that
whoever types meanwhile finds their place again. Both begin with whole lines and look into those that
differ. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from webhost_sync.history.matching import Block, gaps, joined, matching_blocks
from webhost_sync.history.nodes import Formats, Node, Run, RunCursor, TextNode, text_node

LINES, WORDS, CHARACTERS = (re.compile(form, re.DOTALL) for form in (r"[^\n]*\n|[^\n]+", r"\w+|\s+|.", r"."))
FIRST_STAND_IN = 0x100000
"""Embeds are compared as characters of Unicode's last private plane; those that the text has are left out."""


class PieceKind(StrEnum):
    KEPT = "kept"
    DELETED = "deleted"
    INSERTED = "inserted"
    FORMATTED = "formatted"
    """The same text with other formats."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. `runs` are as they were where it was deleted, else as they became; `was` has
    the formats before, where these alone have changed."""

    kind: PieceKind
    runs: tuple[Run, ...]
    was: Formats = ()

    def __len__(self) -> int:
        return sum(map(len, self.runs))


def compare_texts(before: TextNode, after: TextNode, *, by_characters: bool) -> tuple[Piece, ...]:
    """The pieces of both texts in their order, what was deleted before what came in its place."""
    one, other = _comparable(before, after)
    levels = (LINES, WORDS, CHARACTERS) if by_characters else (LINES, WORDS)
    blocks = _blocks(one, other, levels)
    pieces: list[Piece] = []
    old, new = RunCursor(before.runs), RunCursor(after.runs)
    at, other_at = 0, 0
    for block in (*blocks, Block(len(one), len(other), 0)):
        pieces += _piece(PieceKind.DELETED, old.take(block.first - at))
        pieces += _piece(PieceKind.INSERTED, new.take(block.second - other_at))
        pieces += _kept(old.take(block.length), new.take(block.length))
        at, other_at = block.first + block.length, block.second + block.length
    return tuple(pieces)


def edit_text(text: TextNode, pieces: Iterable[Piece]) -> TextNode:
    """Do to a text what the pieces say. Raises: ValueError where they are not about this text."""
    runs: list[Run] = []
    rest = RunCursor(text.runs)
    at = 0
    for piece in pieces:
        if piece.kind is not PieceKind.INSERTED:
            old = _contents(rest.take(len(piece)))
            if old != _contents(piece.runs):
                raise ValueError(f"the text has other content from unit {at} on")
            at += len(piece)
        if piece.kind is not PieceKind.DELETED:
            runs += piece.runs
    return text_node((*runs, *rest.take(_length(text))), is_xml=text.is_xml)


def _blocks(one: str, other: str, levels: tuple[re.Pattern[str], ...]) -> list[Block]:
    """What both have in common, looked for in ever smaller tokens."""
    tokens, other_tokens = levels[0].findall(one), levels[0].findall(other)
    places, other_places = _places(tokens), _places(other_tokens)
    found: list[Block] = []
    blocks = matching_blocks(tokens, other_tokens)
    for block in blocks:
        start, end = places[block.first], places[block.first + block.length]
        found.append(Block(start, other_places[block.second], end - start))
    if len(levels) > 1:
        for start, end, other_start, other_end in gaps(blocks, len(tokens), len(other_tokens)):
            at, other_at = places[start], other_places[other_start]
            inner = _blocks(one[at : places[end]], other[other_at : other_places[other_end]], levels[1:])
            found += (Block(at + b.first, other_at + b.second, b.length) for b in inner)
    return joined(sorted(found))


def _places(tokens: Iterable[str]) -> list[int]:
    """Where each token starts, and where the last one ends."""
    places = [0]
    for token in tokens:
        places.append(places[-1] + len(token))
    return places


def _comparable(before: TextNode, after: TextNode) -> tuple[str, str]:
    """Both texts as strings in which each embed is a character that stands for nothing else."""
    runs = (*before.runs, *after.runs)
    embeds = dict.fromkeys(run.content for run in runs if not isinstance(run.content, str))
    if not embeds:
        return before.text, after.text
    taken = set(before.text) | set(after.text)
    free = (chr(code) for code in count(FIRST_STAND_IN) if chr(code) not in taken)
    stand_ins = dict(zip(embeds, free, strict=False))
    return _with_stand_ins(before, stand_ins), _with_stand_ins(after, stand_ins)


def _with_stand_ins(text: TextNode, stand_ins: dict[Node, str]) -> str:
    return "".join(
        run.content if isinstance(run.content, str) else stand_ins[run.content] for run in text.runs
    )


def _piece(kind: PieceKind, runs: Iterator[Run]) -> Iterator[Piece]:
    content = tuple(runs)
    if content:
        yield Piece(kind, content)


def _kept(old: Iterator[Run], new: Iterator[Run]) -> Iterator[Piece]:
    """The same content on both sides, told apart where the formats differ."""
    before, after = tuple(old), tuple(new)
    cuts = sorted({*_ends(before), *_ends(after)})
    one, other = RunCursor(before), RunCursor(after)
    start = 0
    for end in cuts:
        [was] = one.take(end - start)
        [became] = other.take(end - start)
        if was.formats == became.formats:
            yield Piece(PieceKind.KEPT, (became,))
        else:
            yield Piece(PieceKind.FORMATTED, (became,), was.formats)
        start = end


def _ends(runs: Iterable[Run]) -> Iterator[int]:
    at = 0
    for run in runs:
        at += len(run)
        yield at


def _contents(runs: Iterable[Run]) -> list[object]:
    """Characters and embeds one by one, without their formats."""
    return [
        unit for run in runs for unit in (run.content if isinstance(run.content, str) else (run.content,))
    ]


def _length(text: TextNode) -> int:
    return sum(map(len, text.runs))
