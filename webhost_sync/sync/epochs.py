"""Which history a client's replica belongs to, as it says at the door, and whether it may come in with it.

    claim = uuid                    a replica of that epoch
          | "none"                  one that has never met the server: all it holds is new
          | nothing at all          a stock client, which may hold anything

A replica of another epoch never merges. Where a document's history was begun anew (purged and made again,
erased, put back from a backup), whoever says nothing is refused as well: it might bring back what is gone.
Stock clients say it in the address: `?epoch=` behind the document's name. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from store.contract import Document
from webhost_sync.errors import InvalidRequest, WrongEpoch

NONE = "none"
IN_NAME = "?epoch="
"""Follows on the name of a document where a protocol has no other place for it: no name holds a `?`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says of its replica: its epoch, that it `is_fresh`, or neither."""

    epoch: UUID | None = None
    is_fresh: bool = False


UNSAID = Claim()
FRESH = Claim(is_fresh=True)


def read_claim(text: str | None) -> Claim:
    """Raises: InvalidRequest."""
    if text is None:
        return UNSAID
    if text == NONE:
        return FRESH
    try:
        return Claim(UUID(text))
    except ValueError:
        raise InvalidRequest(f"an epoch is a UUID, or {NONE!r} where nothing was ever synced") from None


def split_name(text: str) -> tuple[str, Claim]:
    """The name of a document, and the claim behind it. Raises: InvalidRequest."""
    name, said, claim = text.partition(IN_NAME)
    return (name, read_claim(claim)) if said else (text, UNSAID)


def check_epoch(record: Document, claim: Claim) -> None:
    """Let a replica in. Raises: WrongEpoch, with the document's epoch."""
    if claim.epoch not in (None, record.epoch):
        raise WrongEpoch(f"it is {record.epoch} now", epoch=record.epoch)
    if claim == UNSAID and record.demands_epoch:
        raise WrongEpoch(f"say which one the replica has; it is {record.epoch} now", epoch=record.epoch)
