"""Work that is cut into slices, for whoever has no event loop to share."""

from __future__ import annotations

from webhost_sync.sync.turns import Result, Slices


def at_once(slices: Slices[Result]) -> Result:
    """Do it in one go. Raises: whatever it raises."""
    while True:
        try:
            next(slices)
        except StopIteration as ended:
            result: Result = ended.value
            return result
