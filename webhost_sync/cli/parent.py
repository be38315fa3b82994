"""Ends this process when the one that started it is gone, however that died.

The parent holds the other end of our standard input; the kernel closes it even after SIGKILL. Then we
get what SIGTERM gives: an orderly stop. Works on every Unix, and needs no process id that could be
somebody else's by now.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

PATIENCE = 5.0
"""Seconds for the orderly stop; then a second SIGTERM, which the server takes for "at once"."""


def stop_when_stdin_ends() -> None:
    """Watch standard input from a thread of its own, which does not keep the process alive."""
    threading.Thread(target=_watch, name="stdin watch", daemon=True).start()


def _watch() -> None:
    descriptor = sys.stdin.fileno()
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGTERM)
