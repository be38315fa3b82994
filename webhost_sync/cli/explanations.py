"""What a command says when it can't go on: what happened, why, and what to do, as text on stderr.

Errors that a person can do something about come with their own words. Any other is a bug: one line, and
the traceback in a file that only this user can read.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Iterator

from store.contract import StoreError
from store.postgres_errors import EmbeddedPostgresError
from webhost_sync.auth.signing_secrets import UnusableSecret
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.shelf import ShelfError
from webhost_sync.cli.failures import CommandFailed
from webhost_sync.cli.settings import UnusableSettings
from webhost_sync.errors import InvalidRequest, SyncError
from webhost_sync.postgres import MissingSettings
from webhost_sync.redaction import Redactor
from webhost_sync.server import CannotListen
from webhost_sync.telemetry.tracing import OtelMissing

EXPLAINED = (
    CommandFailed,
    StoreError,
    EmbeddedPostgresError,
    SyncError,
    ShelfError,
    DamagedArchive,
    CannotListen,
    UnusableSettings,
    UnusableSecret,
    MissingSettings,
    OtelMissing,
)


def explain(error: Exception) -> str:
    """The text for a person; the details of a bug are written to a file, which the text names."""
    causes = list(_leaves(error))
    if all(isinstance(cause, EXPLAINED) for cause in causes):
        return Redactor().text("\n".join(dict.fromkeys(map(_told, causes))))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return Redactor().text(f"{where}{error.strerror.lower()}; check the path, its rights and the disk")
    kinds = ", ".join(dict.fromkeys(type(cause).__name__ for cause in causes))
    return (
        f"a bug of webhost-sync: {kinds}. The details are in {_keep_traceback(error)}; "
        "please report them. `webhost-sync --debug …` shows them here"
    )


def _told(error: BaseException) -> str:
    """What is wrong with an argument is told as it is: nobody made a request."""
    return error.detail if isinstance(error, InvalidRequest) and error.detail else str(error)


def traceback_of(error: Exception) -> str:
    """The plain traceback, without local variables and without credentials."""
    return Redactor().text("".join(traceback.format_exception(error)))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, however deep: a task group wraps what its tasks raise."""
    if isinstance(error, BaseExceptionGroup):
        for child in error.exceptions:
            yield from _leaves(child)
    else:
        yield error


def _keep_traceback(error: Exception) -> str:
    handle, path = tempfile.mkstemp(prefix="webhost-sync-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write(traceback_of(error))
    return path
