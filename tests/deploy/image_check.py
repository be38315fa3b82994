"""`make image-check`: does what the Dockerfile says, in a folder of its own, and tries what comes out.

The steps are read from the Dockerfile itself; its absolute paths are led into the folder. Not done: what
needs the machine's root (the user), and the base image, in whose place this machine's Python stands.
Then `install.sh` installs the same wheel, for real.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.cli.processes import REPOSITORY, SETTINGS
from tests.server_process import free_port

OURS = ("/opt", "/src", "/wheels", "/data")
"""The folders that the Dockerfile makes."""


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, without comments, each on one line."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


class Kitchen:
    """The folder in which it happens, and the environment that the Dockerfile has made so far."""

    def __init__(self, root: Path) -> None:
        self.root = root
        python = root / "base" / "python"
        python.parent.mkdir()
        python.symlink_to(getattr(sys, "_base_executable", sys.executable))
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self.environment = {**inherited, "PATH": f"{python.parent}:{os.environ['PATH']}"}
        self.folder = root
        self.healthcheck: list[str] = []
        self.entrypoint: list[str] = []
        self.command: list[str] = []

    def here(self, text: str) -> str:
        """Lead the absolute paths of the Dockerfile into the folder."""
        return re.sub(rf"(?<![\w./])({'|'.join(OURS)})(?=[/\s:]|$)", rf"{self.root}\1", text)

    def follow(self, name: str, rest: str) -> None:
        match name:
            case "WORKDIR":
                self.folder = Path(self.here(rest))
                self.folder.mkdir(parents=True, exist_ok=True)
            case "ENV":
                for word in shlex.split(self.here(rest)):
                    key, _, value = word.partition("=")
                    self.environment[key] = value.replace("$PATH", self.environment["PATH"])
            case "COPY" if "--from" not in rest:
                *sources, target = rest.split()
                for source in sources:
                    self._copy(REPOSITORY / source, self.folder / target)
            case "RUN" if "useradd" not in rest:
                self._say(rest)
                subprocess.run(
                    ["bash", "-euc", self.here(rest)], cwd=self.folder, env=self.environment, check=True
                )
            case "HEALTHCHECK":
                self.healthcheck = json.loads(rest.partition("CMD")[2])
            case "ENTRYPOINT":
                self.entrypoint = json.loads(rest)
            case "CMD":
                self.command = json.loads(rest)

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def _say(self, what: str) -> None:
        sys.stdout.write(f"== {what[:100]}\n")
        sys.stdout.flush()


def program(kitchen: Kitchen, name: str) -> str:
    """The full path of a program, as the image would find it."""
    found = shutil.which(name, path=kitchen.environment["PATH"])
    assert found, f"{name} is not in the image"
    assert found.startswith(str(kitchen.root)), f"{name} is not the image's: {found}"
    return found


def try_server(kitchen: Kitchen) -> None:
    """Serve as the image does, on an embedded Postgres, and ask as its health check does."""
    environment = {**kitchen.environment, "ENVIRONMENT": "development", "PORT": str(free_port())}
    command = [program(kitchen, kitchen.entrypoint[0])]
    subprocess.run([*command, "version"], env=environment, cwd=kitchen.folder, check=True)
    migrate = [*command, "migrate"]
    subprocess.run(migrate, env=environment, cwd=kitchen.folder, check=True)
    serve = [*command, *kitchen.command, "--json"]
    with subprocess.Popen(
        serve, env=environment, cwd=kitchen.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout
            assert server.stdout.readline(), "the server ended before it listened"
            python = program(kitchen, kitchen.healthcheck[0])
            subprocess.run([python, *kitchen.healthcheck[1:]], env=environment, check=True)
        finally:
            server.terminate()
    assert server.returncode == 0


def try_install(kitchen: Kitchen, root: Path) -> None:
    """Have install.sh make a release of the wheel, with a stand-in for systemd."""
    release = root / "release"
    release.mkdir()
    [wheel] = (kitchen.root / "wheels").glob("*.whl")
    for file in (wheel, REPOSITORY / "requirements.lock", *(REPOSITORY / "deploy/systemd").iterdir()):
        shutil.copy(file, release)
    shutil.copy(REPOSITORY / "deploy/secrets.sh", release)
    machine = root / "machine"
    environment = {**kitchen.environment, "INSTALL_ROOT": str(machine), "SYSTEMCTL": "true"}
    installed = subprocess.run(
        ["sh", release / "install.sh", "sync.example.com"],
        env={**environment, "HEALTH_URL": "http://127.0.0.1:1/", "READY_SECONDS": "1"},
        capture_output=True,
        text=True,
    )
    # Nothing serves there, which is as far as it gets; the release itself has to work.
    assert "is not ready after" in installed.stderr, installed.stdout + installed.stderr
    ours = machine / "opt/webhost-sync/current/bin/webhost-sync"
    subprocess.run([ours, "version"], env=environment, check=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        kitchen = Kitchen(Path(folder))
        for name, rest in instructions((REPOSITORY / "Dockerfile").read_text()):
            kitchen.follow(name, rest)
        try_server(kitchen)
        try_install(kitchen, Path(folder))
    sys.stdout.write("the image's steps work, and so does install.sh\n")


if __name__ == "__main__":
    main()
