"""The example app `examples/fleet-pwa` for the tests: built once, served for one server and key, and
driven as people do, by what they can see. Knows nothing of how the app is made.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from tests.browser.app_server import static_server
from tests.browser.device import Device

# Other tests compute beside these, and maps are drawn without a graphics card.
expect.set_options(timeout=60_000)

REPOSITORY = Path(__file__).parents[2]
APP = REPOSITORY / "examples" / "fleet-pwa"
ADD = re.compile("^Add( a vehicle)?$")


def build_fleet_app(target: Path) -> None:
    """Build the app into a folder.

    Raises:
        RuntimeError: its packages or the SDK are missing, or it does not compile. The message says why.
    """
    vite = APP / "node_modules" / "vite" / "bin" / "vite.js"
    if not vite.is_file():
        raise RuntimeError("examples/fleet-pwa/node_modules is missing; run `make check`")
    node = shutil.which("node") or "node"
    command = [node, str(vite), "build", "--logLevel", "warn", "--outDir", str(target), "--emptyOutDir"]
    result = subprocess.run(command, cwd=APP, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"the app can't be built:\n{result.stdout}{result.stderr}")


@contextmanager
def fleet_app_served(build: Path, folder: Path, url: str, key: str) -> Iterator[str]:
    """Serve a build to whoever shall work with this server and key; the value is the origin."""
    shutil.copytree(build, folder)
    (folder / "config.json").write_text(json.dumps({"apiUrl": url, "apiKey": key}))
    with static_server(folder) as origin:
        yield origin


class FleetPage:
    """A tab with the app, on a device of its own; says what a person would see, and never asks the SDK."""

    def __init__(self, device: Device, page: Page) -> None:
        self.device = device
        self.page = page
        self.badge = page.locator("#sync-badge")
        self.sheet = page.get_by_role("dialog")
        self.rows = page.locator(".row")

    def row(self, name: str) -> Locator:
        return self.rows.filter(has=self.page.get_by_text(name, exact=True))

    async def add(self, name: str, **fields: str) -> None:
        """Fill in the form and send it off; the values of `fields` by their labels."""
        await self.page.get_by_role("button", name=ADD).first.click()
        await self._fill({"Name": name, **fields})
        await self.sheet.get_by_role("button", name="Add vehicle").click()
        await expect(self.row(name)).to_be_visible()

    async def edit(self, name: str, **fields: str) -> None:
        await self.open(name)
        await self._fill(fields)
        await self.sheet.get_by_role("button", name="Save").click()
        await expect(self.sheet).to_be_hidden()

    async def archive(self, name: str) -> None:
        await self.open(name)
        await self.sheet.get_by_role("button", name="Archive").click()
        await expect(self.row(name)).to_be_hidden()

    async def open(self, name: str) -> None:
        """Open the form of a vehicle: by its pencil, which a phone has no room for."""
        row = self.row(name)
        await row.hover()
        pencil = row.get_by_role("button", name=f"Edit {name}")
        await (pencil if await pencil.is_visible() else row.get_by_role("button").first).click()
        await expect(self.sheet).to_be_visible()

    async def close(self) -> None:
        """Close the form without saving."""
        await self.sheet.get_by_role("button", name="Close").click()
        await expect(self.sheet).to_be_hidden()

    async def drive(self) -> None:
        """Let the example fleet report positions, until the tab is closed."""
        await self.page.get_by_role("button", name="Drive the example fleet").click()
        await expect(self.rows).to_have_count(16)
        await expect(self.rows.filter(has_text="km/h").first).to_be_visible()

    async def park(self) -> None:
        """Let the example fleet report nothing more."""
        await self.page.get_by_role("button", name="You are").click()
        await self.page.get_by_role("button", name="Park the example fleet").click()
        await self.page.keyboard.press("Escape")

    async def show_map(self) -> None:
        """Wait until the map is drawn; on a phone, go there first."""
        tab = self.page.get_by_role("button", name="Map", exact=True)
        if await tab.is_visible():
            await tab.click()
        await expect(self.page.locator("[data-drawn=true]")).to_be_visible()

    async def until_badge(self, *texts: str) -> None:
        """Wait until the badge says all of these."""
        for text in texts:
            await expect(self.badge).to_contain_text(text)

    async def until_kept(self) -> None:
        """Wait until the app can be loaded without a network."""
        await self.page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")

    async def _fill(self, fields: dict[str, str]) -> None:
        for label, value in fields.items():
            named = self.page.get_by_text(label, exact=True)
            field = self.sheet.locator(".field").filter(has=named).locator("input, select")
            if await field.evaluate("(element) => element.tagName") == "SELECT":
                await field.select_option(value)
            else:
                await field.fill(value)
