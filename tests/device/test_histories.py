"""Whatever happens in between, the server ends up with exactly what the device was given."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Map

from tests.device.conftest import NOON_MS
from tests.device.sync_server import KEY, SyncServer, sync_server
from webhost_sync.device import Device, DeviceSettings
from webhost_sync.errors import TryAgain

DAY_MS = 86_400_000

Step = tuple[str, int]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 2)),
        st.tuples(st.just("record"), st.integers(0, 2)),
        st.tuples(st.just("set"), st.integers(0, 3)),
        st.tuples(st.just("delete"), st.integers(0, 3)),
        st.tuples(
            st.sampled_from(
                ["sync", "lose request", "lose answer", "restart", "backup", "restore", "repeat"]
            ),
            st.integers(0, 9),
        ),
    ),
    max_size=40,
)


class History:
    """A device, its server, and what the device was told is stored."""

    def __init__(self, server: SyncServer, path: Path) -> None:
        self._server = server
        self._path = path
        self._backup: dict[str, bytes] = {}
        self.recorded: dict[int, int] = {}
        self.fields: dict[str, float] = {}

    def device(self) -> Device:
        return Device(
            self._path,
            url=self._server.url,
            credential=KEY,
            vehicle_id="truck-7",
            settings=DeviceSettings(chunk_fixes=3),
        )

    async def play(self, steps: Sequence[Step]) -> None:
        """Take the steps, opening the device anew at each restart."""
        remaining = list(steps)
        while remaining:
            async with self.device() as device:
                while remaining and (step := remaining.pop(0))[0] != "restart":
                    await self._take(device, *step)

    async def _take(self, device: Device, kind: str, number: int) -> None:
        notes = device.document("notes").get("fields", type=Map)
        if kind == "record":
            fix_time_ms = NOON_MS + number * DAY_MS + len(self.recorded) * 1000
            self.recorded[await device.record(48.1, 11.5, fix_time_ms=fix_time_ms)] = fix_time_ms
        elif kind == "set":
            self.fields[f"key {number}"] = notes[f"key {number}"] = float(len(self.recorded))
        elif kind == "delete" and f"key {number}" in notes:
            del notes[f"key {number}"], self.fields[f"key {number}"]
        elif kind == "backup":
            self._backup = self._server.backup()
        elif kind == "restore":
            self._server.restore(self._backup)
        elif kind == "repeat":
            self._server.repeat(number)
        elif kind in ("sync", "lose request", "lose answer"):
            self._server.lose_requests = kind == "lose request"
            self._server.lose_answers = kind == "lose answer"
            with suppress(TryAgain):
                await device.sync()
            self._server.lose_requests = self._server.lose_answers = 0


@settings(max_examples=25, deadline=None)
@given(STEPS)
async def test_the_server_ends_with_exactly_what_was_recorded(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        async with sync_server() as server:
            history = History(server, Path(folder) / "device.db")
            await history.play(steps)
            async with history.device() as device:
                await device.sync()
                await device.verify()
                assert device.status.everything_durable
                assert device.status.durable_fixes == len(history.recorded)
            assert [(fix.sequence, fix.fix_time_ms) for fix in server.fixes()] == list(
                history.recorded.items()
            )
            assert dict(server.room("notes").doc.get("fields", type=Map)) == history.fields
