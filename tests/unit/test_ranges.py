"""Ranges of time as people ask for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.ranges import TimeRange, read_range

NOW = datetime(2026, 5, 8, 12, tzinfo=UTC)
MONTH = timedelta(days=31)
times = st.none() | st.datetimes(timezones=st.just(UTC))


def ago(**parts: int) -> datetime:
    return NOW - timedelta(**parts)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({}, ago(hours=24), NOW),
        ({"last": "24h"}, ago(hours=24), NOW),
        ({"last": "7d"}, ago(days=7), NOW),
        ({"start": ago(hours=2)}, ago(hours=2), NOW),
        ({"start": ago(days=60)}, ago(days=60), ago(days=29)),
        ({"end": ago(days=3)}, ago(days=4), ago(days=3)),
        ({"start": ago(days=3), "end": ago(days=2)}, ago(days=3), ago(days=2)),
    ],
)
def test_a_range_may_be_named_or_given_by_its_ends(
    asked: dict[str, object], start: datetime, end: datetime
) -> None:
    assert read_range(**asked, now=NOW, longest=MONTH) == TimeRange(start, end)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"last": "1h"}, "last"),
        ({"last": "24h", "start": ago(days=1)}, "last"),
        ({"start": NOW, "end": NOW}, "to"),
        ({"start": ago(days=40), "end": NOW}, "31 days"),
        ({"end": datetime.min.replace(tzinfo=UTC)}, "from"),
    ],
)
def test_a_bad_range_is_refused_by_the_name_of_what_is_wrong(asked: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        read_range(**asked, now=NOW, longest=MONTH)  # type: ignore[arg-type]


@given(start=times, end=times, now=st.datetimes(timezones=st.just(UTC)))
def test_a_range_is_never_empty_nor_longer_than_allowed(
    start: datetime | None, end: datetime | None, now: datetime
) -> None:
    try:
        found = read_range(start=start, end=end, now=now, longest=MONTH)
    except InvalidRequest:
        return
    assert timedelta(0) < found.end - found.start <= MONTH
