"""Small graphs as SVG: a line over a quiet area, and a bar with a mark at its limit. Pure.

No script and no style inside, so they work under the strict policy of the pages; colours come from the
style sheet by class. For a screen reader each is one image with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 120.0, 32.0
PAD = 2.0
BAR_WIDTH, BAR_HEIGHT = 100.0, 6.0


def sparkline(values: Sequence[float], label: str) -> Markup:
    """A line of the values, oldest left, from 0 to the largest. `label` says what they are."""
    top = max(values, default=0.0) or 1.0
    step = WIDTH / max(len(values) - 1, 1)
    points = [
        f"{index * step:.1f} {HEIGHT - PAD - (HEIGHT - 2 * PAD) * value / top:.1f}"
        for index, value in enumerate(values)
    ]
    line = "M" + "L".join(points) if points else ""
    area = f"{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z" if points else ""
    words = f"{label}: at most {max(values, default=0.0):.3g}, now {values[-1] if values else 0.0:.3g}"
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" aria-label="{words}">'
        '<path class="spark-area" d="{area}"/><path class="spark-line" d="{line}"/></svg>'
    ).format(w=f"{WIDTH:g}", h=f"{HEIGHT:g}", words=escape(words), area=area, line=line)


def bar(value: float | None, limit: float, label: str, top: float = 100.0) -> Markup:
    """A bar from 0 to `top` with a mark at `limit`; its class says whether the value is above it."""
    shown = 0.0 if value is None else min(max(value, 0.0), top)
    state = "none" if value is None else "over" if value > limit else "fine"
    words = f"{label}: {'unknown' if value is None else f'{value:.3g}'}, alert above {limit:g}"
    return Markup(
        '<svg class="bar bar-{state}" viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img"'
        ' aria-label="{words}"><rect class="bar-track" width="{w}" height="{h}"/>'
        '<rect class="bar-value" width="{value}" height="{h}"/>'
        '<rect class="bar-limit" x="{mark}" width="0.8" height="{h}"/></svg>'
    ).format(
        state=state,
        w=f"{BAR_WIDTH:g}",
        h=f"{BAR_HEIGHT:g}",
        words=escape(words),
        value=f"{BAR_WIDTH * shown / top:.1f}",
        mark=f"{BAR_WIDTH * min(limit, top) / top:.1f}",
    )
