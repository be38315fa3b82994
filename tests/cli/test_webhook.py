"""`webhook` commands: a secret shown once, and everything that can be looked at and done."""

from __future__ import annotations

from tests.cli.conftest import Run

KINDS = "document.changed,key.created"


def test_a_webhook_from_its_making_to_its_end(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    made = run_migrated(
        "webhook", "create", "https://example.com/hook", "--tenant", "acme", "--kinds", KINDS, "--json"
    ).document
    assert made["secret"].startswith("whsec_")
    number = made["webhook"]["id"]
    listed = run_migrated("webhook", "list", "--tenant", "acme")
    assert (number in listed.out, made["secret"] in listed.out) == (True, False)
    run_migrated("key", "create", "--tenant", "acme", "--scopes", "read")
    (waits,) = run_migrated("webhook", "messages", number, "--tenant", "acme", "--json").document
    assert (waits["kind"], waits["state"]) == ("key.created", "pending")
    again = ("webhook", "replay", number, "--tenant", "acme", "--from-seq", "0", "--json")
    assert run_migrated(*again).document == {"messages": 1}
    assert run_migrated("webhook", "enable", number, "--tenant", "acme").code == 0
    assert run_migrated("webhook", "remove", number, "--tenant", "acme").code == 0
    assert run_migrated("webhook", "remove", number, "--tenant", "acme").code == 1


def test_what_can_not_be_a_webhook_is_explained(run_migrated: Run) -> None:
    run_migrated("tenant", "create", "acme")
    arguments = ("--tenant", "acme", "--kinds")
    plain = run_migrated("webhook", "create", "http://example.com/hook", *arguments, KINDS)
    assert (plain.code, "must begin with https://" in plain.err) == (1, True)
    unknown = run_migrated("webhook", "create", "https://example.com/hook", *arguments, "document.sang")
    assert (unknown.code, "document.changed" in unknown.err) == (2, True)
    network = run_migrated("webhook", "list", "--tenant", "acme", WEBHOOK_ALLOWED_NETWORKS="everywhere")
    assert (network.code, "WEBHOOK_ALLOWED_NETWORKS" in network.err) == (1, True)
