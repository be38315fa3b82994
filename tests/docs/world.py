"""Where the commands of the docs are run: a server with a tenant `acme`, and a folder for each page with the
programs that the docs may name.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pycrdt import Map
from sqlalchemy import text

from store.database import Database
from tests.cli.processes import SETTINGS
from tests.docs.pages import REPOSITORY
from tests.server_process import SyncServer
from webhost_sync.auth.tokens import Tokens
from webhost_sync.development import development_credentials
from webhost_sync.device import Device

STAND_IN = REPOSITORY / "tests" / "docs" / "stand_in.py"
STOOD_IN = ("webhost-sync", "curl", "make", "python")
"""Run for real, by `stand_in.py`."""
AS_THEY_ARE = (
    "bash",
    "sh",
    "cat",
    "cp",
    "mkdir",
    "node",
    "openssl",
    "ls",
    "rm",
    "sleep",
    "df",
    "sort",
    "tail",
)
NOT_RUN = {
    "du": "reads the whole disk",
    "docker": "needs an engine that can fetch images",
    "fly": "changes an account at Fly.io",
    "hcloud": "changes an account at Hetzner",
    "deploy/hetzner/deploy.sh": "signs in to a server of one's own",
    "systemd-run": "needs a machine that install.sh has set up",
    "npm": "fetches packages; the tests have installed the same ones",
}
"""Programs whose lines are read by bash, and go no further. Why."""
SUBSTITUTIONS = {
    "https://sync.example": "SERVER",
    "http://127.0.0.1:8000": "SERVER",
    "whs_live_...": "KEY",
    "whs_live_…": "KEY",
    "whs_test_...": "KEY",
    "whs_test_…": "KEY",
    "NAME": "DOCUMENT",
    "SLUG": "TENANT",
    "4711": "SEQ",
    "2026-05-01T12:00:00Z": "NOW",
}
"""What people replace by their own, and the variable that has ours."""


@dataclass(frozen=True, slots=True)
class World:
    """A server that has something of everything, and a live key of `acme` that may do everything."""

    server: SyncServer
    key: str


async def furnish(server: SyncServer, folder: Path) -> World:
    """Give the server's tenant `acme` vehicles, positions and notes."""
    tokens = Tokens(["0" * 64], max_lifetime=timedelta(days=1))
    async with Database(server.database_url) as database:
        credentials = await development_credentials(
            database, tokens, folder, slug="acme", name="Acme", lifetime=timedelta(hours=1)
        )
    async with Device(
        folder / "furnish.db", url=server.url, credential=credentials.key, vehicle_id="bus-7"
    ) as device:
        vehicles = device.document("tables/vehicles").get("rows", type=Map)
        for number in (7, 8):
            vehicles[f"bus-{number}"] = Map({"name": f"Bus {number}"})
        device.document("notes/damaged").get("notes", type=Map)["hello"] = "world"
        device.document("notes/today").get("notes", type=Map)["hello"] = "world"
        await device.record(30.3369, -97.7194, fix_time_ms=int(time.time() * 1000))
        await device.sync()
    async with Database(server.database_url) as database, database.owner() as connection:
        await connection.execute(
            text("update documents set state = 'quarantined' where name = 'notes/damaged'")
        )
    return World(server, credentials.key)


def run_script(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a script as bash does, with the programs of the docs and no others."""
    programs = folder / "programs"
    furnish_folder(folder, programs)
    for placeholder, name in SUBSTITUTIONS.items():
        script = script.replace(placeholder, environment.get(name, placeholder))
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [str(programs / "bash"), "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env={
            **inherited,
            "PYTHONPATH": str(REPOSITORY),
            "REAL_PATH": os.environ["PATH"],
            "NOTED": str(folder / "noted"),
            "PATH": str(programs),
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )


def furnish_folder(folder: Path, programs: Path) -> None:
    """Make a checkout out of a folder, as far as the docs need one."""
    programs.mkdir()
    for name in STOOD_IN:
        _write_stand_in(programs / name, name)
    for name in NOT_RUN:
        _write_stand_in(folder / name if "/" in name else programs / name, name)
    for name in AS_THEY_ARE:
        (programs / name).symlink_to(shutil.which(name) or name)
    _write_stand_in(folder / ".venv" / "bin" / "python", "python")
    for name in ("deploy/secrets.sh", "deploy/hetzner/firewall.json", "deploy/hetzner/cloud-init.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "node_modules").symlink_to(REPOSITORY / "examples" / "plain-yjs" / "node_modules")
    for example in REPOSITORY.glob("examples/*/README.md"):
        (folder / "examples" / example.parent.name).mkdir(parents=True)


def _write_stand_in(path: Path, name: str) -> None:
    _write(path, f'exec {sys.executable} {STAND_IN} {name} "$@"')


def _write(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{line}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
