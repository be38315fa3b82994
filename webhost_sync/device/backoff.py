"""How long to wait before the next try. Pure: the random numbers come in."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from webhost_sync.errors import SyncError


@dataclass(slots=True)
class Backoff:
    """Waiting times that double, each drawn evenly between nothing and its bound.

    The spread is the point ("full jitter"): a whole fleet that lost its server together must not come
    back together.
    """

    random: Random
    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    failures: int = 0

    def succeeded(self) -> None:
        """Start over with the shortest time."""
        self.failures = 0

    def failed(self, at_least: float = 0.0) -> float:
        """Count a failure and return the seconds to wait, never less than the server asked for."""
        bound = min(self.longest_seconds, self.first_seconds * 2 ** min(self.failures, 32))
        self.failures += 1
        return max(at_least, self.random.uniform(0.0, bound))


def retry_after_seconds(error: SyncError) -> float:
    """The wait that a server asked for with its error, 0 if it didn't."""
    seconds = error.fields.get("retry_after_seconds")
    return seconds if isinstance(seconds, float) else 0.0
