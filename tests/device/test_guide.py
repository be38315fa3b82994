"""The guide's program does what the guide says."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.device.sync_server import KEY, SyncServer
from webhost_sync.device.status import DeviceStatus

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "devices.md").read_text()


async def run_the_guide(folder: Path, url: str) -> str:
    """Run the first program of the guide in a folder of its own and return what it prints."""
    [program, *_] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    environment = os.environ | {"WEBHOST_SYNC_URL": url, "WEBHOST_SYNC_KEY": KEY, "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=folder, env=environment, stdout=PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_the_guides_program_works_offline_and_online(server: SyncServer, tmp_path: Path) -> None:
    offline = await run_the_guide(tmp_path, "http://127.0.0.1:1")
    assert "not now: the server can't be reached" in offline
    assert "pending_fixes=3" in offline
    online = await run_the_guide(tmp_path, server.url)
    assert "recorded_fixes=6, pending_fixes=0" in online
    assert "pending_updates={}" in online
    assert len(server.fixes()) == 6


def test_the_guide_explains_the_status() -> None:
    explained = set(re.findall(r"`(\w+)`", GUIDE))
    assert set(DeviceStatus.__slots__) - explained <= {"device_id", "tracks_forgotten"}
