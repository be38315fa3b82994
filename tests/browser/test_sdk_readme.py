"""The five minutes of the SDK's README, with its own files: two windows that are in step."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from playwright.async_api import expect

from tests.browser.app_server import SDK, static_server
from tests.browser.conftest import NewDevice
from tests.server_process import SyncServer

CONFIG = """
import { defineConfig } from 'vite'
const alias = { 'webhost-sync': '%s/dist/index.js' }
export default defineConfig({ logLevel: 'warn', build: { target: 'es2022' }, resolve: { alias } })
"""


def file_of_readme(name: str) -> str:
    """The code block that follows on the file's name, without its indentation."""
    readme = (SDK / "README.md").read_text()
    found = re.search(rf"`{re.escape(name)}`.*?\n\n( *)```\w+\n(.*?)\n\1```", readme, re.DOTALL)
    assert found, f"README.md has no {name}"
    return "\n".join(line.removeprefix(found[1]) for line in found[2].splitlines())


def build(folder: Path, url: str, key: str) -> Path:
    """The app of the README, built as its readers build it, with a server's address and key put in."""
    main = file_of_readme("main.js").replace("http://127.0.0.1:8000", url)
    main, keys = re.subn(r"whs_live_…", key, main)
    assert keys == 1
    (folder / "index.html").write_text(file_of_readme("index.html"))
    (folder / "main.js").write_text(main)
    (folder / "vite.config.mjs").write_text(CONFIG % SDK)
    (folder / "node_modules").symlink_to(SDK / "node_modules")
    vite = SDK / "node_modules" / "vite" / "bin" / "vite.js"
    subprocess.run([shutil.which("node") or "node", str(vite), "build"], cwd=folder, check=True)
    return folder / "dist"


async def test_a_stranger_has_two_synced_windows_after_the_steps_of_the_readme(
    device: NewDevice, sync_server: SyncServer, tmp_path: Path
) -> None:
    key = await sync_server.key_for("readme", "read", "write")
    with static_server(build(tmp_path, sync_server.url, key)) as origin:
        windows = [await (await device(name)).context.new_page() for name in ("window", "private window")]
        for window in windows:
            await window.goto(origin)
            await expect(window.locator("#status")).to_have_text("Everything is saved on the server.")
        here, there = windows
        await here.get_by_placeholder("Name").fill("Test Vehicle")
        await here.get_by_role("button", name="Add").click()
        await expect(there.locator("#vehicles li")).to_have_text(["Test Vehicle"])
        await expect(here.locator("#status")).to_have_text("Everything is saved on the server.")
