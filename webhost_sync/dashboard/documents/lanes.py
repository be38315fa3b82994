"""Who wrote how much along a document's history: a lane for each writer, a bar for each part of the log.
Shares of parts come in, SVG goes out. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from webhost_sync.dashboard.documents.writers import Writer, Writers

HEIGHT = 20.0
LOWEST = 2.0
WIDTH = 0.86
"""Of a bar, of the one unit that it has."""
LANES = 12
"""Writers that have a lane of their own, those with most updates; the others share one."""
OTHERS = Writer(7, "others", "")


class AShare(Protocol):
    @property
    def actor(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def part(self) -> int: ...

    @property
    def updates(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Lane:
    """`strip` is as wide as the log."""

    writer: Writer
    updates: int
    strip: Markup


def lanes(shares: Sequence[AShare], parts: int, writers: Writers) -> list[Lane]:
    """The writers in the order in which they came."""
    counts: dict[Writer, list[int]] = {}
    for share in sorted(shares, key=lambda share: (share.part, share.actor, share.device)):
        counts.setdefault(writers.of(share.actor, share.device), [0] * parts)[share.part] += share.updates
    busiest = sorted(counts, key=lambda writer: -sum(counts[writer]))
    kept = set(busiest if len(busiest) <= LANES else busiest[: LANES - 1])
    rest = [counts[writer] for writer in counts if writer not in kept]
    shown = {writer: bars for writer, bars in counts.items() if writer in kept}
    if rest:
        shown[OTHERS] = [sum(column) for column in zip(*rest, strict=True)]
    top = max((max(bars) for bars in shown.values()), default=1)
    return [Lane(writer, sum(bars), _strip(bars, top, parts, writer)) for writer, bars in shown.items()]


def _strip(bars: Sequence[int], top: int, parts: int, writer: Writer) -> Markup:
    heights = [LOWEST + (HEIGHT - LOWEST) * count / top if count else 0.0 for count in bars]
    path = "".join(
        f"M{part} {HEIGHT:g}v-{height:.1f}h{WIDTH}v{height:.1f}z"
        for part, height in enumerate(heights)
        if height
    )
    return Markup(
        '<svg class="strip by-{number}" viewBox="0 0 {parts} {height:g}" preserveAspectRatio="none"'
        ' aria-hidden="true" focusable="false"><path d="{path}"/></svg>'
    ).format(number=writer.number, parts=parts, height=HEIGHT, path=path)
