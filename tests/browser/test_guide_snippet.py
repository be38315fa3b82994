"""The guide's first lines, copied letter by letter into a page, against a running demo."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.fleet_demo.recording import read_recording
from store.embedded import running
from tests.browser.conftest import NewDevice
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.examples.demo_process import demo
from tests.postgres import select

pytestmark = pytest.mark.xdist_group("embedded")

SNIPPET = """\
const client = new WebHostClient({ apiUrl: 'https://your-app.fly.dev', apiKey: 'whs_live_...' });
await client.connect({ vehicles: '++id, name' });
client.syncManager.connected
await client.db.vehicles.add({ name: 'Test Vehicle' });
"""
# A page has to get the class from somewhere, and the test what the page has made.
BEFORE = "const { WebHostClient } = globalThis.sdk\n"
AFTER = "Object.assign(globalThis, { client, db: client.db })\n"


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def running_demo(demo_folder: Path) -> Iterator[tuple[str, str]]:
    """Address and key of a demo with all its buses, as it prints them. Their day takes half an hour here."""
    with demo(demo_folder, "--port", "0", "--speed", "60") as process:
        said = read_introduction(process)
        yield said["server"], said["key"]
        process.terminate()
        process.wait(30)


async def test_the_snippet_works_as_it_stands_and_shows_the_fleet(
    device: NewDevice, running_demo: tuple[str, str], demo_folder: Path
) -> None:
    url, key = running_demo
    snippet = SNIPPET.replace("https://your-app.fly.dev", url).replace("whs_live_...", key)
    page = SdkPage(await (await device()).open())
    await page.page.add_script_tag(type="module", content=BEFORE + snippet + AFTER)
    await page.until("globalThis.client?.syncManager.connected")
    await page.when_durable()

    database_url = running(demo_folder / "postgres")
    assert database_url is not None

    async def is_in_sql() -> None:
        rows = await select(database_url, "select name from vehicles where name = 'Test Vehicle'")
        assert len(rows) == 1

    await eventually(is_in_sql)
    buses = len(read_recording().buses)
    await page.until(f"db.vehicles.count().then((count) => count === {buses + 1})", within=90)
    names = {row["name"] for row in await page.rows("vehicles")}
    assert {"Test Vehicle", "Bus 5017"} <= names
    await page.until("client.positions.latest().then((latest) => latest.get('bus-5017'))")


def read_introduction(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the demo prints before it begins: names and values; of the key only the key itself."""
    assert process.stdout
    said: dict[str, str] = {}
    for line in process.stdout:
        if found := re.match(r"(\w+) +(\S+)", line):
            said[found[1]] = found[2]
        if "token" in said:
            return said
    raise AssertionError(f"the demo ended after it said {said}")
