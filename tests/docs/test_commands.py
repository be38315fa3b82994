"""Every command of the README and the docs is run, page by page, as by somebody who follows the page.

The blocks of a page are one script, run by bash in a folder of its own, against a real server; files that the
page tells to save are there. The only programs are those that `world.py` lists, so that a command nobody has
thought of fails with "not found" instead of not being tried.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from typer.main import get_command

from tests.docs.pages import PAGES, REPOSITORY, blocks, name_of, shell_blocks, spans
from tests.docs.world import NOT_RUN, World, furnish, run_script
from tests.eventually import eventually
from tests.postgres import clone_database, drop_database, select
from tests.server_process import SyncServer, server_process
from webhost_sync.cli.main import program as whole_program

pytestmark = pytest.mark.interop
WITH_COMMANDS = [page for page in PAGES if shell_blocks(page)]


@pytest.fixture(scope="module")
def server(template_url: str) -> Iterator[SyncServer]:
    yield from server_process(template_url)


@pytest.fixture(scope="module")
def world(server: SyncServer, tmp_path_factory: pytest.TempPathFactory) -> World:
    return asyncio.run(furnish(server, tmp_path_factory.mktemp("acme")))


@pytest.fixture
async def fresh_url(template_url: str) -> AsyncIterator[str]:
    """A database without a tenant, for pages that make the first one."""
    url = await clone_database(template_url)
    yield url
    await drop_database(url)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_the_commands_of_a_page_do_what_it_says(
    page: Path, world: World, fresh_url: str, tmp_path: Path
) -> None:
    for block in blocks(page):
        if block.saved_as:
            (tmp_path / block.saved_as).write_text(block.text)
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "dev-key").write_text(world.key)
    script = "".join(f"# line {block.line}\n{block.script}\n" for block in shell_blocks(page))
    makes_tenants = "tenant create acme" in script
    done = run_script(
        script,
        tmp_path,
        {
            "SERVER": world.server.url,
            "KEY": world.key,
            "SEQ": "1",
            "NOW": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "DATABASE_URL": fresh_url if makes_tenants else world.server.database_url,
            "DATA_DIR": str(tmp_path / ".data"),
            "WEBHOST_SYNC_KEY": world.key,
            "DOCUMENT": "notes/damaged",
            "TENANT": "acme",
            "TOKEN_SIGNING_SECRET": secrets.token_hex(32),
            "SECRET_KEY_BASE": secrets.token_hex(32),
        },
    )
    assert done.returncode == 0, f"{name_of(page)}:\n{done.stdout[-3000:]}"


async def test_the_device_and_the_query_of_the_readme_work(world: World, tmp_path: Path) -> None:
    code = {block.language: block.text for block in blocks(REPOSITORY / "README.md")}
    program = "from webhost_sync.device import Device\nasync def main():\n" + indent(code["python"], "    ")
    names: dict[str, Any] = {
        "path": tmp_path / "bus.db",
        "url": world.server.url,
        "key": world.key,
        "now_ms": int(time.time() * 1000),
    }
    exec(program, names)
    await names["main"]()

    async def is_in_sql() -> None:
        rows = await select(world.server.database_url, code["sql"])
        assert "bus-5017" in {row["vehicle_id"] for row in rows}

    await eventually(is_in_sql)


def test_a_command_that_fails_or_is_unknown_fails_its_page(tmp_path: Path) -> None:
    for number, script in enumerate(("webhost-sync nonsense", "make nonsense", "frobnicate")):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert run_script(script, folder, {}).returncode != 0, script


def test_what_is_not_run_is_named_in_the_docs_and_read_by_bash(tmp_path: Path) -> None:
    """No reason stands here that no page needs any more."""
    written = "".join(block.script for page in PAGES for block in shell_blocks(page))
    for program in NOT_RUN:
        assert re.search(rf"(^|\s|\(){re.escape(program)}\s", written, re.MULTILINE), program


def commands_in_text() -> list[tuple[str, str]]:
    return sorted({(name_of(page), span) for page in PAGES for span in spans(page)})


def test_commands_of_the_program_in_running_text_exist_with_their_options() -> None:
    wrong = [f"{page}: {span}: {why}" for page, span in commands_in_text() if (why := unknown_part(span))]
    assert wrong == []


def unknown_part(span: str) -> str | None:
    """What `webhost-sync …` names that the program doesn't have; None where all is well."""
    words = span.replace("…", "").split()
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    if not words or words[0] != "webhost-sync":
        return None
    command: Any = get_command(whole_program())
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for word in words[1:]:
        group = getattr(command, "commands", None)
        if word.startswith("--"):
            if word.partition("=")[0] not in options:
                return word
        elif group is not None and word != "COMMAND" and "|" not in word:
            if word not in group:
                return word
            command = group[word]
            parameters = [p for p in command.params if p.param_type_name == "option"]
            options = {o for p in parameters for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    return None


def test_make_targets_and_python_modules_in_running_text_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page, span in commands_in_text():
        words = shlex.split(span, posix=False) if not span.count("'") % 2 else span.split()
        if words[:1] == ["make"] and len(words) > 1:
            assert words[1] in targets, f"{page}: {span}"
        if words[:1] and words[0].endswith("python") and words[1:2] == ["-m"] and words[2] not in ("pytest",):
            module = REPOSITORY / words[2].replace(".", "/")
            is_ours = module.is_dir() or module.with_suffix(".py").exists()
            assert is_ours or words[2] == "playwright", f"{page}: {span}"
