"""Runs Postgres programs as a user that Postgres accepts.

Takes commands and an identity, gives finished outputs or a started child. Knows nothing of
ownership, of connections, or of when a server should run; `embedded` decides that.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from store import postgres_child
from store.postgres_errors import BinariesUnusable, ForeignFolder, StartFailed

Process = subprocess.Popen[bytes]

HAS_DEATH_SIGNAL = sys.platform == "linux"
# LC_ALL must name a locale on macOS, or Postgres refuses to start; messages are matched in English.
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom Postgres runs as. `argument` is what `postgres_child` takes."""

    argument: str
    name: str
    owner: tuple[int, int] | None = None
    """User and group id to which new files must be handed over; None: they are ours already."""


SAME = Identity("same", "this user")
NAMESPACE = Identity("namespace", "root in a user namespace")


def user_identity(user_id: int, group_id: int) -> Identity:
    """Return the identity of another user, which only root can take on."""
    return Identity(f"{user_id}:{group_id}", f"user id {user_id}", (user_id, group_id))


def identities_for(folder: Path) -> tuple[Identity, ...]:
    """Return whom Postgres may run as for this folder, best first.

    The folder's owner is the record: what was made as one user is served as that user. Postgres
    refuses root, so root uses a user namespace, or the user `nobody` where namespaces are refused.

    Raises:
        ForeignFolder: we aren't root, and the folder is neither ours nor one that we may write.
    """
    status, us = folder.stat(), os.geteuid()
    if us != 0:
        if status.st_uid != us and not os.access(folder, os.W_OK):
            raise ForeignFolder(folder, status.st_uid, us)
        return (SAME,)
    if status.st_uid != 0:
        return (user_identity(status.st_uid, status.st_gid),)
    try:
        nobody = pwd.getpwnam("nobody")
        fallback = user_identity(nobody.pw_uid, nobody.pw_gid)
    except KeyError:
        fallback = user_identity(65534, 65534)
    return (NAMESPACE, fallback) if sys.platform == "linux" else (fallback,)


def choose_identity(bin_dir: Path, folder: Path) -> tuple[Identity, str]:
    """Return the first identity that can run `postgres`, and its major version ("18").

    Raises:
        BinariesUnusable: none can; libraries are missing, or the programs can't be reached.
        ForeignFolder: see `identities_for`.
    """
    for identity in identities_for(folder):
        result = _run(identity, [str(bin_dir / "postgres"), "--version"])
        if result.returncode != postgres_child.NAMESPACE_REFUSED:
            break
    version = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    if result.returncode or not version:
        raise BinariesUnusable(bin_dir, identity.name, result.stderr or result.stdout)
    return identity, version[1]


def run_tool(identity: Identity, command: Sequence[str], *, send: str = "") -> None:
    """Run a Postgres program to its end.

    Raises:
        StartFailed: it failed; carries what it printed.
    """
    result = _run(identity, command, send)
    if result.returncode:
        raise StartFailed(f"`{Path(command[0]).name}`", _last_lines(result.stdout + result.stderr))


def start_server(identity: Identity, command: Sequence[str], log_file: Path, *, watch: str = "") -> Process:
    """Start `postgres`, which is interrupted when this process (on Linux: this thread) dies.

    Its process group is its own, so that Ctrl-C in a terminal reaches us and not Postgres.
    """
    watch = watch or ("signal" if HAS_DEATH_SIGNAL else "pipe")
    with log_file.open("ab") as log:
        return subprocess.Popen(
            _child(identity, watch, command),
            stdin=subprocess.PIPE if watch == "pipe" else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
        )


def stop_server(process: Process, *, fast_within: float = 60.0) -> None:
    """Stop a server that we started: fast; then at once, which costs a recovery; then by force."""
    for number, patience in ((signal.SIGINT, fast_within), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(patience)
            break
        except subprocess.TimeoutExpired:
            continue
    if process.stdin:
        process.stdin.close()


def hand_over(folder: Path, identity: Identity) -> None:
    """Give a folder and all in it to the user that Postgres runs as, if that isn't us."""
    if identity.owner is None:
        return
    os.chown(folder, *identity.owner)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), *identity.owner, follow_symlinks=False)


def log_tail(log_file: Path, start: int = 0) -> str:
    """Return the last lines that were written after the byte at `start`."""
    with log_file.open("rb") as log:
        log.seek(max(start, log_file.stat().st_size - 16_384))
        return _last_lines(log.read().decode(errors="replace"))


def _last_lines(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])


def _child(identity: Identity, watch: str, command: Sequence[str]) -> list[str]:
    own = [sys.executable, "-I", "-S", str(Path(postgres_child.__file__))]
    return [*own, identity.argument, watch, str(os.getpid()), *command]


def _run(identity: Identity, command: Sequence[str], send: str = "") -> subprocess.CompletedProcess[str]:
    watch = "signal" if HAS_DEATH_SIGNAL else "none"
    return subprocess.run(
        _child(identity, watch, command),
        input=send,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
    )


def settings_arguments(settings: Mapping[str, str]) -> list[str]:
    """Return Postgres settings as arguments of `postgres`."""
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
