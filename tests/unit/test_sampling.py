"""One event can't fill the disk, and an error is never left out."""

from __future__ import annotations

from webhost_sync.sampling import MAX_KINDS, ONE_IN, WINDOW, Sampler


def test_the_first_lines_are_written_and_then_few_that_say_how_many_were_not() -> None:
    sampler = Sampler(3)
    taken = [sampler.take("info", "refused", 0.0) for _ in range(3 + 2 * ONE_IN)]
    assert taken[:3] == [0, 0, 0]
    assert [left_out for left_out in taken[3:] if left_out is not None] == [ONE_IN - 1, ONE_IN - 1]


def test_after_a_while_lines_are_written_again() -> None:
    sampler = Sampler(1)
    assert [sampler.take("info", "refused", 0.0) for _ in range(3)] == [0, None, None]
    assert sampler.take("info", "refused", WINDOW) == 2


def test_events_are_counted_apart_and_errors_not_at_all() -> None:
    sampler = Sampler(1)
    assert [sampler.take("error", "broken", 0.0) for _ in range(9)] == [0] * 9
    assert [sampler.take("info", str(number), 0.0) for number in range(2 * MAX_KINDS)] == [0] * 2 * MAX_KINDS
    assert Sampler(0).take("info", "refused", 0.0) == 0
