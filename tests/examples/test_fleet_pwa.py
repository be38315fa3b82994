"""`make fleet-pwa` as its users know it: started, started again, stopped, and killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.processes import REPOSITORY, SETTINGS, accepts
from tests.eventually import eventually
from tests.examples.demo_process import processes_of

pytestmark = pytest.mark.xdist_group("embedded")
APP = REPOSITORY / "examples" / "fleet-pwa"


@contextmanager
def fleet_pwa(data_dir: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """What the make target starts; killed at the end if it is still there."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with subprocess.Popen(
        [shutil.which("node") or "node", "start.mjs"],
        cwd=APP,
        env={**inherited, "DATA_DIR": str(data_dir), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def free_ports() -> dict[str, str]:
    """So that nobody's own app is in the way; kept for the next start like any others."""
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return {"PORT": str(one.getsockname()[1]), "SERVER_PORT": str(other.getsockname()[1])}


def until_said(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Read what it says until this comes."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"it ended after it said:\n{said}")


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body.decode()


def config_of(url: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(fetched(f"{url}config.json"))
    return config


async def test_it_serves_the_app_and_goes_on_at_the_same_address_with_the_same_key(
    tmp_path: Path, free_ports: dict[str, str]
) -> None:
    with fleet_pwa(tmp_path, **free_ports) as process:
        url = until_said(process, r"Fleet +(\S+)")[1]
        assert url == f"http://localhost:{free_ports['PORT']}/"
        assert '<div id="root">' in fetched(url)
        first = config_of(url)
        assert json.loads(fetched(f"{first['apiUrl']}/health"))["status"] == "healthy"

        with fleet_pwa(tmp_path) as another:
            until_said(another, f"running already: {url}")
            assert another.wait(10) == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert processes_of(tmp_path) == []

    with fleet_pwa(tmp_path) as process:
        assert until_said(process, r"Fleet +(\S+)")[1] == url
        assert config_of(url) == first
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    await eventually(lambda: processes_of(tmp_path) == [])


async def test_a_killed_server_comes_back_and_a_killed_app_leaves_nothing_running(
    tmp_path: Path, free_ports: dict[str, str]
) -> None:
    with fleet_pwa(tmp_path, **free_ports) as process:
        server = until_said(process, r"server +(\S+) \(process (\d+)\)")
        psutil.Process(int(server[2])).kill()
        until_said(process, "starting it again")
        await eventually(lambda: accepts(server[1]), within=90)
        process.kill()
    await eventually(lambda: processes_of(tmp_path) == [], within=90)


async def test_a_taken_port_is_said_and_another_one_used_from_then_on(
    tmp_path: Path, free_ports: dict[str, str]
) -> None:
    port = int(free_ports["SERVER_PORT"])
    with socket.create_server(("127.0.0.1", port)), fleet_pwa(tmp_path, **free_ports) as process:
        moved = until_said(process, rf"Port {port} is taken; using (\d+) from now on")[1]
        assert until_said(process, r"server +http://127.0.0.1:(\d+)")[1] == moved
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert json.loads((tmp_path / "ports.json").read_text())["server"] == int(moved)
