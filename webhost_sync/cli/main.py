"""`webhost-sync`: the commands in one program, and the one place where their errors end.

Exit codes: 0 done, 1 failed (stderr says why and what to do), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from webhost_sync.cli.failures import FAILED
from webhost_sync.cli.output import note

PROGRAM = "webhost-sync"

COMMANDS = {
    "dev": "dev:dev",
    "serve": "serve:serve",
    "migrate": "schema:migrate",
    "project": "projection:project",
    "rebuild": "projection:rebuild",
    "check": "check:check",
    "doctor": "doctor:doctor",
    "history": "history:history",
    "diff": "history:diff",
    "versions": "versions:versions",
    "restore": "restore:restore",
    "backup": "backup:backup",
    "verify": "backup:verify",
    "maintenance": "upkeep:commands",
    "document": "document:commands",
    "log": "log:commands",
    "tenant": "tenant:commands",
    "key": "key:commands",
    "user": "user:commands",
    "webhook": "webhook:commands",
    "token": "token:token",
    "version": "version:version",
}
"""Where each command is, in the order of the help. A run loads the one that it was asked for: to load all of
them takes longer than most take to run."""


def program(only: str | None = None) -> typer.Typer:
    """Put the program together, with all commands or with one of `COMMANDS`."""
    app = typer.Typer(
        name=PROGRAM,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    for name in [only] if only else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"webhost_sync.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A sync server for Yjs documents that keeps them in Postgres and turns them into SQL tables.

    Start here: `webhost-sync dev`. Settings are environment variables, or lines of `.env`; all of them
    are in docs/settings.md.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage meanwhile, and later not in what was loaded, which stays until the end. The search
    took an eighth of the time until a server is ready."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command, by default that of this process, and exit with its code. Raises: SystemExit."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    asked = next((word for word in given if not word.startswith("-")), None)
    try:
        with loading() if arguments is None else nullcontext():
            asked_for = program(asked if asked in COMMANDS else None)
        asked_for(given, prog_name=PROGRAM)
    except Exception as error:
        # It knows all errors, and with them most of the program; most runs have none.
        from webhost_sync.cli.explanations import explain, traceback_of

        if given[:1] == ["--debug"]:
            note(traceback_of(error))
        note(f"{PROGRAM}: {explain(error)}", style="red")
        sys.exit(FAILED)
    sys.exit()


if __name__ == "__main__":
    main()
