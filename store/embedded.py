"""Keeps one Postgres for a data folder, shared by all processes that use the folder.

Takes a data folder, gives the URL of a database in it. The first process to come owns the
server: it makes the cluster, starts it, and stops it at the end. Those that come later get the
same server through its socket. Knows no table. There is no TCP port and no password: whoever may
enter the socket's folder (its owner and root) is trusted.

The data folder holds `cluster` (Postgres's own), `owner.lock`, `postgres.log` and mostly `socket`.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TextIO
from urllib.parse import quote

from store.postgres_binaries import find_bin_dir
from store.postgres_cluster import DATABASE, prepare_cluster, socket_folder
from store.postgres_errors import (
    ForeignFolder,
    NotMainThread,
    OwnerWithoutServer,
    StartFailed,
    UnusableFolder,
)
from store.postgres_lookup import (
    Server,
    find_server,
    marker_of,
    read_pid_file,
    remove_leftovers,
    server_processes,
)
from store.postgres_process import (
    HAS_DEATH_SIGNAL,
    Process,
    hand_over,
    log_tail,
    settings_arguments,
    start_server,
    stop_server,
)

LOCK_NAME = "owner.lock"
LOG_LIMIT = 16 * 1024 * 1024
"""Bytes after which the log is put aside at the next start; one older log is kept."""

# What isn't here is Postgres's own default; above all fsync and synchronous_commit are on.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "128MB",  # modest: a laptop has other things to hold, and the page cache backs it
        # By default a bulk load makes a checkpoint every 5 s. Twice the log is fewer of them, and
        # still only seconds of recovery after a crash.
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        # Files in the cluster, not in /dev/shm: containers give that 64 MB, and a killed server's stay in it.
        "dynamic_shared_memory_type": "mmap",
        "jit": "off",  # the statements are short; compiling one takes longer than running it
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A server that can be connected to.

    1. `url` is understood by asyncpg and libpq; with `postgresql+asyncpg://` by SQLAlchemy.
    2. Only where `owned` is true does the server end with the context; the others' end is nothing to it.
    """

    url: str
    socket_dir: Path
    pid: int
    owned: bool


@contextmanager
def embedded(
    data_dir: Path,
    *,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    patience: float = 60.0,
) -> Iterator[EmbeddedPostgres]:
    """Give the Postgres of this data folder: start it, or join the one that another process owns.

    `settings` are Postgres's, over `SETTINGS`; a process that joins gets the owner's. `patience` is
    how long, in seconds, to wait for another owner's server to appear. There is no limit to a start of
    our own: recovery after a crash takes what it takes. An owner must not fork without exec
    (multiprocessing's "fork"), because the fork would keep the folder locked after the owner's death.

    Raises:
        EmbeddedPostgresError: with what is wrong and what to do (see `postgres_errors`).
    """
    _check_thread()
    with ExitStack() as stack:
        data_dir = _prepare(data_dir)
        server = _own_or_find(data_dir, stack, patience)
        if server is None:
            yield stack.enter_context(_owned(data_dir, find_bin_dir(bin_dir), settings))
        else:
            yield _connection(server, owned=False)


def running(data_dir: Path) -> str | None:
    """Return the URL of the server of this data folder if one is ready, without starting any.

    Raises:
        ForeignFolder: the folder is another user's.
    """
    server = _find(data_dir)
    return _connection(server, owned=False).url if server and server.ready else None


def _check_thread() -> None:
    thread = threading.current_thread()
    if HAS_DEATH_SIGNAL and thread is not threading.main_thread():
        raise NotMainThread(thread.name)


def _prepare(data_dir: Path) -> Path:
    """Make the data folder and return its real path."""
    data_dir = data_dir.expanduser().resolve()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableFolder(data_dir, error.strerror or str(error)) from error
    return data_dir


def _find(data_dir: Path) -> Server | None:
    try:
        return find_server(data_dir / "cluster")
    except PermissionError as error:
        raise ForeignFolder(data_dir, data_dir.stat().st_uid, os.geteuid()) from error


def _connection(server: Server, *, owned: bool) -> EmbeddedPostgres:
    url = f"postgresql://postgres@/{DATABASE}?host={quote(str(server.socket_dir), safe='/')}"
    return EmbeddedPostgres(url, server.socket_dir, server.pid, owned)


def _own_or_find(data_dir: Path, stack: ExitStack, patience: float) -> Server | None:
    """Take the owner's lock for the life of `stack` and return None, or return the owner's server."""
    lock = stack.enter_context(_open_lock(data_dir))
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            lock.truncate(0)
            lock.write(f"process {os.getpid()}\n")
            lock.flush()
            return None
        server = _find(data_dir)
        if server and server.ready:
            return server
        if server_processes(data_dir / "cluster"):
            deadline = time.monotonic() + patience  # it is starting, recovering or stopping
        if time.monotonic() > deadline:
            lock.seek(0)
            raise OwnerWithoutServer(data_dir, lock.read().strip() or "another process")
        time.sleep(0.02)


def _open_lock(data_dir: Path) -> TextIO:
    try:
        return (data_dir / LOCK_NAME).open("a+")
    except PermissionError as error:
        raise ForeignFolder(data_dir, data_dir.stat().st_uid, os.geteuid()) from error
    except OSError as error:
        raise UnusableFolder(data_dir, error.strerror or str(error)) from error


@contextmanager
def _owned(data_dir: Path, bin_dir: Path, settings: Mapping[str, str]) -> Iterator[EmbeddedPostgres]:
    """Run the server of this folder; only under the owner's lock."""
    cluster, log_file = data_dir / "cluster", data_dir / "postgres.log"
    identity = prepare_cluster(data_dir, bin_dir, settings)
    with socket_folder(data_dir, identity) as socket_dir:
        remove_leftovers(cluster, socket_dir)
        required = {
            "listen_addresses": "",
            "unix_socket_directories": '"{}"'.format(str(socket_dir).replace('"', '""')),
            "unix_socket_permissions": "0700",
            "cluster_name": marker_of(cluster),
        }
        arguments = settings_arguments({**SETTINGS, **settings, **required})
        log_start = _open_log(log_file)
        for file in (data_dir / LOCK_NAME, log_file):
            hand_over(file, identity)  # so that the folder's owner can also go on without root
        process = start_server(
            identity, [str(bin_dir / "postgres"), "-D", str(cluster), *arguments], log_file
        )
        try:
            server = _ready(process, cluster)
            if server is None:
                raise StartFailed("starting Postgres", log_tail(log_file, log_start), log_file)
            yield _connection(server, owned=True)
        finally:
            stop_server(process)


def _ready(process: Process, cluster: Path) -> Server | None:
    """Wait until our server takes connections; None: it has ended instead."""
    while process.poll() is None:
        server = read_pid_file(cluster)
        if server and server.ready and server.pid == process.pid:
            return server
        time.sleep(0.005)
    return None


def _open_log(log_file: Path) -> int:
    """Put a long log aside, and return the size in bytes of what earlier servers wrote."""
    log_file.touch(mode=0o600)
    if log_file.stat().st_size > LOG_LIMIT:
        log_file.replace(log_file.with_suffix(".log.1"))
        log_file.touch(mode=0o600)
    return log_file.stat().st_size
