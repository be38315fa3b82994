"""Tenants, keys and tokens by command: what is printed, and what may not be."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tests.cli.conftest import Run

KEY = re.compile(r"whs_(live|test)_[0-9a-f]{64}")


def make_key(run: Run, *options: str) -> str:
    run("tenant", "create", "acme")
    made = run("key", "create", "--tenant", "acme", "--scopes", "read,write", "--json", *options)
    return str(made.document["key"])


def test_a_tenant_has_a_live_and_a_test_space(run_migrated: Run) -> None:
    made = run_migrated("tenant", "create", "acme", "--name", "Acme Ltd", "--json")

    spaces = [made.document[space]["environment"] for space in ("live", "test")]
    assert (made.code, spaces, made.document["live"]["name"]) == (0, ["live", "test"], "Acme Ltd")
    listed = run_migrated("tenant", "list", "--json")
    assert listed.document == [made.document["live"], made.document["test"]]


def test_a_slug_that_is_taken_is_refused_without_a_traceback(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    again = run_migrated("tenant", "create", "acme")

    assert again.code == 1
    assert again.out == ""
    assert again.err.strip() == "webhost-sync: there is a tenant 'acme' already; choose another slug"


def test_a_key_is_shown_once_and_never_again(run_migrated: Run) -> None:
    key = make_key(run_migrated)
    assert KEY.fullmatch(key)

    for command in (("list",), ("list", "--json"), ("revoke", key[:17]), ("revoke", key[:17], "--json")):
        shown = run_migrated("key", *command, "--tenant", "acme")
        assert key[:17] in shown.out
        assert not KEY.search(shown.out + shown.err)


def test_without_json_the_key_is_the_only_thing_on_stdout(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    made = run_migrated("key", "create", "--tenant", "acme", "--scopes", "read")
    assert KEY.fullmatch(made.out.strip())


def test_keys_of_the_test_space_are_its_own(run_migrated: Run) -> None:
    key = make_key(run_migrated, "--test")

    assert key.startswith("whs_test_")
    assert run_migrated("key", "list", "--tenant", "acme", "--json").document == []
    listed = run_migrated("key", "list", "--tenant", "acme", "--test", "--json").document
    assert [record["prefix"] for record in listed] == [key[:17]]


def test_a_key_has_the_documents_and_the_end_it_was_made_with(run_migrated: Run) -> None:
    make_key(run_migrated, "--documents", "tables/*", "--documents", "notes", "--expires-in", "2d")

    (record,) = run_migrated("key", "list", "--tenant", "acme", "--json").document
    left = datetime.fromisoformat(record["expires_at"]) - datetime.now(UTC)
    assert record["documents"] == ["tables/*", "notes"]
    assert 47 * 3600 < left.total_seconds() <= 48 * 3600


def test_a_revoked_key_is_listed_as_revoked(run_migrated: Run) -> None:
    key = make_key(run_migrated)
    run_migrated("key", "revoke", key[:17], "--tenant", "acme")
    assert "revoked" in run_migrated("key", "list", "--tenant", "acme").out


def test_a_token_is_signed_with_a_key_from_a_variable(run_migrated: Run) -> None:
    key = make_key(run_migrated)
    options = ("--subject", "ada", "--document", "tables/*=read", "--lifetime", "15m", "--json")

    signed = run_migrated("token", "--key", "TRUCK", *options, TRUCK=key).document

    assert signed["documents"] == [{"pattern": "tables/*", "rights": ["read"]}]
    assert (signed["tenant"], signed["subject"]) == ("acme", "ada")


def test_a_token_never_gets_more_than_its_key(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    made = run_migrated("key", "create", "--tenant", "acme", "--scopes", "read", "--json")
    key = made.document["key"]

    refused = run_migrated("token", "--subject", "ada", "--document", "x=read,write", WEBHOST_SYNC_KEY=key)

    assert refused.code == 1
    assert "has not the right to write on 'x'" in refused.err
    assert key not in refused.err


def test_an_unknown_tenant_is_named_with_the_way_to_make_it(run_migrated: Run) -> None:
    missing = run_migrated("key", "list", "--tenant", "nobody")
    assert (missing.code, missing.out) == (1, "")
    assert "webhost-sync tenant create nobody" in missing.err


def test_ids_and_prefixes_are_never_broken_in_tables(run_migrated: Run) -> None:
    key = make_key(run_migrated, "--name", "a name that is much longer than any terminal is wide " * 3)
    (line,) = run_migrated("key", "list", "--tenant", "acme").out.splitlines()[1:]
    assert line.startswith(key[:17])


def test_a_tenant_keeps_things_for_as_long_as_it_is_told(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    retention = ("tenant", "retention", "acme")
    chosen = run_migrated(*retention, "--history-days", "7", "--deleted-documents-days", "3")
    assert chosen.out.splitlines()[1].split() == ["history_days", "7", "chosen"]
    again = run_migrated(*retention, "--history-days", "default", "--json").document
    assert {name: each["own"] for name, each in again.items() if each["own"]} == {"deleted_documents_days": 3}
    assert run_migrated(*retention, "--test", "--json").document["deleted_documents_days"]["own"] is None
    wrong = run_migrated(*retention, "--history-days", "soon")
    assert (wrong.code, "'soon' is no number of days" in wrong.err) == (2, True)
