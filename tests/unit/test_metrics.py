"""Counting what happened: by steps, forgotten in time, and read as rates and quantiles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.metrics import (
    LENGTH,
    MAX_SERIES,
    MAX_TENANTS,
    OTHER,
    STEP,
    Bucket,
    Histogram,
    Recorder,
    Ring,
    per_second,
    quantile,
)


def test_notes_are_counted_in_their_step() -> None:
    ring = Ring()
    for now in (0, 1, STEP - 0.1, STEP):
        ring.at(now).note(0.01, amount=2)
    assert [bucket.amount for bucket in ring.last(STEP, 1)] == [6, 2]
    assert per_second(ring.last(STEP, 1)) == [6 / STEP, 2 / STEP]


def test_old_steps_are_forgotten() -> None:
    ring = Ring()
    ring.at(0).note(0.01)
    assert sum(bucket.count for bucket in ring.last((LENGTH - 1) * STEP, LENGTH)) == 1
    assert sum(bucket.count for bucket in ring.last(LENGTH * STEP, LENGTH)) == 0
    assert ring.at(LENGTH * STEP).count == 0


def test_a_ring_has_as_many_buckets_as_it_is_asked_for_and_has() -> None:
    assert len(Ring().last(0, 12)) == 13
    assert len(Ring().last(0, 10_000)) == LENGTH


def test_without_a_note_there_is_no_quantile() -> None:
    assert quantile([], 0.5) is None
    assert quantile([Bucket()], 0.5) is None


@given(st.lists(st.floats(0.0002, 50), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_quantile_is_at_least_the_truth_and_at_most_twice_it(times: list[float], share: float) -> None:
    bucket = Bucket()
    for seconds in times:
        bucket.note(seconds)
    found = quantile([bucket], share)
    exact = sorted(times)[-int(-len(times) * share // 1) - 1]
    assert found is not None
    assert exact * 0.999 <= found <= exact * 2.001


def test_tenants_are_counted_apart_and_bounded() -> None:
    recorder = Recorder()
    for tenant_id in range(MAX_TENANTS + 1):
        recorder.note_commit(tenant_id, 3, 0.01, now=0)
    counts = [recorder.commits(tenant_id).at(0).amount for tenant_id in (0, 1, MAX_TENANTS)]
    assert counts == [0, 3, 3]


def test_totals_only_rise_and_have_a_bounded_number_of_series() -> None:
    recorder = Recorder()
    for number in range(MAX_SERIES + 10):
        recorder.note_request(0.2, status=200, now=0, method="BREW", route=f"/{number}")
    totals = recorder.totals
    assert len(totals.answer_seconds) <= MAX_SERIES + 1
    assert totals.answers["other", OTHER, 200] == 10
    assert sum(sum(histogram.counts) for histogram in totals.answer_seconds.values()) == MAX_SERIES + 10


def test_a_histogram_counts_a_value_at_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.note(value)
    assert (histogram.counts, histogram.sum) == ([2, 2, 1], 14.0)
