"""The looks in which every page of the dashboard is seen: at a desk and on a phone, in light and in dark.

A page is opened once, on a phone, and looked at in all four where it stands. With `PICTURES=all` it is opened
anew in each, as people get it, which takes four times as long. Knows no page.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import ViewportSize

SIZES = {1280: 800, 390: 844}


@dataclass(frozen=True, slots=True)
class Look:
    """How a browser shows a page."""

    width: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}"

    @property
    def size(self) -> ViewportSize:
        return {"width": self.width, "height": SIZES[self.width]}


PHONE, DESK = Look(390, "light"), Look(1280, "light")
# One step changes one thing, and the first is where the last can go back to.
ALL = (PHONE, Look(390, "dark"), Look(1280, "dark"), DESK)
ANEW = os.environ.get("PICTURES") == "all"

opened = pytest.mark.parametrize("first", ALL if ANEW else [PHONE], ids=str)
"""Gives a test the look in which it opens its pages."""


def seen_from(first: Look) -> tuple[Look, ...]:
    """In which looks a page is seen that was opened in this one."""
    return (first,) if ANEW else ALL
