"""`webhost-sync`: the commands in one program, and the one place where their errors end.

Exit codes: 0 done, 1 failed (stderr says why and what to do), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from webhost_sync.cli import document, key, log, maintenance, tenant, upkeep, user, webhook
from webhost_sync.cli.backup import backup, verify
from webhost_sync.cli.check import check
from webhost_sync.cli.dev import dev
from webhost_sync.cli.doctor import doctor
from webhost_sync.cli.failures import FAILED, explain, traceback_of
from webhost_sync.cli.history import diff, history
from webhost_sync.cli.output import note
from webhost_sync.cli.projection import project, rebuild
from webhost_sync.cli.restore import restore
from webhost_sync.cli.schema import migrate
from webhost_sync.cli.serve import serve
from webhost_sync.cli.token import token
from webhost_sync.cli.version import version
from webhost_sync.cli.versions import versions

PROGRAM = "webhost-sync"

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """A sync server for Yjs documents that keeps them in Postgres and turns them into SQL tables.

    Start here: `webhost-sync dev`. Settings are environment variables, or lines of `.env`; all of them
    are in docs/settings.md.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """


app.command()(dev)
app.command()(serve)
app.command()(migrate)
app.command()(project)
app.command()(rebuild)
app.command()(check)
app.command()(doctor)
app.command()(history)
app.command()(diff)
app.command()(versions)
app.command()(restore)
app.command()(backup)
app.command()(verify)
maintenance.commands.command("weekly")(upkeep.weekly)
maintenance.commands.command("monthly")(upkeep.monthly)
app.add_typer(maintenance.commands, name="maintenance")
app.add_typer(document.commands, name="document")
app.add_typer(log.commands, name="log")
app.add_typer(tenant.commands, name="tenant")
app.add_typer(key.commands, name="key")
app.add_typer(user.commands, name="user")
app.add_typer(webhook.commands, name="webhook")
app.command()(token)
app.command()(version)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command, by default that of this process, and exit with its code. Raises: SystemExit."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(given, prog_name=PROGRAM)
    except Exception as error:
        if given[:1] == ["--debug"]:
            note(traceback_of(error))
        note(f"{PROGRAM}: {explain(error)}", style="red")
        sys.exit(FAILED)
    sys.exit()


if __name__ == "__main__":
    main()
