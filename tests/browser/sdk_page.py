"""Drives the SDK in a page: one client a tab, its tables, its status. Knows what an app developer knows."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.eventually import eventually

CONNECT = """async ({ apiUrl, apiKey, schema, ...options }) => {
  const { WebHostClient } = globalThis.sdk
  const credential = apiKey ? { apiKey } : { getToken: () => globalThis.fetchToken() }
  const client = new WebHostClient({ apiUrl, ...credential, connectTimeoutMs: 10000, ...options })
  globalThis.client = client
  globalThis.heard = { errors: [], rejected: [], lost: [], phases: [] }
  client.on('error', (error) => heard.errors.push(String(error)))
  client.on('rejected', (edit) => heard.rejected.push(edit))
  client.on('device-lost', (lost) => heard.lost.push(lost))
  client.on('status', ({ phase }) => phase !== heard.phases.at(-1) && heard.phases.push(phase))
  await client.connect(schema)
  globalThis.db = client.db
  return client.status
}"""

ROWS = """async (table) => {
  const rows = await client.db.table(table).toArray()
  return rows.map((row) => Object.fromEntries(Object.entries(row).sort()))
}"""


class SdkPage:
    """A tab in which a client is connected; `client`, `db` and `heard` are in scope of what it runs."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def connect(
        self, url: str, key: str | None, schema: dict[str, str], **options: Any
    ) -> dict[str, Any]:
        """Make the client and connect it; the status right after `await client.connect(…)`. Without a key
        the page's `fetchToken` is asked. What the client tells is collected in `heard`."""
        arguments = {"apiUrl": url, "apiKey": key, "schema": schema, **options}
        status: dict[str, Any] = await self.page.evaluate(CONNECT, arguments)
        return status

    async def run(self, source: str, argument: object = None) -> Any:
        """Run the body of an async function; `argument` is what it is given."""
        return await self.page.evaluate(f"async (argument) => {{ {source} }}", argument)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, by key."""
        rows: list[dict[str, Any]] = await self.page.evaluate(ROWS, table)
        return rows

    async def status(self) -> dict[str, Any]:
        status: dict[str, Any] = await self.page.evaluate("() => client.status")
        return status

    async def when_durable(self, seconds: float = 20) -> None:
        """Wait until the server has committed everything of this device."""
        await self.page.evaluate("(timeout) => client.whenDurable({ timeout })", seconds * 1000)

    async def until(self, condition: str, *, within: float = 90, argument: object = None) -> None:
        """Wait until a JavaScript condition (which may be a promise) holds.

        Not with `wait_for_function`, which takes the promise itself for a yes.
        """
        source = f"async (argument) => Boolean(await ({condition}))"

        async def holds() -> None:
            assert await self.page.evaluate(source, argument), f"not yet: {condition}"

        await eventually(holds, within=within)
