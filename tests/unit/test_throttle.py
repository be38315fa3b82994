"""Guessing passwords: slowed down for the account and the address, and forgotten in time."""

from __future__ import annotations

from webhost_sync.auth.throttle import MAX_KEYS, Throttle


def test_so_many_failures_are_allowed_and_the_next_waits() -> None:
    throttle = Throttle(capacity=3, window=60)
    for _ in range(3):
        assert throttle.wait("ada", 0) == 0
        throttle.take("ada", 0)
    assert throttle.wait("ada", 0) == 20
    assert throttle.wait("bob", 0) == 0


def test_failures_are_forgotten_evenly() -> None:
    throttle = Throttle(capacity=3, window=60)
    for _ in range(3):
        throttle.take("ada", 0)
    assert throttle.wait("ada", 19) > 0
    assert throttle.wait("ada", 20) == 0
    throttle.take("ada", 20)
    assert throttle.wait("ada", 20) == 20


def test_a_success_forgives() -> None:
    throttle = Throttle(capacity=1, window=60)
    throttle.take("ada", 0)
    throttle.forget("ada")
    assert throttle.wait("ada", 0) == 0


def test_a_good_attempt_is_given_back_alone() -> None:
    throttle = Throttle(capacity=2, window=60)
    for _ in range(2):
        throttle.take("here", 0)
    throttle.give_back("here", 0)
    assert throttle.wait("here", 0) == 0
    throttle.take("here", 0)
    assert throttle.wait("here", 0) == 30
    throttle.give_back("never seen", 0)


def test_memory_is_bounded() -> None:
    throttle = Throttle(capacity=1, window=60)
    for number in range(MAX_KEYS + 1):
        throttle.take(str(number), 0)
    assert throttle.wait("0", 0) == 0
    assert throttle.wait(str(MAX_KEYS), 0) > 0
