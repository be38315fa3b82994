"""What can be told, and when it is tried again. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class EventKind(StrEnum):
    """What an endpoint can ask for."""

    DOCUMENT_CHANGED = "document.changed"
    """Its log grew: from which seq to which. At most once in `WEBHOOK_THROTTLE` for each document."""
    DOCUMENT_CREATED = "document.created"
    """Made by an admin; one that is made by opening it is `document.changed` from seq 1."""
    DOCUMENT_DELETED = "document.deleted"
    DOCUMENT_BROUGHT_BACK = "document.brought_back"
    DOCUMENT_PURGED = "document.purged"
    DOCUMENT_QUARANTINED = "document.quarantined"
    DOCUMENT_RELEASED = "document.released"
    DOCUMENT_ERASED = "document.erased"
    DOCUMENT_EPOCH_CHANGED = "document.epoch_changed"
    DOCUMENT_RESTORED = "document.restored"
    ROW_REJECTED = "row.rejected"
    """What a document holds has no place in the tables, or for another reason than before; once for all that
    was found together."""
    GEOFENCE_ENTERED = "geofence.entered"
    """A vehicle was first seen inside of a fence, by a fix that came after the fence had its shape."""
    GEOFENCE_EXITED = "geofence.exited"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"


PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
"""Seconds after each failure; about a day in all. Then the message is given up."""


def pause_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many attempts; `chance` in [0, 1) spreads it over half to all of the pause,
    so that a receiver that comes back isn't met by everybody at once. None: give up."""
    if attempts > len(PAUSES):
        return None
    return timedelta(seconds=PAUSES[attempts - 1] * (0.5 + chance / 2))
