"""Slows down whoever guesses passwords: a budget of failures for each account and each address.

    budget   `capacity` attempts, which come back evenly over `window` seconds

An attempt takes one from the account's and one from the address's budget before the password is looked
at, so that many at once are no way around it; an empty budget refuses further attempts, right or wrong,
and says how long. A success gives the account its budget back, and the address what it took. An attacker
can so keep somebody from signing in by password for a while, and never ends a session.
Kept in memory, bounded: of two processes each counts for itself. Pure: the clock is an argument.
"""

from __future__ import annotations

from collections import OrderedDict

MAX_KEYS = 10_000


class Throttle:
    """Invariant: at most `MAX_KEYS` are remembered; the one not seen for longest is forgotten first."""

    def __init__(self, capacity: int, window: float) -> None:
        self._capacity = capacity
        self._window = window
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until another attempt is allowed; 0 where it is allowed now."""
        excess = self._spent_at(key, now) + 1 - self._capacity
        return max(0.0, excess * self._window / self._capacity)

    def take(self, key: str, now: float) -> None:
        """One attempt."""
        self._spent[key] = (self._spent_at(key, now) + 1, now)
        self._spent.move_to_end(key)
        while len(self._spent) > MAX_KEYS:
            self._spent.popitem(last=False)

    def give_back(self, key: str, now: float) -> None:
        """The attempt was a good one."""
        if key in self._spent:
            self._spent[key] = (max(0.0, self._spent_at(key, now) - 1), now)

    def forget(self, key: str) -> None:
        """All attempts were good ones."""
        self._spent.pop(key, None)

    def _spent_at(self, key: str, now: float) -> float:
        spent, since = self._spent.get(key, (0.0, now))
        return max(0.0, spent - (now - since) * self._capacity / self._window)
