"""How far those tests go that could go on for ever: `make test` some way, for it runs at every change;
`make fuzz` (the variable FUZZ) all the way, and from new beginnings."""

from __future__ import annotations

import os

FUZZ = "FUZZ" in os.environ


def rounds(in_test: int, *, in_fuzz: int) -> int:
    """How often: the first number in `make test`, the second in `make fuzz`."""
    return in_fuzz if FUZZ else in_test
