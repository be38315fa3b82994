"""Programs of several releases over one database: the one that was released, this one, and one to come.

A `Program` is a folder with the packages `webhost_sync` and `store`; its commands run in processes of
their own, with the libraries of the tests.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.schema_version import head
from tests.cli.processes import REPOSITORY, SETTINGS, accepts
from tests.eventually import eventually
from tests.server_process import free_port

RELEASED = REPOSITORY / "tests" / "data" / "webhost-sync-0.1.0.tar.xz"
PACKAGES = ("webhost_sync", "store")
NEXT = '''"""A migration of a release to come: it adds."""

from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("alter table documents add column colour text not null default 'blue'")
    op.execute("alter table document_updates add column origin text")
    op.execute("create table things_to_come (tenant_id bigint not null, id bigint primary key)")
'''


@dataclass(frozen=True, slots=True)
class Program:
    """The folder of a program."""

    folder: Path

    def run(self, *arguments: str, **environment: str) -> Any:
        """Run a command with `--json` and return what it prints. Raises: AssertionError, with its stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "webhost_sync.cli.main", *arguments, "--json"],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        return {**inherited, "PYTHONPATH": str(self.folder), **more}


def released(folder: Path) -> Program:
    """The program that was released first, unpacked."""
    with tarfile.open(RELEASED) as archive:
        # As an attribute, because the first releases of Python 3.11 have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return Program(folder)


def this_one() -> Program:
    return Program(REPOSITORY)


def next_one(folder: Path) -> Program:
    """This program with one migration more."""
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package,
            folder / package,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules"),
        )
    (folder / "store" / "migrations" / "versions" / "9000_next.py").write_text(NEXT.format(head=head()))
    return Program(folder)


class Installation:
    """One database and one address, at which servers of several programs follow one another."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._settings = {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "ENVIRONMENT": "production",
            "TOKEN_SIGNING_SECRET": secrets.token_hex(32),
            "SECRET_KEY_BASE": secrets.token_hex(32),
            "LOG_FORMAT": "json",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def run(self, program: Program, *arguments: str) -> Any:
        """A command of the program, on this database."""
        return program.run(*arguments, **self._settings)

    async def start(self, program: Program) -> None:
        """Start a server of the program, and wait until it listens."""
        process = self._spawn(program)

        def listens() -> bool:
            assert process.poll() is None, f"the server ended: {self.log[-2000:]}"
            return accepts(f"http://{self.address}")

        await eventually(listens, within=90)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        # Not asyncio's: the process outlives the waiting for it.
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "webhost_sync.cli.main", "serve"],
                cwd=program.folder,
                env=program.environment(**self._settings),
                stdout=log,
                stderr=log,
            )
        return self._process

    def stop(self) -> int:
        """Stop the server as a deployment does; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        """What the servers have written to stderr."""
        return self._log.read_text(errors="replace")

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"


@contextmanager
def installation(database_url: str, folder: Path) -> Iterator[Installation]:
    installed = Installation(database_url, folder)
    try:
        yield installed
    finally:
        installed.end()
