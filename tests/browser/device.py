"""Devices of the tests: each a browser context, which shares no storage with the others; its pages are
tabs of one browser on it. Knows the origin of the pages, and neither SDK nor sync server.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page

SDK = Path(__file__).parents[2] / "js-sdk"


class Device:
    """One device. Invariant: what goes wrong in any of its pages, and was not caught there, is in `errors`;
    a test that provokes errors takes them out, or it fails."""

    def __init__(self, name: str, context: BrowserContext, origin: str) -> None:
        self.name = name
        self.context = context
        self.errors: list[str] = []
        self.console: list[str] = []
        self._origin = origin
        self._frozen: dict[Page, CDPSession] = {}
        context.on("weberror", lambda failed: self.errors.append(str(failed.error)))
        context.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))

    async def open(self, path: str = "/") -> Page:
        """Open a tab at a path of the pages' origin, and wait until its scripts have run."""
        page = await self.context.new_page()
        await page.goto(self._origin + path)
        return page

    @property
    def pages(self) -> list[Page]:
        """The tabs that are open."""
        return self.context.pages

    async def go_offline(self) -> None:
        """Cut the network as the developer tools do: new requests fail and the page is told. An open
        WebSocket stays open and is silent in neither direction; to cut that, kill the server."""
        await self.context.set_offline(True)

    async def go_online(self) -> None:
        await self.context.set_offline(False)

    async def crash(self, page: Page) -> None:
        """Kill the process of a tab, as the system does when memory runs out; nothing of it runs any more.
        Tabs of one site on one device may share a process and die together."""
        crashed = asyncio.Event()
        page.on("crash", lambda _: crashed.set())
        debugger = await self.context.new_cdp_session(page)
        # It never answers: whoever should is dead.
        command = asyncio.ensure_future(debugger.send("Page.crash"))
        await crashed.wait()
        command.cancel()

    async def freeze(self, page: Page, *, tell: bool = True) -> None:
        """Stop a tab where it stands, as browsers do with those that nobody has looked at for long: it keeps
        its locks and sockets, and none of its code runs. With `tell=False` it gets no `freeze` event before,
        as when the whole device falls asleep.

        Done with the debugger, because the headless shell takes every page for visible, and freezes none.
        """
        if tell:
            await page.evaluate("() => { document.dispatchEvent(new Event('freeze', { bubbles: true })) }")
        debugger = self._frozen[page] = await self.context.new_cdp_session(page)
        await debugger.send("Debugger.enable")
        await debugger.send("Debugger.pause")

    async def thaw(self, page: Page, *, tell: bool = True) -> None:
        """Let a frozen tab go on; what it missed meanwhile reaches it now."""
        debugger = self._frozen.pop(page)
        await debugger.send("Debugger.disable")
        await debugger.detach()
        if tell:
            await page.evaluate("() => { document.dispatchEvent(new Event('resume', { bubbles: true })) }")

    async def close(self) -> None:
        """Close all tabs and forget what was stored."""
        await self.context.close()


def results_folder() -> Path:
    """Where pictures go: BROWSER_RESULTS, or `js-sdk/test-results`."""
    folder = Path(os.environ.get("BROWSER_RESULTS") or SDK / "test-results")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def screenshot(page: Page, name: str, **options: Any) -> Path:
    """Keep a picture of what the tab shows under this name, and return its file."""
    file = results_folder() / f"{name}.png"
    await page.screenshot(path=file, animations="disabled", **options)
    return file
