"""Under a flood of sockets and requests, limits answer the flood, and a client that behaves goes on."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bench.flood import ask, edit, flooding
from tests.app import WITHOUT_RATE_LIMITS
from tests.server_process import SyncServer
from webhost_sync.config import Settings

pytestmark = pytest.mark.faults
SECONDS = 3.0


def limits_as_they_are() -> dict[str, str]:
    return {name.upper(): str(Settings.model_fields[name].default) for name in WITHOUT_RATE_LIMITS}


async def test_a_client_that_behaves_goes_on_under_a_flood(database_url: str, tmp_path: Path) -> None:
    server = SyncServer(database_url, tmp_path, limits_as_they_are())
    await server.start()
    try:
        good = await server.key_for("good", "read", "write")
        bad = await server.key_for("bad", "read", "write")
        address = f"127.0.0.1:{server.port}"
        began = time.monotonic()
        async with flooding(address, bad) as flood:
            edits = await edit(f"{server.sync_url}/depot?apiKey={good}", SECONDS, "good")
            requests = await ask(address, good, SECONDS)
        # A budget of 100 a minute, which is there at once and grows again meanwhile.
        budget = 100 + 100 / 60 * (time.monotonic() - began)
        assert flood.stdout is not None
        came_of_it = json.loads(await flood.stdout.read())
    finally:
        server.kill()
    assert len(edits) == 60
    assert len(requests) == 4
    statuses = came_of_it["statuses"]
    assert statuses["429"] > 0
    # What was let through in between is within the budgets of the key and of the address' strangers.
    assert statuses.get("200", 0) + statuses.get("404", 0) <= budget + 5
    assert statuses["401"] <= budget + 50
