"""The SDK knows the server's errors as the server has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from webhost_sync import errors
from webhost_sync.errors import ClientFault, SyncError, TryAgain

SDK = Path(__file__).parents[2] / "js-sdk" / "src" / "errors.ts"
LINE = re.compile(r"^  (\w+): \{ close: (\d+), status: (\d+), retry: (true|false) \},$", re.MULTILINE)

Kind = tuple[int, int, bool]


def test_the_table_of_the_sdk_is_the_tree_of_the_server() -> None:
    table = SDK.read_text().partition("SERVER_ERRORS: ")[2].partition("\n}\n")[0]
    kinds: dict[str, Kind] = {
        code: (int(close), int(status), retry == "true") for code, close, status, retry in LINE.findall(table)
    }
    assert kinds == {error.code: _kind(error) for error in _sent_to_clients(SyncError)}
    assert table.count("close:") == len(kinds), "a line of the table is not read by this test"


def _sent_to_clients(error: type[SyncError]) -> Iterator[type[SyncError]]:
    """Every class of the tree in `webhost_sync/errors.py`, but for the roots of its branches."""
    if error.__module__ != errors.__name__:
        return
    if error not in {SyncError, ClientFault, TryAgain}:
        yield error
    for child in error.__subclasses__():
        yield from _sent_to_clients(child)


def _kind(error: type[SyncError]) -> Kind:
    return error.close_code, error.http_status, error.retry
