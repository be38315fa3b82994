"""Two devices of `webhost-sync/node` against a running server: rows merge by field, and a delete wins."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.interop.peers import HERE
from tests.server_process import SyncServer

pytestmark = pytest.mark.interop


async def test_devices_merge_what_they_wrote_apart_and_shelve_what_was_deleted(
    server: SyncServer, tmp_path: Path
) -> None:
    key = await server.key_for("devices", "read", "write")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "devices.mjs"),
        str(tmp_path),
        env={**os.environ, "WEBHOST_URL": server.url, "WEBHOST_KEY": key},
        stdout=PIPE,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0
    bus = {
        "name": "Night bus",
        "plate": "M-AB 1",
        "since": "1970-01-01T00:00:00.000Z",
        "size": {"seats": 40},
        "isMerged": True,
    }
    assert json.loads(said) == {"rows": [[bus], [bus]], "rejected": [[{"name": "Painted van"}, "deleted"]]}
