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
from tests.browser.device import SDK, screenshot
from tests.browser.looks import DESK, Look, seen_from

AXE = (SDK / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
# In the page, so that waiting costs no round trips: drawing needs the processor.
MAPS_DRAWN = """async () => {
  const drawn = ({ dataset, map }) =>
    dataset.mapState === 'failed' || (map?.gl.loaded() && !map.gl.isMoving())
  const deadline = Date.now() + 90_000
  while (![...document.querySelectorAll('.map')].every(drawn)) {
    if (Date.now() > deadline) return false
    await new Promise((soon) => setTimeout(soon, 50))
  }
  return true
}"""
NO_WEBGL = """
const canvas = HTMLCanvasElement.prototype, draw = canvas.getContext
canvas.getContext = function (kind, ...rest) {
  return /webgl/.test(kind) ? null : draw.call(this, kind, ...rest)
}"""
ON_MAP = """async (name) =>
  (await document.getElementById('map').map.gl.getSource(name).getData()).features"""
EVERYTHING = "{resultTypes: ['violations']}"
COLOURS = "{resultTypes: ['violations'], runOnly: ['color-contrast']}"


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
    """One person's browser, which opens its pages in one look. What these complained of, whom else they
    asked, and what keeps people out of them, is kept."""

    site: Site
    page: Page
    first: Look
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    barriers: dict[str, list[str]] = field(default_factory=dict)

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
        assert await self.page.evaluate(MAPS_DRAWN), "a map was not drawn in time"

    async def on_map(self, source: str) -> list[dict[str, Any]]:
        """What stands in one source of the page's map, when all of it is drawn."""
        await self.maps_drawn()
        found: list[dict[str, Any]] = await self.page.evaluate(ON_MAP, source)
        return found

    async def see(self, name: str, *, full_page: bool = False) -> None:
        """Look at the page as it stands, in every look: keep pictures `{name} {width} {scheme}.png`, let axe
        search it for barriers, which fail the test at its end, and hold that nobody has to move it
        sideways. With `full_page` the picture of the phone is as long as the page."""
        looks = seen_from(self.first)
        for look in looks:
            await self._turn(look)
            await screenshot(self.page, f"{name} {look}", full_page=full_page and look.width < 500)
            # What is where, and what it is called, doesn't depend on the scheme; only the colours do.
            rules = EVERYTHING if look.scheme == "light" or len(looks) == 1 else COLOURS
            if found := await self._barriers(rules):
                self.barriers[f"{name} {look}"] = found
            assert not await self.is_too_wide(), f"{name} is wider than the screen: {look}"
        await self._turn(self.first)

    async def _turn(self, look: Look) -> None:
        await self.page.emulate_media(color_scheme=look.scheme)
        if self.page.viewport_size != look.size:
            await self.page.set_viewport_size(look.size)
        await self.maps_drawn()

    async def _barriers(self, rules: str) -> list[str]:
        """What axe finds that is serious or critical."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE)
        found: dict[str, Any] = await self.page.evaluate(f"axe.run(document, {rules})")
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
async def desk(
    site: Site, chromium: Browser, look: Look = DESK, *, webgl: bool = True, **options: Any
) -> AsyncIterator[Desk]:
    """A browser of its own; fails where its pages complained, asked anybody else, or have barriers. Nothing
    moves in it that need not, and who looks at no map needs no `webgl`: drawing without a graphics card takes
    most of the time of these tests."""
    options = {"reduced_motion": "reduce", "color_scheme": look.scheme, "viewport": look.size, **options}
    context = await chromium.new_context(has_touch=look.width < 500, **options)
    if not webgl:
        await context.add_init_script(NO_WEBGL)
    made = Desk(site, await context.new_page(), look)
    made.watch()
    yield made
    await context.close()
    assert (made.complaints, made.elsewhere, made.barriers) == ([], [], {}), made
