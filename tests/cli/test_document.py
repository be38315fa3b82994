"""The life of documents by command."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.conftest import Run
from tests.cli.test_history import make_history
from tests.store.logs import execute

NAME = "tables/vehicles"
ARGUMENTS = (NAME, "--tenant", "acme")


@pytest.fixture
def acme(run_migrated: Run, database_url: str) -> Run:
    asyncio.run(make_history(database_url))
    return run_migrated


def names(run: Run, *options: str) -> list[str]:
    return [each["name"] for each in run("document", "list", "--tenant", "acme", "--json", *options).document]


def test_a_document_is_deleted_listed_and_brought_back(acme: Run) -> None:
    deleted = acme("document", "delete", *ARGUMENTS)
    assert deleted.out.startswith("Deleted tables/vehicles; it can be brought back until 20")
    assert "webhost-sync document bring-back tables/vehicles --tenant acme" in deleted.err
    assert names(acme) == []
    assert names(acme, "--deleted") == [NAME]
    [_, line] = acme("document", "list", "--tenant", "acme", "--deleted").out.splitlines()
    assert line.split()[:2] == [NAME, "4"]
    refused = acme("history", *ARGUMENTS)
    assert (refused.code, "there is no document" in refused.err) == (1, True)
    assert acme("document", "bring-back", *ARGUMENTS, "--json").document["head_seq"] == 4
    assert names(acme) == [NAME]
    events = acme("document", "diagnose", *ARGUMENTS, "--json").document["events"]
    assert [event["action"] for event in events] == ["brought_back", "deleted"]
    assert all(event["actor"].startswith("cli:") for event in events)


def test_what_is_deleted_for_good_is_asked_for_twice_and_made_again_by_name(
    acme: Run, database_url: str
) -> None:
    refused = acme("document", "delete", *ARGUMENTS, "--now")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert names(acme) == [NAME]
    assert acme("document", "delete", *ARGUMENTS, "--now", "--yes").out == f"Deleted {NAME} for good\n"
    assert names(acme, "--deleted") == []
    [line] = acme("document", "tombstones", "--tenant", "acme").out.splitlines()[1:]
    assert line.split()[:2] == [NAME, "4"]
    assert acme("document", "tombstones", "--tenant", "acme", "--prefix", "x", "--json").document == []
    gone = acme("document", "bring-back", *ARGUMENTS)
    assert (gone.code, "no such document: 'tables/vehicles'" in gone.err) == (1, True)
    assert asyncio.run(execute(database_url, "select count(*) from document_updates"))[0][0] == 0
    made = acme("document", "create", *ARGUMENTS, "--json").document
    assert (made["head_seq"], made["demands_epoch"]) == (0, True)


def test_a_damaged_document_is_diagnosed_and_released(acme: Run, database_url: str) -> None:
    rot = "update document_updates set payload = set_byte(payload, 3, 255) where seq = 4"
    asyncio.run(execute(database_url, rot))
    asyncio.run(execute(database_url, "update documents set state = 'quarantined', reason = 'damaged'"))
    found = acme("document", "diagnose", *ARGUMENTS)
    assert found.out.startswith("tables/vehicles is quarantined: damaged\n")
    assert "update  4" in found.out
    assert "the checksum is wrong" in found.out
    assert "webhost-sync document release tables/vehicles --tenant acme" in found.err
    released = acme("document", "release", *ARGUMENTS, "--json").document
    assert [part["seq"] for part in released["aside"]] == [4]
    assert acme("document", "diagnose", *ARGUMENTS).out.startswith("tables/vehicles is active\n")
    again = acme("document", "release", *ARGUMENTS)
    assert (again.code, "in no quarantine" in again.err) == (1, True)


def test_the_past_is_erased_and_an_epoch_begun(acme: Run) -> None:
    assert acme("document", "erase", *ARGUMENTS).code == 2
    erased = acme("document", "erase", *ARGUMENTS, "--yes")
    assert erased.out.startswith("Erased the history of tables/vehicles; its epoch is now ")
    assert acme("history", *ARGUMENTS, "--json").document == []
    epoch = acme("document", "new-epoch", *ARGUMENTS, "--json").document["epoch"]
    assert epoch not in erased.out


def test_a_document_of_nobody_is_explained(acme: Run) -> None:
    for command in (("delete",), ("bring-back",), ("diagnose",), ("release",), ("erase", "--yes")):
        refused = acme("document", command[0], "nothing", "--tenant", "acme", *command[1:])
        assert (refused.code, "document list --tenant acme" in refused.err) == (1, True)
