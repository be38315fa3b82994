"""The bytes of the HTTP sync, and which answers a device may believe."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.device.backoff import Backoff, retry_after_seconds
from webhost_sync.device.errors import Unreachable
from webhost_sync.device.wire import (
    SyncAnswer,
    error_of_close,
    read_answer,
    read_error,
    socket_path,
    sync_path,
    write_request,
)
from webhost_sync.errors import ClientFault, KeyRevoked, SyncError, TooManyRequests, TryAgain, WrongEpoch


def error_body(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def test_a_request_is_a_version_and_two_byte_arrays() -> None:
    assert write_request(b"\1\7\2", b"") == bytes.fromhex("01 03 010702 00")


def test_an_answer_is_read_whole() -> None:
    assert read_answer(bytes.fromhex("01 03 010702 02 0000")) == SyncAnswer(b"\1\7\2", b"\0\0")


@given(st.binary(max_size=60))
def test_bytes_that_are_no_answer_are_nobodys_answer(body: bytes) -> None:
    try:
        answer = read_answer(body)
    except Unreachable:
        return
    assert write_request(answer.state_vector, answer.diff) == body


@pytest.mark.parametrize("body", ["02 00 00", "01 01 00", "01 01 00 00 00", "01 01 07 00", "01 01 00 01 05"])
def test_a_damaged_answer_is_refused(body: str) -> None:
    with pytest.raises(Unreachable):
        read_answer(bytes.fromhex(body))


def test_names_keep_their_slashes_and_escape_the_rest() -> None:
    assert sync_path("track/a%2Fb/ü") == "/api/documents/track/a%252Fb/%C3%BC/sync"
    assert socket_path("tables/my table") == "/sync/tables/my%20table"


def test_the_servers_error_comes_back_as_what_it_was() -> None:
    error = read_error(401, error_body("key_revoked", str(KeyRevoked())))
    assert type(error) is KeyRevoked
    assert str(error) == str(KeyRevoked())


@pytest.mark.parametrize("status", [301, 401, 403, 404, 413])
def test_only_the_server_itself_can_refuse_for_good(status: int) -> None:
    assert isinstance(read_error(status, b"<html>Sign in to the hotel's network</html>"), TryAgain)


def test_a_code_that_is_newer_than_the_device_is_sorted_by_its_status() -> None:
    assert isinstance(read_error(418, error_body("teapot", "no")), ClientFault)
    assert isinstance(read_error(429, error_body("slower", "no")), TryAgain)
    assert isinstance(read_error(507, error_body("full", "no")), TryAgain)


def test_the_server_says_how_long_to_wait() -> None:
    error = read_error(429, error_body("too_many_requests", "slow down"), "17")
    assert isinstance(error, TooManyRequests)
    assert retry_after_seconds(error) == 17.0
    assert Backoff(Random(1)).failed(retry_after_seconds(error)) >= 17.0


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4409, WrongEpoch), (4499, ClientFault), (1013, TryAgain), (4500, SyncError), (1006, Unreachable)],
)
def test_a_close_code_says_whether_to_come_back(code: int, kind: type[SyncError]) -> None:
    assert isinstance(error_of_close(code, ""), kind)
    assert isinstance(error_of_close(code, ""), ClientFault) == (4400 <= code < 4500)


@given(st.integers(0, 40), st.integers())
def test_waits_double_up_to_the_longest(failures: int, seed: int) -> None:
    backoff = Backoff(Random(seed), first_seconds=1.0, longest_seconds=300.0, failures=failures)
    assert 0.0 <= backoff.failed() <= min(300.0, 2.0**failures)
    backoff.succeeded()
    assert backoff.failed() <= 1.0
