"""Runs `embedded_owner` in processes of their own, and asks servers single questions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from store.postgres_binaries import find_bin_dir

REPOSITORY = Path(__file__).parents[2]
FORGETFUL = "fsync=off"


class Owner:
    """A running `embedded_owner`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def answer(self) -> dict[str, object]:
        """Wait for the line that it prints."""
        assert self.process.stdout
        fields: dict[str, object] = json.loads(self.process.stdout.readline())
        return fields

    def leave(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


@contextmanager
def owner_process(
    data_dir: Path,
    *settings: str,
    python: str = sys.executable,
    code: Path = REPOSITORY,
    bin_dir: Path | None = None,
    user: int | None = None,
    inside: Sequence[str] = (),
) -> Iterator[Owner]:
    """`inside` stands before the command, and is where it runs (`tests.small_disk`)."""
    program = "tests/store/embedded_owner.py"
    with subprocess.Popen(
        [*inside, python, program, str(data_dir), str(bin_dir or find_bin_dir()), *settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=code,
        env={**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    ) as process:
        owner = Owner(process)
        yield owner
        if process.poll() is None:
            owner.leave()


async def ask(url: str, question: str) -> object:
    """Run one statement on a connection of its own and return its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()
