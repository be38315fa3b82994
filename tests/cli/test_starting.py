"""Starting without a usable database: what is named, what is waited for, and what isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.embedded import embedded
from tests.cli.conftest import Run
from tests.cli.processes import command
from tests.eventually import eventually
from tests.postgres import database_at

SECRET = "a-secret-that-nobody-may-read-anywhere"
NOWHERE = f"postgresql://me:{SECRET}@127.0.0.1:1/webhost"


@pytest.mark.parametrize("name", ["serve", "dev", "migrate", "project"])
def test_a_database_that_refuses_is_named_with_the_next_step(run: Run, name: str) -> None:
    port = ("--port", "0") if name in ("serve", "dev") else ()
    refused = run(name, *port, DATABASE_URL=NOWHERE, DATABASE_WAIT="0")
    assert refused.code == 1
    assert "127.0.0.1:1/webhost can't be used as 'me'" in refused.err
    assert "start Postgres" in refused.err
    assert "DATABASE_URL" in refused.err
    assert SECRET not in refused.err


def test_what_may_pass_is_waited_for_and_said(run: Run) -> None:
    refused = run("migrate", DATABASE_URL=NOWHERE, DATABASE_WAIT="0.1")
    assert refused.code == 1
    assert "Waiting up to 0.1 s for Postgres at 127.0.0.1:1/webhost" in refused.err


def test_what_a_person_must_mend_is_not_waited_for(run: Run, postgres_url: str) -> None:
    refused = run("migrate", DATABASE_URL=database_at(postgres_url, "nowhere"), DATABASE_WAIT="60")
    assert refused.code == 1
    assert "Waiting" not in refused.err
    assert "createdb" in refused.err


async def test_a_server_that_was_started_before_its_database_serves_when_it_is_there(tmp_path: Path) -> None:
    with embedded(tmp_path / "pg") as first:
        url = first.url
    with command(tmp_path, "migrate", DATABASE_URL=url, DATABASE_WAIT="60") as waiting:
        await eventually(lambda: "Waiting up to 60 s" in waiting.log.read_text())
        with embedded(tmp_path / "pg") as again:
            assert again.url == url
            await eventually(lambda: waiting.process.poll() is not None, within=90)
        assert waiting.process.returncode == 0, waiting.log.read_text()
