"""What a device can honestly say about its data, as plain records.

Two levels are told apart. `device`: stored here, surviving a power cut. `durable`: committed in the
server's Postgres, as its answers show. There is nothing in between to report: neither door says
"received, not yet committed", and a request that was sent proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from webhost_sync.device.update_log import DocumentRecord


@dataclass(frozen=True, slots=True)
class Rejection:
    """A document that the server refuses for good, and why; `device.retry` tries it again."""

    document: str
    code: str
    message: str
    rejected_at: float


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device's data at one moment. Times are seconds since 1970 by the device's clock.

    A fix is counted once: in `pending_fixes` while the server hasn't confirmed it, by one of the
    counters of dropped fixes if the retention took it, and as durable otherwise.
    """

    device_id: str
    recorded_fixes: int
    pending_fixes: int
    dropped_by_age: int
    dropped_by_count: int
    pending_updates: dict[str, int]
    oldest_pending_at: float | None
    last_durable_at: float | None
    rejected: tuple[Rejection, ...]
    shelved_copies: int
    server_rollbacks: int
    tracks_forgotten: int
    last_error: str | None

    @property
    def durable_fixes(self) -> int:
        """Fixes that the server has confirmed."""
        return self.recorded_fixes - self.pending_fixes - self.dropped_by_age - self.dropped_by_count

    @property
    def everything_durable(self) -> bool:
        """Whether all that is on the device is on the server. A shelved copy is neither."""
        return not self.pending_fixes and not self.pending_updates


def rejections(records: Iterable[DocumentRecord]) -> tuple[Rejection, ...]:
    """The refused ones among the documents."""
    return tuple(
        Rejection(record.name, record.rejected_code, record.rejected_message or "", record.rejected_at or 0.0)
        for record in records
        if record.rejected_code is not None
    )
