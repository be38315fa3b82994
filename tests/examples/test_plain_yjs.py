"""The stock providers as the readers of the example start them: together, and each in a terminal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.processes import REPOSITORY
from tests.server_process import SyncServer

EXAMPLE = REPOSITORY / "examples" / "plain-yjs"


@pytest.fixture(autouse=True)
def installed() -> None:
    if not (EXAMPLE / "node_modules").is_dir():
        raise RuntimeError("the example's packages are not installed; run `npm ci` in examples/plain-yjs")


@pytest.fixture
async def settings(own_server: SyncServer) -> dict[str, str]:
    key = await own_server.key_for("notes", "read", "write", "presence")
    return {"WEBHOST_URL": own_server.url, "WEBHOST_KEY": key}


@contextmanager
def node(script: str, settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A script of the example in a process of its own; killed at the end if it is still there."""
    with subprocess.Popen(
        ["node", script],
        cwd=EXAMPLE,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def hears(process: subprocess.Popen[str], wanted: str) -> None:
    """Read what it prints until a line is as wanted."""
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if line.strip() == wanted:
            return
    raise AssertionError(f"it ended without {wanted!r}: {said}")


def test_two_providers_write_at_once_and_end_with_the_same(settings: dict[str, str]) -> None:
    for lines_before in (0, 2):
        with node("meet.mjs", settings) as process:
            said, _ = process.communicate(timeout=30)
        assert process.returncode == 0, said
        assert f"anna is synced, with {lines_before} lines from before" in said
        assert "anna sees anna, ben; ben sees anna, ben" in said
        assert "The same for both." in said


def test_what_one_types_the_other_sees(settings: dict[str, str]) -> None:
    with node("y-websocket.mjs", settings) as anna, node("hocuspocus.mjs", settings) as ben:
        for one, other, name in ((anna, ben, "anna"), (ben, anna, "ben"), (anna, ben, "anna")):
            assert one.stdin
            one.stdin.write("good morning\n")
            hears(other, f"{name}: good morning")
        for process in (anna, ben):
            process.communicate(timeout=30)
            assert process.returncode == 0
