"""The end of a socket that we end: its close frame, and a count of it."""

from __future__ import annotations

from webhost_sync.errors import SyncError
from webhost_sync.metrics import Recorder
from webhost_sync.sync.transport import Transport


async def end_socket(transport: Transport, recorder: Recorder, error: SyncError) -> None:
    """Close with the code and the reason of the error."""
    recorder.note_close(error.close_code)
    await transport.close(error.close_code, error.reason)
