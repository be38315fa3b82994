"""What a client says of its replica's history, and which replicas may come in."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from store.contract import Document, DocumentState, Standing
from webhost_sync.errors import DocumentNotFound, InvalidRequest, RoomClosing, WrongEpoch
from webhost_sync.sync.epochs import FRESH, UNSAID, Claim, check_epoch, read_claim, split_name
from webhost_sync.sync.lives import end_of

OURS, OTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def record(*, demands_epoch: bool = False, state: DocumentState = DocumentState.ACTIVE) -> Document:
    return Document(1, 1, "depot", OURS, state, None, 0, 0, 0, 0, NOW, NOW, demands_epoch)


@pytest.mark.parametrize(
    ("text", "claim"), [(None, UNSAID), ("none", FRESH), (str(OURS), Claim(OURS)), (OURS.hex, Claim(OURS))]
)
def test_a_claim_is_an_epoch_or_that_there_is_none(text: str | None, claim: Claim) -> None:
    assert read_claim(text) == claim


@pytest.mark.parametrize("text", ["", "None", "1", f"{OURS} "])
def test_any_other_claim_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_claim(text)


def test_a_claim_may_stand_behind_a_name() -> None:
    assert split_name("tables/vehicles") == ("tables/vehicles", UNSAID)
    assert split_name(f"a/b?epoch={OURS}") == ("a/b", Claim(OURS))
    assert split_name("a?b") == ("a?b", UNSAID)  # which is no name, and is refused as one


@pytest.mark.parametrize(
    ("claim", "demands_epoch", "may"),
    [
        (UNSAID, False, True),
        (FRESH, False, True),
        (Claim(OURS), False, True),
        (Claim(OTHER), False, False),
        (UNSAID, True, False),
        (FRESH, True, True),
        (Claim(OURS), True, True),
        (Claim(OTHER), True, False),
    ],
)
def test_who_may_come_in(claim: Claim, demands_epoch: bool, may: bool) -> None:
    document = record(demands_epoch=demands_epoch)
    if may:
        check_epoch(document, claim)
        return
    with pytest.raises(WrongEpoch) as refused:
        check_epoch(document, claim)
    assert refused.value.fields == {"epoch": OURS}


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (None, DocumentNotFound),
        (Standing(OURS, DocumentState.DELETED), DocumentNotFound),
        (Standing(OTHER, DocumentState.ACTIVE), WrongEpoch),
        (Standing(OURS, DocumentState.QUARANTINED), RoomClosing),
        (Standing(OURS, DocumentState.ACTIVE), type(None)),
    ],
)
def test_why_a_room_ends(now: Standing | None, end: type[object]) -> None:
    assert isinstance(end_of(record(), now), end)
