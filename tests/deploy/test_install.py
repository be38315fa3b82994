"""`install.sh` in a folder instead of a machine: in which order it does things, what it keeps secret, and
that it goes back. Its `systemctl` only writes down what it was asked; `make image-check` installs for real.
"""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.processes import REPOSITORY

SYSTEMCTL = """#!/bin/sh
cd "$INSTALL_ROOT"
echo "$*" >>asked
case "$*" in start*migrate*) echo "current is $(readlink opt/webhost-sync/current)" >>asked ;; esac
"""


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def healthy() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@dataclass
class Machine:
    """A folder that stands for a machine, and the folder from which releases are installed."""

    root: Path
    release: Path

    def bring(self, content: bytes) -> Path:
        """Put a release there that was installed before; returns its folder."""
        wheel = self.release / "webhost_sync-0.1.0-py3-none-any.whl"
        wheel.write_bytes(content)
        digest = hashlib.sha256(content + (self.release / "requirements.lock").read_bytes()).hexdigest()
        folder = self.root / "opt/webhost-sync/releases" / f"0.1.0-{digest[:12]}"
        folder.mkdir(parents=True)
        (folder / ".complete").touch()
        return folder

    def install(self, health: str) -> subprocess.CompletedProcess[str]:
        (self.root / "asked").unlink(missing_ok=True)
        return subprocess.run(
            ["sh", self.release / "install.sh", "sync.example.com"],
            env={
                **os.environ,
                "INSTALL_ROOT": str(self.root),
                "SYSTEMCTL": str(self.root / "systemctl"),
                "HEALTH_URL": health,
                "READY_SECONDS": "1",
            },
            capture_output=True,
            text=True,
        )

    @property
    def asked(self) -> list[str]:
        """What systemctl was asked, in order."""
        return (self.root / "asked").read_text().splitlines()

    @property
    def current(self) -> Path:
        return (self.root / "opt/webhost-sync/current").readlink()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    root, release = tmp_path / "machine", tmp_path / "release"
    release.mkdir()
    root.mkdir()
    sources = [*(REPOSITORY / "deploy/systemd").iterdir(), REPOSITORY / "requirements.lock"]
    for name in ("deploy/secrets.sh", "deploy/postgres/logins.sh", "deploy/hetzner/Caddyfile"):
        sources.append(REPOSITORY / name)
    for source in sources:
        shutil.copy(source, release)
    systemctl = root / "systemctl"
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    return Machine(root, release)


def test_it_migrates_before_it_switches_and_switches_before_it_restarts(
    machine: Machine, healthy: str
) -> None:
    first = machine.bring(b"one")
    assert machine.install(healthy).returncode == 0
    second = machine.bring(b"two")
    done = machine.install(healthy)
    assert done.returncode == 0, done.stderr
    migrated = machine.asked.index("start webhost-sync-migrate.service")
    assert machine.asked[migrated - 1] == f"set-environment WEBHOST_SYNC_RELEASE={second}"
    assert machine.asked[migrated + 1] == f"current is {first}"
    assert "restart webhost-sync.service webhost-sync-projector.service" in machine.asked[migrated:]
    assert machine.current == second


def test_a_release_that_is_not_ready_gives_way_to_the_one_before(machine: Machine, healthy: str) -> None:
    first = machine.bring(b"good")
    assert machine.install(healthy).returncode == 0
    machine.bring(b"bad")
    done = machine.install("http://127.0.0.1:1/")
    assert done.returncode == 1
    assert "the release before it runs again" in done.stderr
    assert machine.current == first
    assert machine.asked[-1] == "restart webhost-sync.service webhost-sync-projector.service"


def test_secrets_are_made_once_and_each_part_gets_its_own(machine: Machine, healthy: str) -> None:
    machine.bring(b"one")
    assert machine.install(healthy).returncode == 0
    folder = machine.root / "etc/webhost-sync"
    before = (folder / "secrets.env").read_text()
    assert machine.install(healthy).returncode == 0
    assert (folder / "secrets.env").read_text() == before
    for name in ("secrets.env", "server.env", "owner.env"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    servers = {line.partition("=")[0] for line in (folder / "server.env").read_text().splitlines()}
    assert servers == {"DATABASE_URL", "TOKEN_SIGNING_SECRET", "SECRET_KEY_BASE"}
    owners = {line.partition("=")[0] for line in (folder / "owner.env").read_text().splitlines()}
    assert owners == {"DATABASE_URL", "MIGRATION_DATABASE_URL"}


def test_one_s_own_settings_stay(machine: Machine, healthy: str) -> None:
    machine.bring(b"one")
    assert machine.install(healthy).returncode == 0
    own = machine.root / "etc/webhost-sync/settings.env"
    assert "PUBLIC_URL=https://sync.example.com" in own.read_text()
    own.write_text("PUBLIC_URL=https://mine.example\n")
    assert machine.install(healthy).returncode == 0
    assert own.read_text() == "PUBLIC_URL=https://mine.example\n"
