"""Serves the pages under test on localhost, as any static host would: built with the SDK as it is
published, from `js-sdk/test/browser` or another folder. Knows no sync server and no browser.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SDK = Path(__file__).parents[2] / "js-sdk"
PAGES = SDK / "test" / "browser"


class _Handler(SimpleHTTPRequestHandler):
    # Without the charset browsers take text for Latin-1.
    extensions_map = {  # noqa: RUF012  (declared so by the base class)
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".webmanifest": "application/manifest+json",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what a page could not load is in its console."""


def build_pages(target: Path) -> None:
    """Bundle the test pages into a folder.

    Raises:
        RuntimeError: the SDK isn't built, or a page does not compile. The message says why.
    """
    if not (SDK / "dist" / "index.js").is_file():
        raise RuntimeError("js-sdk/dist is missing; run `make sdk`")
    node = shutil.which("node") or "node"
    vite = SDK / "node_modules" / "vite" / "bin" / "vite.js"
    command = [node, str(vite), "build", "--config", str(PAGES / "vite.config.mjs")]
    options = ["--outDir", str(target), "--emptyOutDir"]
    result = subprocess.run([*command, *options], cwd=SDK, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"the test pages can't be built:\n{result.stdout}{result.stderr}")


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """Serve a folder until the block ends; the value is its origin.

    `localhost`, because a browser grants service workers and locks only to it and to HTTPS.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()
