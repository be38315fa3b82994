"""Becomes a Postgres program: the process between us and `postgres`, run by its path.

Takes its orders as arguments: `IDENTITY WATCH PARENT_PID PROGRAM ARGUMENTS...`. Changes who it is,
arranges to be told (SIGINT, Postgres's fast shutdown) when its parent dies, and turns into the
program, keeping its process id. Knows no cluster. It is a program and not a `preexec_fn`, because
Python code between fork and exec can deadlock in a process that has threads.

IDENTITY: `same`; `namespace` (a user namespace of its own, in which root isn't root); `UID:GID`.
WATCH: `signal` (Linux: the kernel sends it); `pipe` (elsewhere: standard input ends); `none`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

NAMESPACE_REFUSED = 97
CANNOT_EXECUTE = 98
_PARENT_IS_GONE = 99
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_CLONE_NEWUSER = 0x10000000  # linux/sched.h
_NOBODY = 65534


def main(identity: str, watch: str, parent_pid: str, *command: str) -> int:
    """Turn into `command`; return an exit code only where that is not possible."""
    if identity == "namespace":
        try:
            _leave_root_by_namespace()
        except OSError as error:
            sys.stderr.write(f"no user namespace: {error}\n")
            return NAMESPACE_REFUSED
    elif identity != "same":
        user, group = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if watch == "signal":
        # After the change of identity, which would clear it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != int(parent_pid):  # it died before we asked
            return _PARENT_IS_GONE
    elif watch == "pipe":
        _watch_standard_input()
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return CANNOT_EXECUTE


def _leave_root_by_namespace() -> None:
    """Enter a user namespace in which root outside is `nobody` inside: files stay root's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{_NOBODY} 0 1")
    (own / "gid_map").write_text(f"{_NOBODY} 0 1")


def _watch_standard_input() -> None:
    """Leave a child behind that interrupts this process when standard input ends."""
    postgres = os.getpid()
    if os.fork() == 0:
        while os.read(0, 1):
            pass
        if os.getppid() == postgres:  # otherwise it has ended, and the number may be someone else's
            os.kill(postgres, signal.SIGINT)
        os._exit(0)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
