"""The past of documents by command."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from store.contract import Environment, NewUpdate
from store.tenants import Tenants
from tests.cli.conftest import Run
from tests.store.logs import open_log

NAME = "tables/vehicles"
ARGUMENTS = (NAME, "--tenant", "acme")


async def make_history(url: str, environment: Environment = Environment.LIVE) -> None:
    """Ada makes a vehicle and notes; bob changes both."""
    doc: Doc[Any] = Doc(client_id=1)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    rows, notes = doc.get("rows", type=Map), doc.get("notes", type=Text)
    rows["bus-7"] = Map({"status": "active"})
    notes.insert(0, "Brakes checked")
    rows["bus-7"]["status"] = "in repair"
    with doc.transaction():
        del notes[7:]
        notes.insert(7, "renewed")
    doc.unobserve(subscription)
    async with open_log(url) as store:
        spaces = dict(zip(Environment, await Tenants(store.database).create("acme", "Acme"), strict=True))
        tenant = spaces[environment]
        record = await store.document(NAME, tenant.id)
        for actor, update in zip(("ada", "ada", "bob", "bob"), updates, strict=True):
            new = [NewUpdate(update, actor, "tablet" if actor == "bob" else "")]
            await store.log.append(tenant.id, record.id, new, epoch=record.epoch)


@pytest.fixture
def acme(run_migrated: Run, database_url: str) -> Run:
    asyncio.run(make_history(database_url))
    return run_migrated


def test_the_history_says_who_did_what(acme: Run) -> None:
    shown = acme("history", *ARGUMENTS)
    lines = shown.out.splitlines()
    assert [line.split()[2:] for line in lines[1:]] == [
        ["bob", "(tablet)", "3-4", "2", "/rows/bus-7,", "/notes"],
        ["ada", "1-2", "2", "/rows/bus-7,", "/notes"],
    ]
    assert "webhost-sync diff tables/vehicles --tenant acme --from 3 --to 4" in shown.err
    document = acme("history", *ARGUMENTS, "--limit", "1", "--json").document
    assert [(item["actor"], item["first_seq"], item["touched"]) for item in document] == [
        ("bob", 3, ["/rows/bus-7", "/notes"])
    ]


def test_a_difference_is_shown_by_path_and_word(acme: Run) -> None:
    shown = acme("diff", *ARGUMENTS, "--from", "2", "--to", "4")
    assert shown.out.splitlines() == [
        "~ /notes  Brakes [-checked-]{+renewed+}",
        '~ /rows/bus-7/status  "active" -> "in repair"',
    ]
    assert shown.err.startswith("From seq 2 of 20")
    added = acme("diff", *ARGUMENTS, "--from", "7d").out.splitlines()
    assert added == ['+ /notes  "Brakes renewed"', '+ /rows  {"bus-7": {"status": "in repair"}}']
    document = acme("diff", *ARGUMENTS, "--from", "3", "--json").document
    assert [change["change"] for change in document["changes"]] == ["text"]
    assert (document["from"]["seq"], document["to"]["seq"]) == (3, 4)


def test_a_version_is_kept_listed_and_gone_back_to(acme: Run) -> None:
    made = acme("versions", *ARGUMENTS, "--create", "before bob", "--at", "2", "--json").document
    assert (made["name"], made["kind"], made["seq"]) == ("before bob", "named", 2)
    listed = acme("versions", *ARGUMENTS)
    assert listed.out.splitlines()[1].split()[:2] == [made["id"][:8], "2"]
    preview = acme("restore", *ARGUMENTS, "--version", "before bob", "--preview")
    assert '~ /rows/bus-7/status  "in repair" -> "active"' in preview.out
    assert acme("restore", *ARGUMENTS, "--version", made["id"][:6]).out.endswith(
        "Restored; the document is at seq 5\n"
    )
    assert acme("diff", *ARGUMENTS, "--from", "2", "--json").document["changes"] == []
    again = acme("restore", *ARGUMENTS, "--version", "before bob")
    assert again.out == "Nothing differs; nothing was changed\n"
    [safety, _] = acme("versions", *ARGUMENTS, "--json").document
    assert (safety["kind"], safety["seq"]) == ("safety", 4)
    refused = acme("restore", *ARGUMENTS, "--version", safety["name"])
    assert (refused.code, "kept by itself; say its id" in refused.err) == (1, True)
    [newest, *_] = acme("history", *ARGUMENTS, "--json").document
    assert newest["actor"].startswith("restore:cli:")


def test_a_history_is_narrowed_and_a_version_deleted_by_its_name(acme: Run) -> None:
    everything = acme("history", *ARGUMENTS, "--json").document
    [first, *_] = {each["actor"] for each in everything}
    narrowed = acme("history", *ARGUMENTS, "--actor", first, "--from", "1h", "--json").document
    assert narrowed == [each for each in everything if each["actor"] == first]
    assert acme("history", *ARGUMENTS, "--to", "1h", "--json").document == []
    wrong = acme("history", *ARGUMENTS, "--from", "7")
    assert (wrong.code, "'7' is no time" in wrong.err) == (2, True)
    acme("versions", *ARGUMENTS, "--create", "before bob", "--at", "2")
    gone = acme("versions", *ARGUMENTS, "--delete", "before bob")
    assert gone.out == "Deleted the version 'before bob' of seq 2\n"
    assert acme("versions", *ARGUMENTS, "--json").document == []
    again = acme("versions", *ARGUMENTS, "--delete", "before bob")
    assert (again.code, "names no version" in again.err) == (1, True)


def test_one_field_is_restored_and_the_rest_stays(acme: Run) -> None:
    done = acme("restore", *ARGUMENTS, "--to", "2", "--path", "/rows/bus-7/status", "--json").document
    assert [change["path"] for change in done["changes"]] == ["/rows/bus-7/status"]
    assert done["safety_version"]["kind"] == "safety"


def test_the_test_space_has_documents_of_its_own(run_migrated: Run, database_url: str) -> None:
    asyncio.run(make_history(database_url, Environment.TEST))
    assert len(run_migrated("history", *ARGUMENTS, "--test", "--json").document) == 2
    refused = run_migrated("history", *ARGUMENTS)
    assert (refused.code, "no document 'tables/vehicles' in the live space" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("history", "nothing", "--tenant", "acme"), 1, "there is no document 'nothing'"),
        (("history", NAME, "--tenant", "nobody"), 1, "there is no tenant 'nobody'"),
        (("diff", *ARGUMENTS, "--from", "soon"), 2, "how long"),
        (("diff", *ARGUMENTS, "--from", "9"), 1, "webhost-sync: the document has no update 9; it ends at 4"),
        (("history", *ARGUMENTS, "--from", "soon"), 2, "'soon' is no time; write 2026"),
        (("history", *ARGUMENTS, "--from", "1h", "--to", "2h"), 2, "--from has to be earlier than --to"),
        (("versions", *ARGUMENTS, "--create", "x" * 201), 2, "at most 200 characters"),
        (("versions", *ARGUMENTS, "--create", "two\nlines"), 2, "a name is one line"),
        (("restore", *ARGUMENTS), 2, "--to POINT or --version"),
        (("restore", *ARGUMENTS, "--version", "nothing"), 1, "names no version of this document"),
        (("restore", *ARGUMENTS, "--to", "1", "--path", "rows"), 1, "begins with a slash"),
        (("versions", *ARGUMENTS, "--at", "1"), 2, "--create"),
    ],
)
def test_what_cannot_be_done_is_explained(
    acme: Run, arguments: tuple[str, ...], code: int, told: str
) -> None:
    refused = acme(*arguments)
    assert refused.code == code
    assert told in " ".join(refused.err.replace("│", " ").split())
