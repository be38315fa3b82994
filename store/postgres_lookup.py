"""Finds the server that already runs in a cluster's folder, and ends what an earlier owner left.

Takes the cluster's folder, gives what its `postmaster.pid` says, but only if the process behind it
is alive and serves this very folder: the file survives crashes, and its number may be someone
else's by now. Starts nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Server:
    """A live server: its process id and the folder of its socket."""

    pid: int
    socket_dir: Path
    ready: bool


def find_server(cluster: Path) -> Server | None:
    """Return the live server of this folder, or None."""
    server = read_pid_file(cluster)
    return server if server and server.pid in server_processes(cluster) else None


def read_pid_file(cluster: Path) -> Server | None:
    """Parse `postmaster.pid`: line 1 is the process, 5 the socket's folder, 8 the state."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < 5 or not lines[0].isdecimal():
        return None  # it is being written
    return Server(int(lines[0]), Path(lines[4]), len(lines) >= 8 and lines[7].strip() == "ready")


def server_processes(cluster: Path) -> frozenset[int]:
    """Return the ids of all live processes that serve this folder, orphans included."""
    if not cluster.exists():
        return frozenset()
    marker = re.compile(rf"\b{marker_of(cluster)}\b")
    return frozenset(pid for pid, title in _titles() if marker.search(title))


def marker_of(cluster: Path) -> str:
    """Return the `cluster_name` that every process of the server in this folder has in its title.

    Made from the folder's inode and not its path, so that links and renames don't matter. Titles are
    readable where `/proc/PID/cwd` isn't (containers without ptrace), and an unreaped process has none.
    """
    status = cluster.stat()
    return f"embedded-{status.st_dev:x}-{status.st_ino:x}"


def end_predecessors(cluster: Path, *, patience: float = 30.0) -> None:
    """Return when no process of an earlier server is alive: ask it to stop, then insist, then force.

    Mostly it is only waiting: the death of the earlier owner has already asked. Two servers in one
    folder would ruin it, so nothing may start before. The first signal goes to the parent process
    alone, because the checkpointer takes it for the order to write the last checkpoint.
    """
    server = read_pid_file(cluster)
    for number, limit in ((signal.SIGINT, patience), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        alive = server_processes(cluster)
        parents = alive & {server.pid} if server else frozenset[int]()
        for pid in parents if number == signal.SIGINT else alive:
            _signal(pid, number)
        deadline = time.monotonic() + limit
        while server_processes(cluster):
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        else:
            return


def remove_leftovers(cluster: Path, socket_dir: Path) -> None:
    """Remove the locks of a dead server, which a new one would take for a live one's.

    Only safe under the owner's lock and after `end_predecessors`.
    """
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (socket_dir / SOCKET_NAME).unlink(missing_ok=True)
    (socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it has ended meanwhile


def _titles() -> Iterator[tuple[int, str]]:
    """Yield id and title of every process that can be seen."""
    if sys.platform != "linux":
        listing = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, check=True)
        for line in listing.stdout.decode(errors="replace").splitlines():
            pid, _, title = line.strip().partition(" ")
            yield int(pid), title
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command_line = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            yield int(entry.name), command_line.replace(b"\0", b" ").decode(errors="replace")
