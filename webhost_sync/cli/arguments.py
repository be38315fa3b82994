"""The arguments that several commands share: how each is written, read and explained.

Text of the command line comes in, values go out; what can't be read is a usage error (exit code 2).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from webhost_sync.auth.principals import Grant, Scope, parse_scopes
from webhost_sync.errors import InvalidRequest
from webhost_sync.moments import read_point

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `15m`, `1h`, `30d` or `2w`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no duration; write it like 90s, 15m, 1h, 30d or 2w")
    try:
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError as error:
        raise typer.BadParameter(f"{text!r} is longer than time can be counted here") from error


def parse_point(text: str) -> int | datetime:
    """Read a point in a document's history: a seq, a time, or how long ago, as `4711` or `2h`."""
    try:
        return _read_point(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no point in time; write a seq as 4711, a time as 2026-05-01T12:00:00Z, or how long "
            "ago as 30m, 2h or 7d"
        ) from error


def parse_time(text: str) -> datetime:
    """Read a time, or how long ago, as `2026-05-01T12:00:00Z` or `2h`."""
    try:
        found = _read_point(text)
    except ValueError:
        found = 0
    if isinstance(found, int):
        raise typer.BadParameter(f"{text!r} is no time; write 2026-05-01T12:00:00Z, or 2h for two hours ago")
    return found


def _read_point(text: str) -> int | datetime:
    """Raises: ValueError."""
    if _DURATION.fullmatch(text.strip()):
        return datetime.now(UTC) - parse_duration(text)
    return read_point(text.strip())


def parse_grant(text: str) -> Grant:
    """Read `PATTERN=read,write`; without `=` the right is to read."""
    pattern, separator, rights = text.rpartition("=")
    try:
        return Grant.of(pattern, split_names(rights)) if separator else Grant.of(text, ["read"])
    except InvalidRequest as error:
        raise typer.BadParameter(f"{text!r}: {error.detail}; write it like 'tables/*=read,write'") from error


def parse_scope_list(text: str) -> frozenset[Scope]:
    """Read `read,write`, in any order."""
    try:
        return parse_scopes(split_names(text))
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from error


def split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")
]
TenantSlug = Annotated[
    str, typer.Option("--tenant", metavar="SLUG", help="The tenant, as `webhost-sync tenant list` shows it.")
]
TestSpace = Annotated[
    bool, typer.Option("--test", help="The tenant's test space; its keys never reach live data.")
]
DocumentName = Annotated[
    str, typer.Argument(help="The document's name, e.g. tables/vehicles.", show_default=False)
]
Host = Annotated[
    str | None,
    typer.Option("--host", metavar="ADDRESS", help="Address to listen on.  [default: HOST, or 127.0.0.1]"),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.  [default: PORT, or 8000]"
    ),
]
EndsWithStdin = Annotated[
    bool,
    typer.Option(
        "--until-stdin-ends",
        help="Stop when standard input ends, for a parent process that must leave nothing behind.",
    ),
]
