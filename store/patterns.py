"""Patterns of document names (a `*` for any characters) as what SQL's LIKE takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def likes_of(patterns: Sequence[str]) -> list[str]:
    """Each pattern for LIKE."""
    return [escaped(pattern).replace("*", "%") for pattern in patterns]


def escaped(text: str) -> str:
    """The text with what means something to LIKE made to mean itself."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
