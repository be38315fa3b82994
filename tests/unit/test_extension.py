"""What our own SDK says and hears beside the Hocuspocus protocol."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from webhost_sync.errors import ClientTooOld, InvalidRequest, NotAllowed, StoreUnavailable, WrongEpoch
from webhost_sync.sync.extension import (
    Extension,
    denied_text,
    document_text,
    is_ours,
    read_version,
    refused_text,
)

EPOCH = UUID("6d0e1c3a-8a3b-4f0e-9f3c-0a1b2c3d4e5f")


@pytest.mark.parametrize("version", [None, "", "4.8.0", "webhost-sync", "hocuspocus webhost-sync/1"])
def test_other_clients_are_not_ours(version: str | None) -> None:
    assert not is_ours(version)


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("webhost-sync/1", Extension()),
        (f"webhost-sync/1;epoch={EPOCH}", Extension(EPOCH)),
        ("webhost-sync/1;send-only", Extension(send_only=True)),
        (f"webhost-sync/1;epoch={EPOCH};send-only", Extension(EPOCH, send_only=True)),
    ],
)
def test_a_version_says_what_the_client_asks_for(version: str, asked: Extension) -> None:
    assert is_ours(version)
    assert read_version(version) == asked


@pytest.mark.parametrize(
    "version",
    [
        "webhost-sync/1;",
        "webhost-sync/1;epoch=",
        "webhost-sync/1;epoch=7",
        "webhost-sync/1;send-only=1",
        f"webhost-sync/1;epoch={EPOCH};epoch={EPOCH}",
        "webhost-sync/1;send-only;send-only",
    ],
)
def test_a_version_that_makes_no_sense_is_refused(version: str) -> None:
    with pytest.raises(InvalidRequest):
        read_version(version)


def test_another_version_of_the_sdk_is_told_which_one_is_spoken() -> None:
    with pytest.raises(ClientTooOld, match="webhost-sync/1"):
        read_version("webhost-sync/2;whatever=1")


def test_the_texts_are_those_of_the_protocol() -> None:
    assert json.loads(document_text(EPOCH, 7, 100, writable=False)) == {
        "webhost": "document", "epoch": str(EPOCH), "seq": 7, "frameLimit": 100, "writable": False,
    }  # fmt: skip
    assert json.loads(denied_text(NotAllowed("nein, ž"))) == {
        "webhost": "denied", "code": "not_allowed", "message": str(NotAllowed("nein, ž")), "retry": False,
    }  # fmt: skip
    assert json.loads(denied_text(WrongEpoch(epoch=EPOCH)))["epoch"] == str(EPOCH)
    assert json.loads(refused_text(StoreUnavailable()))["retry"] is True
