"""How commands fail: with the exit code and the words that docs/cli.md promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from webhost_sync.cli.explanations import explain
from webhost_sync.cli.failures import CommandFailed

SECRET = "a-secret-that-nobody-may-read-anywhere"


def test_wrong_usage_is_exit_code_2(run: Run) -> None:
    assert run("tenant", "create").code == 2
    assert run("no-such-command").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("key", "create", "--tenant", "a", "--scopes", "fly"), "read, write"),
        (("token", "--subject", "ada", "--lifetime", "soon"), "15m"),
        (("token", "--subject", "ada", "--document", "x=write"), "only with read"),
    ],
)
def test_a_wrong_value_is_answered_with_the_right_ones(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    wrong = run(*arguments)
    assert wrong.code == 2
    assert words in " ".join(wrong.err.replace("│", " ").split())


def test_a_setting_that_can_not_be_used_is_named(run: Run) -> None:
    wrong = run("tenant", "list", PORT="99999")
    assert wrong.code == 1
    assert wrong.err.startswith("webhost-sync: PORT is '99999', but input should be less than")


def test_production_names_every_setting_that_is_missing(run: Run) -> None:
    refused = run("serve", ENVIRONMENT="production")
    assert refused.code == 1
    assert "DATABASE_URL" in refused.err
    assert "TOKEN_SIGNING_SECRET" in refused.err
    assert "SECRET_KEY_BASE" in refused.err


def test_production_never_starts_an_embedded_postgres(run: Run, bare_folder: Path) -> None:
    refused = run("tenant", "list", ENVIRONMENT="production", TOKEN_SIGNING_SECRET=SECRET)
    assert refused.code == 1
    assert "DATABASE_URL" in refused.err
    assert not list(bare_folder.iterdir())


def test_development_commands_refuse_production(run: Run) -> None:
    refused = run("dev", ENVIRONMENT="production")
    assert refused.code == 1
    assert "webhost-sync serve" in refused.err


def test_a_database_that_does_not_answer_is_named_without_its_password(run: Run) -> None:
    away = run("tenant", "list", DATABASE_URL=f"postgresql://me:{SECRET}@127.0.0.1:1/webhost")
    assert away.code == 1
    assert "127.0.0.1:1/webhost" in away.err
    assert SECRET not in away.err
    assert "Traceback" not in away.err


def test_a_schema_that_is_missing_is_answered_with_the_command(run: Run, empty_database_url: str) -> None:
    for command in (("serve", "--port", "0"), ("tenant", "list")):
        refused = run(*command, DATABASE_URL=empty_database_url)
        assert refused.code == 1
        assert "`webhost-sync migrate`" in refused.err


def test_migrating_twice_changes_nothing(run: Run, empty_database_url: str) -> None:
    first = run("migrate", "--json", DATABASE_URL=empty_database_url)
    second = run("migrate", "--json")
    assert first.document["before"] is None
    head = first.document["after"]
    assert second.document == {"before": head, "after": head, "postgis": None, "views": []}
    assert second.err == ""


def test_version_prints_one_document(run: Run) -> None:
    assert set(run("version", "--json").document) >= {"webhost_sync", "schema", "python"}


def test_a_bug_leaves_one_line_and_a_private_file() -> None:
    text = explain(LookupError("whs_live_" + "ab" * 32))

    path = Path(text.partition("details are in ")[2].partition(";")[0])
    kept = path.read_text()
    mode = path.stat().st_mode & 0o777
    path.unlink()
    assert "LookupError" in text
    assert "LookupError" in kept
    assert "abababab" not in text + kept
    assert mode == 0o600


def test_the_errors_of_a_task_group_are_explained_one_by_one() -> None:
    group = ExceptionGroup(
        "tasks", [CommandFailed("first"), ExceptionGroup("more", [CommandFailed("second")])]
    )
    assert explain(group) == "first\nsecond"
