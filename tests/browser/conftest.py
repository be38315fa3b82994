"""Fixtures of the browser tests: one Chromium for a pytest process, devices on it, the pages on localhost,
a real sync server on a real Postgres, and the example app. Every test of this folder gets the mark `browser`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Error as PlaywrightError

from tests.browser.app_server import build_pages, static_server
from tests.browser.binary import can_sandbox, find_chromium
from tests.browser.cable import Cable, laid_cable
from tests.browser.device import Device, results_folder
from tests.browser.fleet_app import FleetPage, build_fleet_app, fleet_app_served
from tests.server_process import SyncServer, server_process

# Playwright's own Node.js needs a library that a bare Debian lacks; the one that the project asks for runs.
if node := shutil.which("node"):
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)

HERE = Path(__file__).parent
PHONE = {"width": 390, "height": 844}
FAILED = pytest.StashKey[bool]()


class NewCable(Protocol):
    """Lays a cable to a server: what the device behind it may be cut off from."""

    async def __call__(self, server: SyncServer) -> Cable: ...


class NewDevice(Protocol):
    """Makes a device with nothing stored, for the test pages or for what lies at another `origin`.
    Options are those of Playwright's `new_context` (viewport, …)."""

    async def __call__(self, name: str = ..., *, origin: str = ..., **options: Any) -> Device: ...


class OpenFleet(Protocol):
    """Opens the example app for a server and a key. Options are those of Playwright's `new_context`."""

    async def __call__(self, server: SyncServer, key: str, name: str = ..., **options: Any) -> FleetPage: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser lives on the event loop of the session, so the tests run on that one too."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the fixtures whether the test has failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium. Tests get fresh contexts of it from `device`."""
    async with async_playwright() as playwright:
        binary = find_chromium(Path(playwright.chromium.executable_path))
        browser = await playwright.chromium.launch(
            executable_path=binary.executable,
            env={**os.environ, **binary.environment},
            chromium_sandbox=can_sandbox(),
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def device(
    chromium: Browser, app_server: str, request: pytest.FixtureRequest
) -> AsyncIterator[NewDevice]:
    """Makes devices. When the test fails, pictures of their tabs and what these logged are kept."""
    devices: list[Device] = []

    async def new_device(name: str = "device", *, origin: str = app_server, **options: Any) -> Device:
        made = Device(name, await chromium.new_context(**options), origin)
        devices.append(made)
        return made

    yield new_device
    if request.node.stash.get(FAILED, False):
        await _keep_evidence(request.node.name, devices)
    for made in devices:
        await made.close()
    assert not (errors := {made.name: made.errors for made in devices if made.errors}), errors


@pytest_asyncio.fixture(loop_scope="session")
async def cable() -> AsyncIterator[NewCable]:
    """Lays cables between devices and servers."""
    async with AsyncExitStack() as stack:

        async def new_cable(server: SyncServer) -> Cable:
            return await stack.enter_async_context(laid_cable(server.port))

        yield new_cable


@pytest.fixture(scope="session")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of the test pages (`js-sdk/test/browser`), with the built SDK."""
    folder = tmp_path_factory.mktemp("pages")
    build_pages(folder)
    with static_server(folder) as origin:
        yield origin


@pytest.fixture(scope="session")
def sync_server(template_url: str) -> Iterator[SyncServer]:
    """A sync server for tests that only use it; name a tenant of your own. `own_server` is one to kill."""
    yield from server_process(template_url)


@pytest.fixture(scope="session")
def fleet_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example app, built."""
    folder = tmp_path_factory.mktemp("fleet-pwa") / "dist"
    build_fleet_app(folder)
    return folder


@pytest.fixture
def app_hosts() -> Iterator[ExitStack]:
    """What serves the example app to the devices of a test; close it to cut them off."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def open_fleet(device: NewDevice, fleet_build: Path, app_hosts: ExitStack, tmp_path: Path) -> OpenFleet:
    """Opens the app, each time on a new device, which is a phone if nothing else is said."""

    async def open_app(server: SyncServer, key: str, name: str = "phone", **options: Any) -> FleetPage:
        folder = tmp_path / f"app {name}"
        origin = app_hosts.enter_context(fleet_app_served(fleet_build, folder, server.url, key))
        # What glides and fades is drawn without a graphics card, and takes most of what such a test takes.
        given = {"viewport": PHONE, "reduced_motion": "reduce", **options}
        made = await device(name, origin=origin, **given)
        return FleetPage(made, await made.open())

    return open_app


async def _keep_evidence(test: str, devices: list[Device]) -> None:
    folder = results_folder()
    for made in devices:
        stem = re.sub(r"[^\w.-]+", "-", f"FAILED {test} {made.name}")
        (folder / f"{stem}.log").write_text("\n".join([*made.console, *made.errors]))
        for number, page in enumerate(made.pages, start=1):
            with suppress(PlaywrightError):  # a tab that has crashed can't be drawn
                await page.screenshot(path=folder / f"{stem} {number}.png", timeout=3000)
