"""`webhost-sync log`: what the running processes log."""

from __future__ import annotations

from typing import Annotated

import typer

from store.changes import announce_level
from webhost_sync.cli.arguments import AsJson
from webhost_sync.cli.database import with_database
from webhost_sync.cli.output import note, print_json
from webhost_sync.cli.settings import load_settings

commands = typer.Typer(no_args_is_help=True, help="Change what the running processes log.")
LEVELS = ("debug", "info", "warning", "error", "default")


@commands.command("level")
def choose_level(
    level: Annotated[
        str,
        typer.Argument(
            metavar="LEVEL", help="debug, info, warning, error, or default: LOG_LEVEL.", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Have every running server and projector log this and all that is worse, until it is started anew.

    Examples:

        webhost-sync log level debug

        webhost-sync log level default
    """
    if level not in LEVELS:
        raise typer.BadParameter(f"{level!r} is no level; there are {', '.join(LEVELS)}")
    chosen = "" if level == "default" else level
    with_database(load_settings(quiet=True), lambda database: announce_level(database, chosen))
    if as_json:
        print_json({"level": level})
    else:
        note(f"Every process that runs now logs at {level}.")
