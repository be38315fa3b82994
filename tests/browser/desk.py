"""One person's browser on the dashboard: what its pages complained of, and whom else they asked, is kept,
and fails the test. Knows no page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from tests.app import App
from tests.browser.device import SDK
from tests.eventually import eventually

AXE = (SDK / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
MAPS_DRAWN = """
[...document.querySelectorAll('.map')].every(
  (place) => place.dataset.mapState === 'failed' || (place.map?.gl.loaded() && !place.map.gl.isMoving()))
"""
SIZES = {1280: 800, 390: 844}


class Site(Protocol):
    """A running dashboard; `space` is the address of the space that its pages are about."""

    app: App

    @property
    def space(self) -> str: ...

    async def link(self, role: str = ...) -> str:
        """A one-time link that signs the member of this role in."""
        ...


@dataclass
class Desk:
    """One person's browser. What its pages complained of, and whom else they asked, is kept."""

    site: Site
    page: Page
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note_request)

    async def open(self, path: str) -> None:
        """A page by its path in the space, or by its whole path."""
        url = self.site.app.url + path if path.startswith("/dashboard") else self.site.space + path
        await self.page.goto(url)

    async def sign_in(self, role: str = "owner") -> None:
        await self.page.goto(await self.site.link(role))
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("heading", name="Overview")).to_be_visible()

    async def maps_drawn(self) -> None:
        """Wait until the page's maps, if it has any, show all that they are to show."""

        async def drawn() -> bool:
            return bool(await self.page.evaluate(MAPS_DRAWN))

        await eventually(drawn)

    async def barriers(self) -> list[str]:
        """What axe finds that is serious or critical."""
        await self.page.evaluate(AXE)
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {json.dumps([node['html'] for node in violation['nodes']][:3])}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def _note(self, message: ConsoleMessage) -> None:
        # Without a GPU, taking a picture makes the driver speak of its speed.
        if message.type in ("error", "warning") and "GL Driver Message" not in message.text:
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(("data:", self.site.app.url)):
            self.elsewhere.append(request.url)

    async def is_too_wide(self) -> bool:
        """Whether the page has to be moved sideways to be read."""
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(await self.page.evaluate(wider))


@asynccontextmanager
async def desk(site: Site, chromium: Browser, width: int = 1280, **options: Any) -> AsyncIterator[Desk]:
    """A browser of its own; fails where its pages complained or asked anybody else."""
    size: Any = {"width": width, "height": SIZES[width]}
    context = await chromium.new_context(viewport=size, has_touch=width < 500, **options)
    made = Desk(site, await context.new_page())
    made.watch()
    yield made
    await context.close()
    assert (made.complaints, made.elsewhere) == ([], []), made.complaints
