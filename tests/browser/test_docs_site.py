"""The built docs in a browser, read from a folder: searched, in light and dark, on a desk and a phone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import PHONE
from tests.browser.device import screenshot
from tests.docs.pages import REPOSITORY

DESK = {"width": 1280, "height": 860}
LOOKS = [(DESK, "light"), (PHONE, "dark")]
SHOWN = ["index", "quick-start"]
if os.environ.get("PICTURES") == "all":
    LOOKS += [(DESK, "dark"), (PHONE, "light")]
    SHOWN += ["concepts", "settings", "deployment", "security", "benchmarks", "faq"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


async def test_the_search_finds_a_page_without_a_server_or_a_network(chromium: Browser, site: Path) -> None:
    context = await chromium.new_context(viewport={"width": 1280, "height": 860})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = await context.new_page()
    await page.goto((site / "index.html").as_uri())
    await page.get_by_role("textbox", name="Search").click()
    await page.keyboard.type("quarantine")
    found = page.locator(".md-search-result__item").first
    await expect(found).to_be_visible()
    await screenshot(page, "docs search")
    await found.get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("life and death")
    assert [url for url in asked if not url.startswith(("file:", "blob:", "about:", "data:"))] == []
    await context.close()


@pytest.mark.parametrize(("window", "scheme"), LOOKS)
async def test_pages_fit_their_window(
    chromium: Browser, site: Path, window: dict[str, int], scheme: Any
) -> None:
    size: Any = window
    context = await chromium.new_context(viewport=size, color_scheme=scheme)
    page = await context.new_page()
    for name in SHOWN:
        await page.goto((site / f"{name}.html").as_uri())
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await screenshot(page, f"docs {window['width']} {scheme} {name}")
        assert await page.evaluate("document.documentElement.scrollWidth") == window["width"], name
    await context.close()
