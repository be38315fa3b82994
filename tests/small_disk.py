"""Disks that are full for real, in every way that this machine and this user allow.

A small file system is mounted where that is permitted (as root, or in a user namespace). Everywhere the
kernel can limit how large a process may make any file, which refuses the same calls in the same places. A
test takes `WAYS` in turn, so it says the same on every machine and leaves nothing out.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from store.postgres_lookup import server_processes

MOUNTED, LIMITED = "a small file system", "a limit on files"
NAMESPACES = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))
PIECE = 128 * 1024
MOUNT = 'mount -t tmpfs -o "size=$1" none "$2" && echo mounted && exec cat'
LIMIT = (
    "import os, resource, sys; most = resource.getrlimit(resource.RLIMIT_FSIZE)[1];"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), most));"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


def _namespace() -> tuple[str, ...] | None:
    """What gives a process mounts of its own here."""
    for each in NAMESPACES:
        trial = (*each, "sh", "-c", "mount -t tmpfs -o size=64k none /mnt")
        with suppress(OSError):
            if subprocess.run(trial, capture_output=True, check=False).returncode == 0:
                return each
    return None


_NAMESPACE = _namespace()
WAYS = (LIMITED,) if _NAMESPACE is None else (LIMITED, MOUNTED)
"""For commands."""
WAYS_OF_POSTGRES = tuple(way for way in WAYS if way == LIMITED or NAMESPACES[0] == _NAMESPACE)
"""For a server that refuses to be root, as whom everybody appears in a user namespace."""


@dataclass
class SmallDisk:
    """`inside` stands before a command that is to have this disk; for it the disk is at `folder`, and for
    everybody else at `seen`."""

    inside: tuple[str, ...]
    folder: Path
    seen: Path

    def grow(self) -> None:
        """Make room."""
        if self.seen == self.folder:
            self.inside = ()
        else:
            subprocess.run(
                [*self.inside, "mount", "-t", "tmpfs", "-o", "remount,size=1g", "none", str(self.folder)],
                check=True,
            )

    def fill(self, but: int) -> Path:
        """Take all room but so many bytes, while others may write; returns the file that has it."""
        filler = self.seen / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while (usage := os.statvfs(self.seen)).f_bavail * usage.f_frsize > but:
                file.write(bytes(PIECE))
        return filler


@contextmanager
def small_disk(way: str, folder: Path, size: int) -> Iterator[SmallDisk]:
    """A disk of so many bytes at this folder; with a limit, one that holds files of so many bytes at most."""
    folder.mkdir(parents=True, exist_ok=True)
    if way == LIMITED:
        yield SmallDisk((sys.executable, "-c", LIMIT, str(size)), folder, folder)
        return
    assert _NAMESPACE is not None
    mount = [*_NAMESPACE, "sh", "-c", MOUNT, "sh", str(size), str(folder)]
    with subprocess.Popen(mount, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n"
        user = () if NAMESPACES[0] == _NAMESPACE else ("--user", "--preserve-credentials")
        inside = ("nsenter", f"--target={holder.pid}", "--mount", *user, f"--wd={Path.cwd()}")
        yield SmallDisk(inside, folder, Path(f"/proc/{holder.pid}/root{folder}"))
        holder.stdin.close()


def limit_files(cluster: Path, size: int) -> None:
    """Let no file of the Postgres in this folder grow beyond so many bytes; -1 lifts it."""
    for pid in server_processes(cluster):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            most = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, most))
