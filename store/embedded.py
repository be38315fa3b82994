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
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from store.postgres_binaries import find_bin_dir
from store.postgres_errors import (
    ForeignFolder,
    NoSocketFolder,
    NotMainThread,
    OtherMajorVersion,
    OwnerWithoutServer,
    StartFailed,
)
from store.postgres_lookup import (
    SOCKET_NAME,
    Server,
    end_predecessors,
    find_server,
    marker_of,
    remove_leftovers,
    server_processes,
)
from store.postgres_process import (
    HAS_DEATH_SIGNAL,
    Identity,
    choose_identity,
    hand_over,
    log_tail,
    run_tool,
    settings_arguments,
    start_server,
    stop_server,
)

DATABASE = "webhost"
LOG_LIMIT = 16 * 1024 * 1024

# What isn't here is Postgres's own default; above all fsync and synchronous_commit are on.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "128MB",  # modest: a laptop has other things to hold, and the page cache backs it
        # By default a bulk load makes a checkpoint every 5 s. Twice the log is fewer of them, and
        # still only seconds of recovery after a crash.
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
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
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
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
    try:
        lock = stack.enter_context((data_dir / "owner.lock").open("a+"))
    except PermissionError as error:
        raise ForeignFolder(data_dir, data_dir.stat().st_uid, os.geteuid()) from error
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


@contextmanager
def _owned(data_dir: Path, bin_dir: Path, settings: Mapping[str, str]) -> Iterator[EmbeddedPostgres]:
    cluster, log_file = data_dir / "cluster", data_dir / "postgres.log"
    identity, major = choose_identity(bin_dir, cluster if cluster.exists() else data_dir)
    _check_version(cluster, bin_dir, major)
    _make_cluster(data_dir, bin_dir, identity, major, settings)
    end_predecessors(cluster)
    if identity.owner and cluster.stat().st_uid != identity.owner[0]:
        os.chown(data_dir, *identity.owner)
        hand_over(cluster, identity)  # made where user namespaces were allowed, which they aren't here
    with _socket_folder(data_dir, identity) as socket_dir:
        remove_leftovers(cluster, socket_dir)
        if log_file.exists() and log_file.stat().st_size > LOG_LIMIT:
            log_file.replace(log_file.with_suffix(".log.1"))
        log_start = log_file.stat().st_size if log_file.exists() else 0
        required = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
            "cluster_name": marker_of(cluster),
        }
        arguments = settings_arguments({**SETTINGS, **settings, **required})
        process = start_server(
            identity, [str(bin_dir / "postgres"), "-D", str(cluster), *arguments], log_file
        )
        try:
            while not ((server := find_server(cluster)) and server.ready and server.pid == process.pid):
                if process.poll() is not None:
                    raise StartFailed("starting Postgres", log_tail(log_file, log_start), log_file)
                time.sleep(0.005)
            yield _connection(server, owned=True)
        finally:
            stop_server(process)


def _check_version(cluster: Path, bin_dir: Path, major: str) -> None:
    if not cluster.exists():
        return
    written_by = (cluster / "PG_VERSION").read_text().strip()
    if written_by != major:
        raise OtherMajorVersion(cluster, written_by, bin_dir, major)


def _make_cluster(
    data_dir: Path, bin_dir: Path, identity: Identity, major: str, settings: Mapping[str, str]
) -> None:
    """Make the cluster with its database if there is none.

    It is made under another name and then renamed, so that a half-made one is never taken for whole.
    """
    cluster = data_dir / "cluster"
    if cluster.exists():
        return
    for leftover in data_dir.glob("new-cluster-*"):
        shutil.rmtree(leftover)
    new = Path(tempfile.mkdtemp(prefix="new-cluster-", dir=data_dir))
    if identity.owner:
        os.chown(data_dir, *identity.owner)  # or it could not enter
    hand_over(new, identity)
    # The builtin provider doesn't change its order with the system's libraries, which would break indexes.
    locale = (
        ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if int(major) >= 17
        else ["--locale=C.UTF-8"]
    )
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums", *locale]
    if settings.get("fsync") == "off":
        options.append("--no-sync")
    run_tool(identity, [str(bin_dir / "initdb"), "-D", str(new), *options])
    unsafe = settings_arguments({"exit_on_error": "on", "fsync": settings.get("fsync", "on")})
    single = [str(bin_dir / "postgres"), "--single", "-D", str(new), *unsafe, "postgres"]
    run_tool(identity, single, send=f"create database {DATABASE}\n")
    new.rename(cluster)


@contextmanager
def _socket_folder(data_dir: Path, identity: Identity) -> Iterator[Path]:
    """Give a folder for the socket that only its owner may enter.

    Inside the data folder if a socket can be made there; else a temporary one. It is tried out, since
    paths may have 107 bytes (103 on macOS) and some shared file systems have no sockets.
    """
    inside = data_dir / "socket"
    inside.mkdir(mode=0o700, exist_ok=True)
    if _can_bind(inside):
        hand_over(inside, identity)
        yield inside
        return
    tried = [str(inside)]
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):
        with tempfile.TemporaryDirectory(prefix="postgres-", dir=parent) as name:
            tried.append(name)
            if _can_bind(Path(name)):
                hand_over(Path(name), identity)
                yield Path(name)
                return
    raise NoSocketFolder(tuple(tried))


def _can_bind(folder: Path) -> bool:
    # As long as the longest name that will be made there.
    trial = folder / f"{SOCKET_NAME[:-1]}x"
    trial.unlink(missing_ok=True)  # a crash may have left it
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(trial))
        except OSError:
            return False
    trial.unlink()
    return True
