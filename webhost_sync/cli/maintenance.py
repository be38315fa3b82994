"""`webhost-sync maintenance`: let nobody change anything for a while, and everybody read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from store.database import Database
from store.maintenance import Maintenance, MaintenanceSwitch
from webhost_sync.cli.arguments import AsJson, parse_duration
from webhost_sync.cli.database import operator, with_database
from webhost_sync.cli.output import day_and_time, note, print_json, say
from webhost_sync.cli.settings import load_settings

commands = typer.Typer(
    no_args_is_help=True,
    help="Maintenance mode: reads go on, changes wait on the devices, in every process at once.",
)


@commands.command("on")
def on(
    reason: Annotated[
        str, typer.Option("--reason", help="Why, for everybody who meets it; shown in public.")
    ] = "planned work",
    retry_after: Annotated[
        timedelta,
        typer.Option(
            "--retry-after", parser=parse_duration, metavar="DURATION", help="When clients are to try again."
        ),
    ] = "60s",  # type: ignore[assignment]  # typer parses the text
    as_json: AsJson = False,
) -> None:
    """Take no changes until `off`: HTTP answers 503 with Retry-After, sockets stay and are told.

    Nothing is lost: what devices hold goes through afterwards. Servers follow within seconds
    (ACCESS_CHECK_INTERVAL), also those that start meanwhile.

    Examples:

        webhost-sync maintenance on --reason "moving the database" --retry-after 5m
    """
    settings = load_settings(quiet=True)

    async def begin(database: Database) -> Maintenance:
        seconds = max(1, round(retry_after.total_seconds()))
        return await MaintenanceSwitch(database).begin(
            reason=reason, retry_after=seconds, by=operator().actor
        )

    begun = with_database(settings, begin)
    if as_json:
        print_json(_document(begun))
        return
    say(f"Maintenance is on: {begun.reason}")
    note(
        f"Every process follows within {settings.access_check_interval:g} s. "
        "Let changes in again with: webhost-sync maintenance off"
    )


@commands.command("off")
def off(as_json: AsJson = False) -> None:
    """Take changes again; whoever waited with theirs comes back and brings them.

    Examples:

        webhost-sync maintenance off
    """

    async def end(database: Database) -> Maintenance | None:
        return await MaintenanceSwitch(database).end()

    ended = with_database(load_settings(quiet=True), end)
    if as_json:
        print_json(_document(None))
    elif ended is None:
        say("Maintenance was off already")
    else:
        say(f"Maintenance is off; it was on since {day_and_time(ended.since)} UTC")


@commands.command("status")
def status(as_json: AsJson = False) -> None:
    """Tell whether maintenance is on, since when and why.

    Examples:

        webhost-sync maintenance status --json
    """

    async def ask(database: Database) -> Maintenance | None:
        return await MaintenanceSwitch(database).current()

    found = with_database(load_settings(quiet=True), ask)
    if as_json:
        print_json(_document(found))
    elif found is None:
        say("Maintenance is off")
    else:
        since = day_and_time(found.since)
        say(f"Maintenance is on since {since} UTC, by {found.begun_by}: {found.reason}")


def _document(found: Maintenance | None) -> dict[str, object]:
    return {"on": found is not None, **(asdict(found) if found else {})}
