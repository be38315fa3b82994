"""Makes what a server needs on disk: the cluster with its database, and a folder for its socket.

Takes the data folder and the identity that Postgres runs as, gives folders that this identity may
use. Starts no server, and is only called by the owner of the data folder.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from store.postgres_errors import NoSocketFolder, OtherMajorVersion, UnusableFolder
from store.postgres_lookup import SOCKET_NAME, end_predecessors
from store.postgres_process import Identity, choose_identity, hand_over, run_tool, settings_arguments

DATABASE = "webhost"


def prepare_cluster(data_dir: Path, bin_dir: Path, settings: Mapping[str, str]) -> Identity:
    """Make the cluster if there is none, with nobody serving it, and return whom to serve it as.

    Raises:
        EmbeddedPostgresError: `BinariesUnusable`, `ForeignFolder`, `OtherMajorVersion`, `UnusableFolder`,
            `StartFailed`.
    """
    cluster = data_dir / "cluster"
    if not cluster.exists():
        identity, major = choose_identity(bin_dir, data_dir)
        _make_cluster(data_dir, bin_dir, identity, int(major), settings.get("fsync", "on"))
        return identity
    identity, major = choose_identity(bin_dir, cluster)
    try:
        written_by = (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError as error:
        raise UnusableFolder(cluster, "it holds something else (no PG_VERSION)") from error
    if written_by != major:
        raise OtherMajorVersion(cluster, written_by, bin_dir, major)
    end_predecessors(cluster)
    if identity.owner and cluster.stat().st_uid != identity.owner[0]:
        os.chown(data_dir, *identity.owner)
        hand_over(cluster, identity)  # it was made where user namespaces were allowed
    if identity.owner or cluster.stat().st_uid == os.geteuid():
        cluster.chmod(0o700)  # orchestrators open their volumes to a group, and Postgres then refuses them
    return identity


def _make_cluster(data_dir: Path, bin_dir: Path, identity: Identity, major: int, fsync: str) -> None:
    """Make the cluster and its database under another name, then rename it.

    So a half-made one, left by a crash, is never taken for a whole one.
    """
    for leftover in data_dir.glob("new-cluster-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # a dying initdb may be removing it, too
    new = Path(tempfile.mkdtemp(prefix="new-cluster-", dir=data_dir))
    if identity.owner:
        os.chown(data_dir, *identity.owner)  # or it could not enter
    hand_over(new, identity)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums"]
    if major >= 17:
        # Its order never changes with the system's libraries, which would break the indexes on text.
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        options += ["--locale=C.UTF-8"]
    if fsync == "off":
        options.append("--no-sync")
    run_tool(identity, [str(bin_dir / "initdb"), "-D", str(new), *options])
    single = [str(bin_dir / "postgres"), "--single", "-D", str(new)]
    single += settings_arguments({"exit_on_error": "on", "fsync": fsync})
    run_tool(identity, [*single, "postgres"], send=f"create database {DATABASE}\n")
    new.rename(data_dir / "cluster")
    for folder in (data_dir, data_dir.parent):
        _flush(folder)


def _flush(folder: Path) -> None:
    """Make a rename inside this folder survive a power cut: the leftover's name would be deleted."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def socket_folder(data_dir: Path, identity: Identity) -> Iterator[Path]:
    """Give a folder for the socket that only its owner may enter.

    Inside the data folder if a socket can be made there; else a temporary one. It is tried out, since
    paths may have 107 bytes (103 on macOS) and some shared file systems have no sockets. A comma
    can't be in it, because URLs separate hosts by commas.
    """
    inside = data_dir / "socket"
    inside.mkdir(exist_ok=True)
    inside.chmod(0o700)
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
    if "," in str(folder):
        return False
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
