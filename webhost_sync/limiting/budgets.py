"""What may be done how often: kinds of requests, how many of them in which time, and the headers that say so.

    RateLimit-Policy: "api";q=100;w=60        what holds: q of them in w seconds
    RateLimit: "api";r=42;t=3                 what is left: r of them, and one more in t seconds

The headers are those of draft-ietf-httpapi-ratelimit-headers-11 (structured fields). Windows slide: what was
done in the window before counts less and less, so that nobody gets twice as much around its end. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from webhost_sync.errors import TooManyRequests

MAX_AMOUNT = 1_000_000_000
"""Enough for anybody: as good as no limit."""


class Kind(StrEnum):
    """What is counted, each for itself."""

    API = "api"
    """Requests of one principal to the API, but for those that are uploads."""
    UPLOAD = "upload"
    """Requests of one principal that bring a large body."""
    CONNECT = "connect"
    """Sockets that one principal opens; an address may open ten times as many."""
    PAGE = "page"
    """Requests of one session of the dashboard; of one address to what is open to all."""
    STRANGER = "stranger"
    """Credentials that were refused, of one address."""


ADJUSTABLE_BY_TENANT = (Kind.API, Kind.UPLOAD, Kind.CONNECT)


@dataclass(frozen=True, slots=True)
class Budget:
    """`amount` things of a kind in `window` seconds."""

    kind: Kind
    amount: int
    window: int

    @property
    def policy(self) -> str:
        return f'"{self.kind}";q={self.amount};w={self.window}'


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of taking one from a budget; in `seconds` there is one more."""

    budget: Budget
    allowed: bool
    left: int
    seconds: float

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least one: a client that comes back a moment too early has come for nothing."""
        return max(1, math.ceil(self.seconds))

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "RateLimit-Policy": self.budget.policy,
            "RateLimit": f'"{self.budget.kind}";r={self.left};t={math.ceil(self.seconds)}',
        }

    def demand(self) -> None:
        """Raises: TooManyRequests, with what the answer's headers say."""
        if not self.allowed:
            raise TooManyRequests(
                f"{self.budget.amount} of the kind {self.budget.kind} in {self.budget.window} s are allowed; "
                f"come back in {self.retry_after} s",
                verdict=self,
            )
