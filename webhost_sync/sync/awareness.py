"""Keeps who is present in one room: awareness states by client id, never stored.

Awareness entries come in from connections with the time of their arrival; what changed since the last
look goes out as one message for every member of the room, the writer included. Knows no socket, no
clock and no document.

The rule of y-protocols: an entry counts when its clock is above the known one, or when it is a leave
(`null`) under the same clock. A leave that the server says for a client carries the client's own last
clock, as the reference server's does, and not that clock + 1. Both make the others drop the client. But a
stock client that reconnects says its state again under the clock it had:

- The others ignore it, since they have seen that clock end. After a leave at clock + 1 they would
  ignore even its next renewal, and see it again only after the second one (30 s instead of 15 s).
- So a claim under a clock that has ended is answered by the leave entry once more. A y-protocols client
  that reads of its own end raises its clock and says its state again, and everybody sees it at once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from webhost_sync.errors import TooLarge
from webhost_sync.sync.protocol import AwarenessEntry, AwarenessUpdate

TIMEOUT = 30.0
"""Seconds without news after which y-protocols takes a client for gone; clients renew each 15 s."""


@dataclass(frozen=True, slots=True)
class AwarenessLimits:
    """What a room bears: seconds, bytes of one state, ids of one connection, ids of the room."""

    timeout: float = TIMEOUT
    state_bytes: int = 64 * 1024
    clients_per_connection: int = 20
    clients_per_room: int = 1000


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All connections of one owner to another process, as if they were one. That process holds them to
    its limits."""

    process: str
    owner: str


@dataclass(slots=True)
class _Presence:
    """The last entry of a client, whose it is, and when it came or, after a leave, went."""

    entry: AwarenessEntry
    owner: str
    connection_id: Hashable
    since: float


class AwarenessTable:
    """The presence of one room.

    Invariants:
    1. A client id belongs to the connection that first showed it. Entries about it from elsewhere are
       ignored without a word, because stock clients send everybody's entries back; only the same owner
       may take the id over, with a higher clock, when it reconnects while its old socket is half-open.
    2. A client that left is remembered for one timeout: its clock, so that its return is seen, and its
       owner, so that nobody else takes its id meanwhile.
    3. The clock of a client never falls while it is remembered.
    4. Present and remembered clients are at most `clients_per_room`; for a newcomer the one that left
       first is forgotten, as soon as its leave was taken. An id too many is ignored and counted in
       `refused`: the connection stays, since a stock client may relay more ids than a limit allows without
       meaning harm.

    Times are seconds of one clock that never goes back; connection ids are never used again.
    """

    def __init__(self, limits: AwarenessLimits) -> None:
        self._limits = limits
        self._present: dict[int, _Presence] = {}
        """By the time of the last news, the oldest first."""
        self._departed: dict[int, _Presence] = {}
        """By the time of leaving, the oldest first."""
        self._clients: dict[Hashable, set[int]] = {}
        self._changed: dict[int, None] = {}
        self.refused = 0

    def __len__(self) -> int:
        """How many clients are present."""
        return len(self._present)

    @property
    def next_expiry(self) -> float | None:
        """When `expire` has something to do next; None while nobody is here or remembered."""
        oldest = [next(iter(table.values())).since for table in (self._present, self._departed) if table]
        return min(oldest) + self._limits.timeout if oldest else None

    def receive(
        self, connection_id: Hashable, owner: str, entries: Iterable[AwarenessEntry], now: float
    ) -> tuple[int, ...]:
        """Take the entries of one message and return the client ids that have news.

        Raises TooLarge when a state is above the limit; then none of the entries is taken.
        """
        entries = tuple(entries)
        for entry in entries:
            size = len(entry.state.encode())
            if size > self._limits.state_bytes:
                raise TooLarge(f"a presence state of {size} bytes, allowed are {self._limits.state_bytes}")
        return tuple(
            entry.client_id for entry in entries if self._take_entry(connection_id, owner, entry, now)
        )

    def leave(self, connection_id: Hashable, now: float) -> tuple[int, ...]:
        """Let the clients of a connection go and return those that were present."""
        gone = tuple(client for client in self._clients.pop(connection_id, ()) if client in self._present)
        for client in gone:
            self._depart(client, now)
        return gone

    def expire(self, now: float) -> tuple[int, ...]:
        """Let those go that were not heard of for one timeout, and return them."""
        gone = self._older_than(self._present, now)
        for client in self._older_than(self._departed, now):
            self._forget(client)
        for client in gone:
            self._depart(client, now)
        return gone

    def entries(self, client_ids: Iterable[int] | None = None) -> tuple[AwarenessEntry, ...]:
        """Return the entries of everybody present; or of given clients, with the leaves among them."""
        if client_ids is None:
            return tuple(presence.entry for presence in self._present.values())
        known = (self._find(client) for client in client_ids)
        return tuple(presence.entry for presence in known if presence is not None)

    def entries_here(self, *, changed: bool) -> Mapping[str, tuple[AwarenessEntry, ...]]:
        """By owner, the entries of whoever is connected here, for other processes: of those that changed
        since `take_changes`, or of everybody present."""
        found: dict[str, list[AwarenessEntry]] = {}
        for client in self._changed if changed else self._present:
            presence = self._find(client)
            if presence is not None and not isinstance(presence.connection_id, Elsewhere):
                found.setdefault(presence.owner, []).append(presence.entry)
        return {owner: tuple(entries) for owner, entries in found.items()}

    def take_changes(self) -> AwarenessUpdate | None:
        """Return what changed since the last call as one message, or None."""
        changed, self._changed = self._changed, {}
        return AwarenessUpdate(self.entries(changed)) if changed else None

    def _take_entry(self, connection_id: Hashable, owner: str, entry: AwarenessEntry, now: float) -> bool:
        client = entry.client_id
        known = self._find(client)
        if known is None:
            if entry.is_leave or not self._has_room(connection_id):
                return False
        else:
            if known.connection_id != connection_id and known.owner != owner:
                return False
            if entry.clock <= known.entry.clock and not self._is_leave_of(known, entry, connection_id):
                if client in self._departed and not entry.is_leave:
                    self._changed[client] = None
                return False
            if known.connection_id != connection_id and not self._has_place(connection_id):
                return False
            self._remove(client, known)
        self._clients.setdefault(connection_id, set()).add(client)
        table = self._departed if entry.is_leave else self._present
        table[client] = _Presence(entry, owner, connection_id, now)
        self._changed[client] = None
        return True

    def _is_leave_of(self, known: _Presence, entry: AwarenessEntry, connection_id: Hashable) -> bool:
        """Tell whether a present client says goodbye under its last clock, on its own connection.

        Others may not say so for it: a laptop that wakes up believes everybody has timed out.
        """
        return (
            entry.is_leave
            and not known.entry.is_leave
            and entry.clock == known.entry.clock
            and known.connection_id == connection_id
        )

    def _has_place(self, connection_id: Hashable) -> bool:
        taken = len(self._clients.get(connection_id, ()))
        free = isinstance(connection_id, Elsewhere) or taken < self._limits.clients_per_connection
        self.refused += not free
        return free

    def _has_room(self, connection_id: Hashable) -> bool:
        if not self._has_place(connection_id):
            return False
        if len(self._present) + len(self._departed) < self._limits.clients_per_room:
            return True
        oldest = next(iter(self._departed), None)
        if oldest is None or oldest in self._changed:
            # Whoever is forgotten before the others were told of its leave would stay on their screens.
            self.refused += 1
            return False
        self._forget(oldest)
        return True

    def _find(self, client: int) -> _Presence | None:
        return self._present.get(client) or self._departed.get(client)

    def _older_than(self, table: dict[int, _Presence], now: float) -> tuple[int, ...]:
        timeout = self._limits.timeout
        return tuple(
            client for client, _ in takewhile(lambda item: item[1].since + timeout <= now, table.items())
        )

    def _depart(self, client: int, now: float) -> None:
        presence = self._present.pop(client)
        presence.entry = AwarenessEntry(client, presence.entry.clock, "null")
        presence.since = now
        self._departed[client] = presence
        self._changed[client] = None

    def _forget(self, client: int) -> None:
        self._remove(client, self._departed[client])
        self._changed.pop(client, None)

    def _remove(self, client: int, presence: _Presence) -> None:
        self._present.pop(client, None)
        self._departed.pop(client, None)
        self._clients.get(presence.connection_id, set()).discard(client)
