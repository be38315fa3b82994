"""How commands speak: facts on stdout as a table or one JSON document, everything else on stderr.

Knows no command. Colours and spinners appear on a terminal only (`NO_COLOR` is obeyed), and nothing is
cut to a width when the output goes to a file or a pipe.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.table import Table

UNLIMITED = 10_000
"""Columns of an output that isn't a terminal."""


def out() -> Console:
    """The console of facts."""
    return _console(stderr=False)


def err() -> Console:
    """The console of progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, highlight=False, emoji=False, markup=False, width=None if stream.isatty() else UNLIMITED
    )


def say(text: str = "", *, style: str | None = None) -> None:
    """Print a line of facts as it is, never broken into several."""
    out().print(text, style=style, soft_wrap=True)


def note(text: str, *, style: str | None = None) -> None:
    """Print a line that is no fact: what is going on, or what to do next."""
    err().print(text, style=style, soft_wrap=True)


def print_json(document: object) -> None:
    """Print the one JSON document of a command; times become RFC 3339 in UTC."""
    sys.stdout.write(json.dumps(document, indent=2, default=_plain) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, fixed: int = 1) -> None:
    """Print rows under their titles. The first `fixed` columns are never cut or broken."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, title in enumerate(columns):
        if index < fixed:
            table.add_column(title, no_wrap=True, min_width=max((len(row[index]) for row in rows), default=0))
        else:
            table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    out().print(table)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something takes its time, as long as the block lasts."""
    console = err()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        yield


def day_and_time(moment: datetime | None, missing: str = "never") -> str:
    """A time for people, in UTC and to the minute."""
    return missing if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _plain(value: object) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
