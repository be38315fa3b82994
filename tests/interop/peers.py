"""Real Yjs clients for the tests: npm's providers in a Node process, told what to do in lines of JSON.

Tests get a `Peer` whose methods read as sentences; edits and readings are Yjs code, as an application
would write it. Waiting happens in Node, on events. Knows no server.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ProviderVersion = Literal["2.1.0", "3.1.0"]
VERSIONS: tuple[ProviderVersion, ...] = ("2.1.0", "3.1.0")
"""Of `y-websocket`."""
CollabVersion = Literal["3.4.4", "4.8.0"]
COLLAB_VERSIONS: tuple[CollabVersion, ...] = ("3.4.4", "4.8.0")
"""Of `@hocuspocus/provider`."""
HERE = Path(__file__).parent
LINE_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BigInt:
    """A JavaScript BigInt; a plain Python int stands for a JavaScript number."""

    value: int


def to_json(value: object) -> object:
    """Write bytes and BigInt the way `values.mjs` does; everything else is JSON as it is."""
    match value:
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case BigInt():
            return {"$bigint": str(value.value)}
        case list():
            return [to_json(item) for item in value]
        case dict():
            return {key: to_json(item) for key, item in value.items()}
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Socket:
    """One WebSocket that a provider opened; `code` is None while it is open. `held` is how many seconds
    it was open."""

    opened: bool
    code: int | None
    reason: str
    held: float


class NodeProcess:
    """The Node process. Invariants: 1. An answer goes to the caller whose id it bears.
    2. When the process ends, every caller that still waits gets ConnectionError.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, do: str, **arguments: object) -> Any:
        """Send one command and return its result; AssertionError carries what Node says went wrong."""
        assert self._process.stdin is not None
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._process.stdin.write(json.dumps({"id": number, "do": do, **arguments}).encode() + b"\n")
        return await future

    async def read_answers(self) -> None:
        """Hand each line of Node's output to its caller, until the output ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if future.cancelled():
                continue
            if "error" in answer:
                future.set_exception(AssertionError(answer["error"]))
            else:
                future.set_result(answer["result"])
        for future in self._waiting.values():
            future.set_exception(ConnectionError("the Node process has ended"))


class Peer:
    """One client: a Y.Doc, its provider, and the record of its sockets and frames. Times are seconds."""

    def __init__(self, node: NodeProcess, name: str) -> None:
        self._node = node
        self.name = name

    async def edit(self, source: str) -> None:
        """Run JavaScript in one transaction; `doc`, `awareness` and `Y` are in scope."""
        await self._ask("edit", source=source)

    async def read(self, source: str) -> Any:
        """Return the value of a JavaScript expression."""
        return await self._ask("read", source=source)

    async def sees(self, source: str, expected: object, *, within: float = 30) -> None:
        """Wait until a JavaScript expression has the expected value."""
        await self._ask("sees", source=source, expected=to_json(expected), within=within * 1000)

    async def is_synced(self, *, within: float = 30) -> None:
        """Wait until the provider has its first step 2."""
        await self._ask("synced", within=within * 1000)

    async def closes(self, count: int = 1, *, within: float = 30) -> list[Socket]:
        """Wait until so many sockets of this client have closed; return all of its sockets."""
        await self._ask("closes", count=count, within=within * 1000)
        return await self.sockets()

    async def keeps_its_socket(self, *, seconds: float) -> None:
        """Watch this long that no socket of this client closes."""
        try:
            sockets = await self.closes(within=seconds)
        except AssertionError:
            return
        raise AssertionError(f"{self.name} lost its socket: {sockets}")

    async def receives(self, within: float = 30, **pattern: object) -> dict[str, Any]:
        """Wait for a frame with these fields (see `frames.mjs`) and return the first that fits."""
        frame: dict[str, Any] = await self._ask("receives", pattern=pattern, within=within * 1000)
        return frame

    async def frames(self) -> list[dict[str, Any]]:
        """Every frame that arrived so far."""
        frames: list[dict[str, Any]] = await self._ask("frames")
        return frames

    async def sockets(self) -> list[Socket]:
        """Every socket that the provider opened so far."""
        return [Socket(**socket) for socket in (await self._ask("connection"))["sockets"]]

    async def gave_up(self) -> int | None:
        """The close code with which the provider's `closed` event stopped it, if it did."""
        closed = (await self._ask("connection"))["closed"]
        return None if closed is None else int(closed["code"])

    async def disconnect(self) -> None:
        """Say goodbye and stay offline; edits go on."""
        await self._ask("disconnect")

    async def connect(self) -> None:
        """Come back after `disconnect`."""
        await self._ask("connect")

    async def vanish(self) -> None:
        """Lose the socket without a goodbye, and stay away."""
        await self._ask("vanish")

    async def leave(self) -> None:
        """Destroy the provider and the document."""
        await self._ask("destroy")

    async def _ask(self, do: str, **arguments: object) -> Any:
        try:
            return await self._node.ask(do, peer=self.name, **arguments)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}") from None


class CollabPeer(Peer):
    """A client of `/collab`. What its provider tells of itself is read with `provider` and `client`, the
    record of what it told its application (`collab.mjs`)."""

    async def is_saved(self, *, within: float = 30) -> None:
        """Wait until the provider is synced, and counts no change that is not known to be durable."""
        await self.sees("[provider.synced, provider.unsyncedChanges]", [True, 0], within=within)

    async def is_denied(self, *, within: float = 30) -> str:
        """Wait until the provider was denied its document; returns the last reason."""
        await self.sees("client.refusals.length > 0", True, within=within)
        return str(await self.read("client.refusals.at(-1)"))

    async def unsynced(self) -> list[int]:
        """Every number of unsynced changes that the provider has told so far."""
        numbers: list[int] = await self.read("client.unsynced")
        return numbers


class Clients:
    """Opens peers at one Node process."""

    def __init__(self, node: NodeProcess) -> None:
        self._node = node

    async def open(
        self,
        name: str,
        provider: ProviderVersion,
        url: str,
        document: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Peer:
        """Start a client and return at once; its provider connects meanwhile."""
        options = {"url": url, "room": document, "params": dict(params or {}), "headers": dict(headers or {})}
        await self._node.ask("open", peer=name, provider=provider, **options)
        return Peer(self._node, name)

    async def open_collab(
        self,
        name: str,
        provider: CollabVersion,
        url: str,
        document: str,
        *tokens: str,
        socket: str | None = None,
        write: str = "",
        write_attached: str = "",
        **options: object,
    ) -> CollabPeer:
        """Start a client of `/collab` and return at once.

        `tokens` are given one after another. Clients with the same `socket` share it. `write` is run
        before the provider is attached to its socket, `write_attached` right after, before it is open.
        `options` are the provider's own.
        """
        await self._node.ask(
            "openCollab",
            peer=name,
            provider=provider,
            url=url,
            room=document,
            tokens=tokens,
            socket=socket or name,
            write=write,
            writeAttached=write_attached,
            options=options,
        )
        return CollabPeer(self._node, name)


@asynccontextmanager
async def node_clients() -> AsyncIterator[Clients]:
    """Run the Node process; its peers end with it."""
    if not (HERE / "node_modules").is_dir():
        raise RuntimeError("the npm clients are not installed; run `npm ci` in tests/interop")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "driver.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT,
    )
    node = NodeProcess(process)
    answers = asyncio.create_task(node.read_answers())
    try:
        yield Clients(node)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await answers
