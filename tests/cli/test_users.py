"""Accounts by command: made with a link, listed, given roles, and the last owner kept."""

from __future__ import annotations

import io
import re

import pytest

from tests.cli.conftest import Run

LINK = re.compile(r"https?://[^/]+/dashboard/link\?token=[0-9a-f]{64}")


def make_user(run: Run, email: str = "ada@acme.example", *options: str) -> str:
    run("tenant", "create", "acme")
    return str(run("user", "create", email, "--tenant", "acme", *options).out.strip())


def test_an_account_comes_with_a_link_that_is_the_only_thing_on_stdout(run_migrated: Run) -> None:
    link = make_user(run_migrated, "Ada@Acme.example", "--role", "owner", "--url", "https://sync.example/")
    assert LINK.fullmatch(link)
    assert link.startswith("https://sync.example/dashboard/link?")

    [user] = run_migrated("user", "list", "--json").document
    assert (user["email"], user["roles"], user["has_password"]) == (
        "ada@acme.example",
        {"acme": "owner"},
        False,
    )


def test_an_email_that_is_taken_is_refused(run_migrated: Run) -> None:
    make_user(run_migrated)
    again = run_migrated("user", "create", "ada@acme.example", "--tenant", "acme")
    assert (again.code, again.out) == (1, "")
    assert "already" in again.err


def test_roles_are_given_changed_and_ended(run_migrated: Run) -> None:
    make_user(run_migrated, "ada@acme.example", "--role", "owner")
    run_migrated("tenant", "create", "other")
    for tenant, role in (("other", "viewer"), ("other", "admin")):
        assert run_migrated("user", "role", "ada@acme.example", "--tenant", tenant, "--role", role).code == 0
    [user] = run_migrated("user", "list", "--json").document
    assert user["roles"] == {"acme": "owner", "other": "admin"}

    run_migrated("user", "role", "ada@acme.example", "--tenant", "other", "--role", "none")
    [user] = run_migrated("user", "list", "--json").document
    assert user["roles"] == {"acme": "owner"}


@pytest.mark.parametrize("role", ["viewer", "none"])
def test_a_tenant_keeps_its_last_owner(run_migrated: Run, role: str) -> None:
    make_user(run_migrated, "ada@acme.example", "--role", "owner")
    refused = run_migrated("user", "role", "ada@acme.example", "--tenant", "acme", "--role", role)
    assert refused.code == 1
    assert "at least one owner" in refused.err


def test_a_password_comes_from_standard_input_and_is_long_enough(
    run_migrated: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(run_migrated)
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    short = run_migrated("user", "password", "ada@acme.example")
    assert (short.code, "12 to 200" in short.err) == (1, True)

    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert run_migrated("user", "password", "ada@acme.example").code == 0
    [user] = run_migrated("user", "list", "--json").document
    assert user["has_password"]


def test_a_link_is_for_an_account_that_is_there(run_migrated: Run) -> None:
    make_user(run_migrated)
    assert LINK.fullmatch(run_migrated("user", "link", "ADA@acme.example").out.strip())
    assert run_migrated("user", "link", "bob@acme.example").code == 1
    assert run_migrated("user", "link", "no email").code == 2
