"""The servers that are measured, each as its documentation starts it. Ours runs on an embedded Postgres
and gets a key; the others ask for none.
"""

from __future__ import annotations

import json
import secrets
import sys
from importlib.metadata import version
from pathlib import Path

from bench.dialects import hocuspocus, y_websocket
from bench.servers import Contestant

ROOT = Path(__file__).parent.parent
PEERS = Path(__file__).parent / "peers"
COMMAND_LINE = (sys.executable, "-m", "webhost_sync.cli.main")
TENANT = "bench"
SCOPES = "read,write,presence"
IN_MEMORY = "in the server's memory"


def webhost_sync() -> Contestant:
    """Ours: the CLI's `serve` on an embedded Postgres that flushes every commit. One credential makes all
    the load here, so the limits of a credential are raised."""
    return Contestant(
        "webhost-sync",
        version("webhost-sync"),
        "committed to Postgres, flushed to disk",
        (*COMMAND_LINE, "serve"),
        "/sync/{document}",
        y_websocket,
        {
            "UPDATE_RATE": "1000000",
            "CONNECTIONS_PER_CREDENTIAL": "10000",
            "RATE_LIMIT_CONNECT": "0",
            "TENANT_UPDATE_RATE": "1000000",
            "LOG_LEVEL": "warning",
            "TOKEN_SIGNING_SECRET": secrets.token_hex(32),
            "PYTHONPATH": str(Path(__file__).parent.parent),
        },
        prepare=(
            (*COMMAND_LINE, "migrate"),
            (*COMMAND_LINE, "tenant", "create", TENANT),
            (*COMMAND_LINE, "key", "create", "--tenant", TENANT, "--scopes", SCOPES, "--json"),
        ),
        query=lambda printed: f"?apiKey={json.loads(printed)['key']}",
    )


def contestants() -> tuple[Contestant, ...]:
    """Every server, each as its documentation starts it."""
    node_hocuspocus = PEERS / "hocuspocus"
    node_reference = PEERS / "y-websocket-server"
    reference = node_reference / "node_modules" / "@y" / "websocket-server" / "src" / "server.js"
    return (
        webhost_sync(),
        Contestant(
            "@hocuspocus/server",
            "4.7.0",
            IN_MEMORY,
            ("node", str(node_hocuspocus / "server.mjs")),
            "/",
            hocuspocus,
            installed=node_hocuspocus / "node_modules",
        ),
        Contestant(
            "@y/websocket-server",
            "0.1.5",
            IN_MEMORY,
            ("node", str(reference)),
            "/{document}",
            y_websocket,
            installed=node_reference / "node_modules",
        ),
        Contestant(
            "pycrdt-websocket",
            "0.16.5",
            IN_MEMORY,
            (sys.executable, str(PEERS / "pycrdt_websocket.py")),
            "/{document}",
            y_websocket,
        ),
    )
