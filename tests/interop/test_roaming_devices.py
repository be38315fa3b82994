"""Three devices that lose their connections, their acknowledgements and their lives, against a real server:
in the end all have the same vehicles, and so has SQL. What happens is drawn from seeds (with FUZZ, from new
ones); how it meets is up to the machine."""

from __future__ import annotations

import asyncio
import json
import os
import random
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from tests.interop.peers import HERE
from tests.lengths import FUZZ
from tests.server_process import SyncServer

pytestmark = pytest.mark.interop

SEEDS = random.sample(range(1_000_000), 4) if FUZZ else [1, 2, 3, 4]


async def test_devices_that_roam_and_die_end_with_the_same_vehicles_as_sql(
    server: SyncServer, tmp_path: Path
) -> None:
    """Also: of what a device has confirmed nothing is missing, and nothing is there twice."""
    for said in await asyncio.gather(*(roam(server, tmp_path / str(seed), seed) for seed in SEEDS)):
        rows = {row["id"]: row for row in said["sql"]}
        assert len(rows) == len(said["sql"])
        for table in said["tables"]:
            assert {row["id"]: row for row in table} == rows, said
        for key, serial in said["added"].items():
            assert rows[key]["serial"] == serial, said
        for name, count in said["counts"].items():
            assert count == 0 or rows[name]["serial"] >= count, said
        # Only what somebody has deleted meanwhile may be set aside.
        assert {code for shelf in said["shelves"] for _, code in shelf} <= {"deleted"}, said
        assert min(said["happened"].values()) > 0, "the seed lets too little happen"


async def roam(server: SyncServer, folder: Path, seed: int) -> dict[str, Any]:
    """Let three devices roam by this seed; what they ended with."""
    key = await server.key_for(f"roaming-{seed}", "read", "write")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "roaming.mjs"),
        str(folder),
        str(seed),
        env={**os.environ, "WEBHOST_URL": server.url, "WEBHOST_KEY": key},
        stdout=PIPE,
    )
    async with asyncio.timeout(240):
        said, _ = await process.communicate()
    assert process.returncode == 0, f"seed {seed}"
    return {"seed": seed, **json.loads(said)}
