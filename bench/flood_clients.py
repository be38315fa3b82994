"""Clients that mean harm: sockets that send updates as fast as they are taken, and requests without a pause.

    python -m bench.flood_clients ADDRESS [--sockets 200] [--requests 50]

A process of its own, so that it takes nothing from whoever measures beside it. A key for the sockets and
half of the requests comes on the first line of stdin; the other half make one up. Says when all have come.
Ends when stdin does, and then prints JSON: how many sockets were closed by which code, and answers by status.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from itertools import cycle

import uvloop

from bench.frames import CLOSE, client_frame, split_frames
from bench.updates import make_updates

DOCUMENTS = 10
UPDATES = 1000
"""Of each writer; then it sends them again."""
BURST = 50
COME_BACK = 0.1
READY = b"flooding\n"
"""The first line on stdout: every socket has been connected once."""
UNKNOWN = "whs_live_" + "0" * 64
_UPGRADE = (
    "GET /sync/flood-{number}?apiKey={key} HTTP/1.1\r\nHost: flood\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: d2ViaG9zdC1zeW5jIGJlbg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_REQUEST = "GET /api/documents/flood-0 HTTP/1.1\r\nHost: flood\r\nAuthorization: Bearer {key}\r\n\r\n"


class Flood:
    """What the clients share: where to, as whom, and what came of it."""

    def __init__(self, host: str, port: int, key: str, sockets: int) -> None:
        self._host, self._port, self._key, self._sockets = host, port, key, sockets
        self.closes: Counter[int] = Counter()
        self.statuses: Counter[int] = Counter()
        self.sent = 0
        self.came: set[int] = set()
        self.all_came = asyncio.Event()

    async def write(self, number: int) -> None:
        """One socket after another, each as fast as it is taken."""
        frames = [
            client_frame(b"\x00\x02" + _with_length(update)) for update in make_updates(f"f{number}", UPDATES)
        ]
        bursts = cycle(b"".join(frames[at : at + BURST]) for at in range(0, UPDATES, BURST))
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
                upgrade = _UPGRADE.format(number=number % DOCUMENTS, key=self._key)
                writer.write(upgrade.encode())
                await reader.readuntil(b"\r\n\r\n")
                self.came.add(number)
                if len(self.came) == self._sockets:
                    self.all_came.set()
                listening = asyncio.create_task(self._listen(reader))
                try:
                    while not listening.done():
                        writer.write(next(bursts))
                        await writer.drain()
                        self.sent += BURST
                finally:
                    listening.cancel()
                    writer.close()
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(COME_BACK)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Read what comes, until the server closes."""
        rest = b""
        while data := await reader.read(1 << 16):
            frames, rest = split_frames(rest + data)
            for opcode, payload in frames:
                if opcode == CLOSE:
                    self.closes[int.from_bytes(payload[:2], "big")] += 1
                    return

    async def ask(self, number: int) -> None:
        """One request after another."""
        request = _REQUEST.format(key=self._key if number % 2 else UNKNOWN).encode()
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
                while True:
                    writer.write(request)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    self.statuses[int(head[9:12])] += 1
                    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(length or b"0"))
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(COME_BACK)


async def flood(flood: Flood, sockets: int, requests: int) -> None:
    """Until stdin ends."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(flood.write(number)) for number in range(sockets)]
        running += [tasks.create_task(flood.ask(number)) for number in range(requests)]
        await flood.all_came.wait()
        sys.stdout.write(READY.decode())
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in running:
            task.cancel()


def _with_length(update: bytes) -> bytes:
    head = bytearray()
    length = len(update)
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    return bytes([*head, length]) + update


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("address", help="host:port of the server")
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--requests", type=int, default=50)
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    clients = Flood(host, int(port), sys.stdin.readline().strip(), options.sockets)
    uvloop.run(flood(clients, options.sockets, options.requests))
    print(json.dumps({"closes": clients.closes, "statuses": clients.statuses, "updates": clients.sent}))


if __name__ == "__main__":
    main()
